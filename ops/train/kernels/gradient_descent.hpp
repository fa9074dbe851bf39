// Gradient descent, with momentum, with proximal steps. Formulas: TensorFlow's training_ops.cc.
#pragma once
#include "rule.hpp"

namespace train {

template <typename C>
struct GradientDescent {
  static constexpr int kSlots = 0, kScalars = 1;
  C rate;
  OW_DEVICE explicit GradientDescent(const C *s) : rate(s[0]) {}
  OW_DEVICE void operator()(C &w, C g) const { w -= g * rate; }
};

template <typename C>
struct Momentum {
  static constexpr int kSlots = 1, kScalars = 2;
  C rate, momentum;
  OW_DEVICE explicit Momentum(const C *s) : rate(s[0]), momentum(s[1]) {}
  OW_DEVICE void operator()(C &w, C &a, C g) const {
    a = a * momentum + g;
    w -= a * rate;
  }
};

// Y. Nesterov's method as in I. Sutskever et al., "On the importance of initialization and momentum" (ICML 2013).
template <typename C>
struct Nesterov {
  static constexpr int kSlots = 1, kScalars = 2;
  C rate, momentum;
  OW_DEVICE explicit Nesterov(const C *s) : rate(s[0]), momentum(s[1]) {}
  OW_DEVICE void operator()(C &w, C &a, C g) const {
    a = a * momentum + g;
    w -= g * rate + a * momentum * rate;
  }
};

// J. Duchi, Y. Singer, "Efficient learning using forward-backward splitting" (NIPS 2009). With l1 = 0 the first line
// leaves v as it is.
template <typename C>
OW_DEVICE inline C proximal(C v, C rate, C l1, C l2) {
  const C rest = std::fabs(v) - rate * l1;
  const C shrunk = l1 > C(0) ? sign(v) * (rest > C(0) ? rest : C(0)) : v;
  return shrunk / (C(1) + l2 * rate);
}

template <typename C>
struct ProximalGradientDescent {
  static constexpr int kSlots = 0, kScalars = 3;
  C rate, l1, l2;
  OW_DEVICE explicit ProximalGradientDescent(const C *s) : rate(s[0]), l1(s[1]), l2(s[2]) {}
  OW_DEVICE void operator()(C &w, C g) const { w = proximal(w - g * rate, rate, l1, l2); }
};

template <typename C>
struct ProximalAdagrad {
  static constexpr int kSlots = 1, kScalars = 3;
  C rate, l1, l2;
  OW_DEVICE explicit ProximalAdagrad(const C *s) : rate(s[0]), l1(s[1]), l2(s[2]) {}
  OW_DEVICE void operator()(C &w, C &a, C g) const {
    a += g * g;
    const C own = rate / std::sqrt(a);
    w = proximal(w - g * own, own, l1, l2);
  }
};

}  // namespace train

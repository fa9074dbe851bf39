// Optimizers that scale each element's step by its past gradients. Formulas: TensorFlow's training_ops.cc.
#pragma once
#include "rule.hpp"

namespace train {

// J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods" (JMLR 2011).
template <typename C>
struct Adagrad {
  static constexpr int kSlots = 1, kScalars = 1;
  C rate;
  OW_DEVICE explicit Adagrad(const C *s) : rate(s[0]) {}
  OW_DEVICE void operator()(C &w, C &a, C g) const {
    a += g * g;
    w -= g * rate / std::sqrt(a);
  }
};

// The same by dual averaging: w = -sign(G) rate max(|G| - l1 t, 0) / (l2 t rate + sqrt(S)), G and S the sums of the
// gradients and of their squares over t steps.
template <typename C>
struct AdagradDA {
  static constexpr int kSlots = 2, kScalars = 4;
  C rate, l1, shift, ridge;
  OW_DEVICE explicit AdagradDA(const C *s) : rate(s[0]), l1(s[1]), shift(s[1] * s[3]), ridge(s[2] * s[3] * s[0]) {}
  OW_DEVICE void operator()(C &w, C &sum, C &squares, C g) const {
    sum += g;
    squares += g * g;
    const C rest = std::fabs(sum) - shift;
    const C shrunk = l1 > C(0) ? sign(sum) * (rest > C(0) ? rest : C(0)) : sum;
    w = -rate * shrunk / (ridge + std::sqrt(squares));
  }
};

// M. Zeiler, "ADADELTA: an adaptive learning rate method" (arXiv 1212.5701).
template <typename C>
struct Adadelta {
  static constexpr int kSlots = 2, kScalars = 3;
  C rate, rho, epsilon;
  OW_DEVICE explicit Adadelta(const C *s) : rate(s[0]), rho(s[1]), epsilon(s[2]) {}
  OW_DEVICE void operator()(C &w, C &a, C &u, C g) const {
    a = a * rho + g * g * (C(1) - rho);
    const C step = std::sqrt(u + epsilon) / std::sqrt(a + epsilon) * g;
    u = u * rho + step * step * (C(1) - rho);
    w -= step * rate;
  }
};

// T. Tieleman, G. Hinton, "Neural networks for machine learning", lecture 6.5 (2012).
template <typename C>
struct RmsProp {
  static constexpr int kSlots = 2, kScalars = 4;
  C rate, decay, momentum, epsilon;
  OW_DEVICE explicit RmsProp(const C *s) : rate(s[0]), decay(s[1]), momentum(s[2]), epsilon(s[3]) {}
  OW_DEVICE void operator()(C &w, C &squares, C &m, C g) const {
    squares += (g * g - squares) * (C(1) - decay);
    m = m * momentum + g * rate / std::sqrt(squares + epsilon);
    w -= m;
  }
};

// A. Graves, "Generating sequences with recurrent neural networks" (arXiv 1308.0850): divided by the deviation.
template <typename C>
struct CenteredRmsProp {
  static constexpr int kSlots = 3, kScalars = 4;
  C rate, decay, momentum, epsilon;
  OW_DEVICE explicit CenteredRmsProp(const C *s) : rate(s[0]), decay(s[1]), momentum(s[2]), epsilon(s[3]) {}
  OW_DEVICE void operator()(C &w, C &mean, C &squares, C &m, C g) const {
    squares += (g * g - squares) * (C(1) - decay);
    mean += (g - mean) * (C(1) - decay);
    m = m * momentum + g * rate / std::sqrt(squares - mean * mean + epsilon);
    w -= m;
  }
};

// D. Kingma, J. Ba, "Adam: a method for stochastic optimization" (arXiv 1412.6980), in the form before section 2.1:
// epsilon stands beside the root of the uncorrected second moment.
template <typename C>
struct Adam {
  static constexpr int kSlots = 2, kScalars = 6;
  C step, rest1, rest2, epsilon;
  OW_DEVICE explicit Adam(const C *s)  // rate, beta1_power, beta2_power, beta1, beta2, epsilon
      : step(s[0] * std::sqrt(C(1) - s[2]) / (C(1) - s[1])), rest1(C(1) - s[3]), rest2(C(1) - s[4]), epsilon(s[5]) {}
  OW_DEVICE void operator()(C &w, C &m, C &v, C g) const {
    m += (g - m) * rest1;
    v += (g * g - v) * rest2;
    w -= m * step / (std::sqrt(v) + epsilon);
  }
};

}  // namespace train

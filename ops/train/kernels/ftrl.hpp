// Follow the regularised leader: H. B. McMahan et al., "Ad click prediction: a view from the trenches" (KDD 2013), with
// TensorFlow's shrinkage. Formulas: TensorFlow's training_ops.cc.
#pragma once
#include "rule.hpp"

namespace train {

template <typename C, bool root>
struct Ftrl {
  static constexpr int kSlots = 2, kScalars = 5;
  C rate, l1, l2, shrinkage, power;
  OW_DEVICE explicit Ftrl(const C *s) : rate(s[0]), l1(s[1]), l2(C(2) * s[2]), shrinkage(C(2) * s[3]), power(-s[4]) {}
  OW_DEVICE C raised(C x) const {
    if constexpr (root) return std::sqrt(x);
    else return std::pow(x, power);
  }
  OW_DEVICE void operator()(C &w, C &squares, C &linear, C g) const {
    const C whole = g + shrinkage * w, sum = squares + whole * whole, weight = raised(sum);
    linear += whole - (weight - raised(squares)) / rate * w;
    const C moved = (l1 * sign(linear) - linear) / (weight / rate + l2);
    w = std::fabs(linear) > l1 ? moved : C(0);
    squares = sum;
  }
};
template <typename C>
using Root = Ftrl<C, true>;
template <typename C>
using Power = Ftrl<C, false>;

}  // namespace train

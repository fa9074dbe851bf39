// How optimizers write variables: a Rule for one element, for CPU and GPU.
//
//   template <typename C> struct Momentum {
//     static constexpr int kSlots = 1;    // how many slot variables an element has, at most 3
//     static constexpr int kScalars = 2;  // how many hyper-parameters
//     OW_DEVICE explicit Momentum(const C *s);  // from the hyper-parameters, in the order of the op's arguments
//     OW_DEVICE void operator()(C &w, C &a, C g) const;  // one element: the variable, its slots, the gradient
//   };
//
// Arguments of an op: the variables, each kind of slot, the gradients, the hyper-parameters.
#pragma once
#include "opwright/kernel.hpp"

namespace train {

using namespace opwright;

template <typename C>
OW_DEVICE inline C sign(C x) {
  return static_cast<C>((x > C(0)) - (x < C(0)));
}

}  // namespace train

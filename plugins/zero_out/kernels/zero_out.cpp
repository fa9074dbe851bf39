// zero_out: all elements 0 but one, counted flat. Elements are the units of work.
#include <algorithm>

#include "opwright/kernel.hpp"
#include "zero_out_attributes.h"

using namespace opwright;

namespace {

int32_t prepare(ow_plan *plan) {
  const int64_t n = size(plan->out[0]);
  plan->bytes = static_cast<double>(n * itemsize(plan->out[0]));
  divide(plan, n, 0.1);
  return OW_OK;
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const Range part(call, size(call->out[0]), first, last);
  const int64_t keep = call->attr[TUTORIAL_ZERO_OUT_PRESERVE_INDEX].v.i;
  T *zeroed = data<T>(call->out[0]);
  std::fill(zeroed + part.begin, zeroed + part.end, T(0));
  if (keep >= part.begin && keep < part.end) zeroed[keep] = data<T>(call->in[0])[keep];
  return OW_OK;
}

OW_REGISTER types<int32_t, int64_t, float, double>::each([](auto zero) {
  using T = decltype(zero);
  Kernel("tutorial::zero_out", signature<T>("T->T")).prepare(prepare).run(run<T>);
});

}  // namespace

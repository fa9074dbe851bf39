// arange: start + i * delta, floats in double so that the error does not grow with i.
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

int32_t prepare(ow_plan *plan) {
  plan->bytes = static_cast<double>(size(plan->out[0]) * itemsize(plan->out[0]));
  divide(plan, size(plan->out[0]), 0.5);
  return OW_OK;
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  using C = std::conditional_t<is_float<T>, double, int64_t>;
  const Range range(call, size(call->out[0]), first, last);
  const C start = static_cast<C>(*data<T>(call->in[0])), delta = static_cast<C>(*data<T>(call->in[2]));
  T *y = data<T>(call->out[0]);
  for (int64_t i = range.begin; i < range.end; ++i)
    y[i] = static_cast<T>(static_cast<compute_t<T>>(start + static_cast<C>(i) * delta));
  return OW_OK;
}

OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  Kernel("arange", signature<T>("T,T,T->T")).prepare(prepare).run(run<T>);
});

}  // namespace

// add_n: the sum of tensors of one shape, from the first to the last.
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

constexpr int64_t kPiece = 1024;  // elements that stay in L1 while the inputs are added

int32_t prepare(ow_plan *plan) {
  const int64_t n = size(plan->out[0]);
  const double bytes = static_cast<double>(itemsize(plan->out[0]) * (plan->n_in + 1));
  plan->bytes = bytes * static_cast<double>(n);
  plan->flops = static_cast<double>(n) * plan->n_in;
  divide(plan, n, bytes / 8);
  return OW_OK;
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  using Sum = std::conditional_t<is_float<T>, compute_t<T>, std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>>;
  const Range part(call, size(call->out[0]), first, last);
  T *y = data<T>(call->out[0]);
  for (int64_t at = part.begin; at < part.end; at += kPiece) {
    const int64_t n = part.end - at < kPiece ? part.end - at : kPiece;
    Sum sum[kPiece];
    for (int32_t k = 0; k < call->n_in; ++k) {
      const T *x = data<T>(call->in[k]) + at;
      if (k == 0)
        for (int64_t i = 0; i < n; ++i) sum[i] = static_cast<Sum>(static_cast<compute_t<T>>(x[i]));
      else
        for (int64_t i = 0; i < n; ++i) sum[i] += static_cast<Sum>(static_cast<compute_t<T>>(x[i]));
    }
    for (int64_t i = 0; i < n; ++i) y[at + i] = static_cast<T>(sum[i]);
    if (call->post)
      if (const int32_t code = call->post->apply(call->post, y + at, at, n, call->worker)) return code;
  }
  return OW_OK;
}

OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  Kernel("add_n", signature<T>("T->T")).variant("portable").caps(OW_POST).prepare(prepare).run(run<T>);
});

}  // namespace

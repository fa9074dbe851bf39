// l2_loss: sum(t^2) / 2. Each chunk leaves its part in scratch; finish adds them up in order.
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

constexpr int kLanes = 32;        // independent sums, which compilers vectorise
constexpr int64_t kPiece = 8192;  // elements summed in C before they go into a double

template <typename T>
double squares(const T *x, int64_t n) {
  using C = compute_t<T>;
  C sums[kLanes] = {};
  const int64_t full = n / kLanes * kLanes;
  for (int64_t i = 0; i < full; i += kLanes)
    for (int j = 0; j < kLanes; ++j) sums[j] += static_cast<C>(x[i + j]) * static_cast<C>(x[i + j]);
  for (int64_t i = full; i < n; ++i) sums[i - full] += static_cast<C>(x[i]) * static_cast<C>(x[i]);
  double total = 0;
  for (int j = 0; j < kLanes; ++j) total += static_cast<double>(sums[j]);
  return total;
}

int32_t prepare(ow_plan *plan) {
  const int64_t n = size(plan->in[0]), bytes = n * itemsize(plan->in[0]);
  divide(plan, (n + kPiece - 1) / kPiece, static_cast<double>(kPiece * itemsize(plan->in[0])) / 10);
  plan->scratch_bytes = static_cast<uint64_t>(plan->n_chunks) * sizeof(double);
  plan->flops = 2.0 * static_cast<double>(n);
  plan->bytes = static_cast<double>(bytes);
  return OW_OK;
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const int64_t n = size(call->in[0]);
  for (int64_t c = first; c < last; ++c) {
    const Range pieces(call, (n + kPiece - 1) / kPiece, c, c + 1);
    double total = 0;
    for (int64_t p = pieces.begin; p < pieces.end; ++p) {
      const int64_t at = p * kPiece;
      total += squares(data<const T>(call->in[0]) + at, n - at < kPiece ? n - at : kPiece);
    }
    static_cast<double *>(call->scratch)[c] = total;
  }
  return OW_OK;
}

template <typename T>
int32_t finish(const ow_call *call) {
  double total = 0;
  for (int64_t c = 0; c < call->n_chunks; ++c) total += static_cast<const double *>(call->scratch)[c];
  *data<T>(call->out[0]) = static_cast<T>(static_cast<compute_t<T>>(total / 2));
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("l2_loss", signature<T>("T->T")).prepare(prepare).run(run<T>).finish(finish<T>);
});

}  // namespace

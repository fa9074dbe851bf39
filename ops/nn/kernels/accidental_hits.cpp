// Sampled classes that happen to be true classes of the example: listed, or their logits replaced.
#include <limits>

#include "nn_attributes.h"
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

constexpr float kLowest = -std::numeric_limits<float>::max();

// The last place of a class among the candidates; -1 if it is not there.
int64_t place(const int64_t *sampled, int64_t n, int64_t k) {
  int64_t found = -1;
  for (int64_t i = 0; i < n; ++i) found = sampled[i] == k ? i : found;
  return found;
}

int32_t list(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *labels = call->in[0], *sampled = call->in[1];
  const int64_t n = size(labels), per_row = labels->shape[1];
  int64_t hits = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = place(data<const int64_t>(sampled), sampled->shape[0], data<const int64_t>(labels)[i]);
    if (at < 0) continue;
    data<int32_t>(call->out[0])[hits] = static_cast<int32_t>(i / per_row);
    data<int64_t>(call->out[1])[hits] = at;
    data<float>(call->out[2])[hits] = kLowest;
    ++hits;
  }
  for (int k = 0; k < 3; ++k) call->out[k]->shape[0] = hits;
  return OW_OK;
}

int32_t prepare_mask(ow_plan *plan) {
  const ow_tensor *logits = plan->in[0], *labels = plan->in[1];
  plan->bytes = 2.0 * static_cast<double>(size(logits) * itemsize(logits));
  divide(plan, logits->shape[0], static_cast<double>(logits->shape[1] * labels->shape[1]) / 3 + 10);
  return OW_OK;
}

template <typename T>
constexpr float kLargest = std::is_same_v<T, half>       ? 65504.0f
                           : std::is_same_v<T, bfloat16> ? 3.3895314e38f
                                                         : -kLowest;

template <typename T>
int32_t mask(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Range rows(call, call->in[0]->shape[0], first, last);
  const int64_t n = call->in[0]->shape[1], n_true = call->in[1]->shape[1];
  const int64_t *sampled = data<const int64_t>(call->in[2]);
  const double given = call->attr[MASK_ACCIDENTAL_HITS_VALUE].v.f;
  const C value = static_cast<C>(given < -kLargest<T> ? -kLargest<T> : given);  // finite in 16 bits too
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const T *x = data<const T>(call->in[0]) + r * n;
    T *y = data<T>(call->out[0]) + r * n;
    if (n_true == 0 && n) std::memmove(y, x, static_cast<size_t>(n) * sizeof(T));
    for (int64_t t = 0; t < n_true; ++t) {
      const int64_t label = data<const int64_t>(call->in[1])[r * n_true + t];
      const T *from = t ? y : x;
      OW_IVDEP
      for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(sampled[i] == label ? value : static_cast<C>(from[i]));
    }
  }
  return OW_OK;
}

constexpr int8_t kOverLogits[] = {0, 0, -1};

OW_REGISTER Kernel("compute_accidental_hits", "int64,int64->int32,int64,float32").caps(OW_DYNAMIC).run(list);
OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("mask_accidental_hits", signature<T>("T,int64,int64->T"))
      .prepare(prepare_mask)
      .run(mask<T>)
      .inplace(kOverLogits);
});

}  // namespace

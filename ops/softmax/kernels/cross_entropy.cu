// Softmax cross-entropies on the GPU: loss = sum_k l_k (log(s) - (x_k - max)), s = sum(exp(x - max)), and backprop =
// softmax(x) - l. A label that is no class gives nan in loss and backprop, as TensorFlow's kernel does: a GPU cannot
// raise an error.
#include "rows.cuh"

using namespace opwright;

namespace {

template <typename T>
__global__ void cross_entropy(const T *labels, const T *logits, T *losses, T *backprops, Rows rows) {
  using C = compute_t<T>;
  for (int64_t r = blockIdx.x; r < rows.count; r += gridDim.x) {
    const T *l = labels + r * rows.n, *x = logits + r * rows.n;
    T *backprop = backprops + r * rows.n;
    const C max = max_of<C>(x, rows);
    const C sum = sum_over<C>(rows.n, [&](int64_t k) { return std::exp(static_cast<C>(x[k]) - max); });
    const C weight = sum_over<C>(rows.n, [&](int64_t k) { return static_cast<C>(l[k]); });
    const C below = sum_over<C>(rows.n, [&](int64_t k) {  // where a label is 0, a logit may be -inf
      const C label = static_cast<C>(l[k]);
      return label == C(0) ? C(0) : label * (max - static_cast<C>(x[k]));
    });
    if (threadIdx.x == 0) losses[r] = static_cast<T>(rows.n ? below + weight * std::log(sum) : C(0));
    for (int64_t k = threadIdx.x; k < rows.n; k += kThreads)
      backprop[k] = static_cast<T>(std::exp(static_cast<C>(x[k]) - max) / sum - static_cast<C>(l[k]));
  }
}

template <typename T, typename I>
__global__ void sparse_cross_entropy(const I *labels, const T *logits, T *losses, T *backprops, Rows rows) {
  using C = compute_t<T>;
  for (int64_t r = blockIdx.x; r < rows.count; r += gridDim.x) {
    const T *x = logits + r * rows.n;
    T *backprop = backprops + r * rows.n;
    const int64_t label = static_cast<int64_t>(labels[r]);
    const bool is_class = label >= 0 && label < rows.n;
    // Read before backprop, which may lie over the logits, is written: the reductions below stand between.
    const C mine = is_class ? static_cast<C>(x[label]) : static_cast<C>(NAN);
    const C max = max_of<C>(x, rows);
    const C sum = sum_over<C>(rows.n, [&](int64_t k) { return std::exp(static_cast<C>(x[k]) - max); });
    if (threadIdx.x == 0) losses[r] = static_cast<T>(std::log(sum) + (max - mine));
    for (int64_t k = threadIdx.x; k < rows.n; k += kThreads) {
      const C e = std::exp(static_cast<C>(x[k]) - max) / sum;
      backprop[k] = static_cast<T>(is_class ? e - (k == label ? C(1) : C(0)) : mine);
    }
  }
}

// Inputs are (labels, logits) in both.
int32_t prepare(ow_plan *plan) { return state<Rows>(plan, rows_along(plan->in[1], -1)) ? OW_OK : OW_NO_MEMORY; }

template <typename L, typename T>
int32_t start(const ow_call *call, void (*kernel)(const L *, const T *, T *, T *, Rows)) {
  const Rows &rows = *static_cast<const Rows *>(call->state);
  return launch(call, kernel, blocks_for(rows), data<const L>(call->in[0]), data<const T>(call->in[1]),
                data<T>(call->out[0]), data<T>(call->out[1]), rows);
}

template <typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  return start<T, T>(call, cross_entropy<T>);
}

template <typename T, typename I>
int32_t run_sparse(const ow_call *call, int64_t, int64_t) {
  return start<I, T>(call, sparse_cross_entropy<T, I>);
}

constexpr int8_t kOverLogits[] = {1, 1, -1};

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  CudaKernel("softmax_cross_entropy_with_logits", signature<T>("T,T->T,T"))
      .prepare(prepare)
      .run(run<T>)
      .inplace(kOverLogits);
  indices::each([](auto index) {
    using I = decltype(index);
    CudaKernel("sparse_softmax_cross_entropy_with_logits", signature<T, I>("U,T->T,T"))
        .prepare(prepare)
        .run(run_sparse<T, I>)
        .inplace(kOverLogits);
  });
});

}  // namespace

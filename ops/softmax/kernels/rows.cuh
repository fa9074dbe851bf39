// rows.cuh: kernels on the GPU that work on the rows along an axis of a dense tensor, a block a row.
#pragma once
#include "opwright/kernel.cuh"

namespace opwright {

// A tensor seen as [outer, n, inner]: its rows run along the middle, `inner` elements apart.
struct Rows {
  int64_t count, n, inner;
  __device__ int64_t first(int64_t row) const { return row / inner * n * inner + row % inner; }
};

inline Rows rows_along(const ow_tensor *t, int64_t axis) {
  const int32_t at = static_cast<int32_t>(axis < 0 ? axis + t->ndim : axis);
  const int64_t inner = extent(t, at + 1, t->ndim);
  return Rows{extent(t, 0, at) * inner, t->shape[at], inner};
}

inline int64_t blocks_for(const Rows &rows) { return std::min(rows.count, kMostBlocks); }

// f(0) + ... + f(n - 1), by the threads of a block; each gets the sum.
template <typename C, typename F>
__device__ C sum_over(int64_t n, F f) {
  C sum = 0;
  for (int64_t k = threadIdx.x; k < n; k += kThreads) sum += f(k);
  return block_sum(sum);
}

// The largest element of a row.
template <typename C, typename T>
__device__ C max_of(const T *x, const Rows &rows) {
  C max = static_cast<C>(-INFINITY);
  for (int64_t k = threadIdx.x; k < rows.n; k += kThreads) max = Larger()(max, static_cast<C>(x[k * rows.inner]));
  return block_max(max);
}

}  // namespace opwright

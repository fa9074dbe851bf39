// in_top_k on the GPU, a block a row. False where the target is no class or a prediction is not finite.
#include "opwright/kernel.cuh"

using namespace opwright;

namespace {

template <typename T, typename I>
__global__ void in_top(const I *targets, const T *predictions, const I *k, bool *y, int64_t rows, int64_t n) {
  using C = compute_t<T>;
  for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
    const T *row = predictions + r * n;
    const int64_t target = static_cast<int64_t>(targets[r]);
    const bool is_class = target >= 0 && target < n;
    const C mine = is_class ? static_cast<C>(row[target]) : C(0);
    int64_t above = 0, odd = 0;
    for (int64_t i = threadIdx.x; i < n; i += kThreads) {
      const C x = static_cast<C>(row[i]);
      above += x > mine;
      odd += x - x != C(0);  // inf, nan
    }
    above = block_sum(above);
    odd = block_sum(odd);
    if (threadIdx.x == 0) y[r] = is_class && odd == 0 && above < static_cast<int64_t>(*k);
  }
}

template <typename T, typename I>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const int64_t rows = call->in[1]->shape[0], n = call->in[1]->shape[1];
  return launch(call, in_top<T, I>, std::min(rows, kMostBlocks), data<const I>(call->in[0]), data<const T>(call->in[1]),
                data<const I>(call->in[2]), data<bool>(call->out[0]), rows, n);
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  indices::each([](auto index) {
    using I = decltype(index);
    CudaKernel("in_top_k", signature<T, I>("U,T,U->bool")).run(run<T, I>);
  });
});

}  // namespace

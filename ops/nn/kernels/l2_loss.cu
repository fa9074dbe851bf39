// l2_loss on the GPU: sum(t^2) / 2. Each block leaves its part in scratch; one block adds these up in order.
#include "opwright/kernel.cuh"

using namespace opwright;

namespace {

constexpr int64_t kBlocks = 512;

template <typename T>
__global__ void squares(const T *x, compute_t<T> *parts, int64_t n) {
  using C = compute_t<T>;
  C sum = 0;
  for (int64_t i = first_index(); i < n; i += all_threads()) sum += static_cast<C>(x[i]) * static_cast<C>(x[i]);
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

template <typename T>
__global__ void add_up(const compute_t<T> *parts, T *y, int64_t n) {
  using C = compute_t<T>;
  C sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += parts[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *y = static_cast<T>(sum / 2);
}

template <typename T>
int32_t prepare(ow_plan *plan) {
  plan->scratch_bytes = static_cast<uint64_t>(kBlocks) * sizeof(compute_t<T>);
  return OW_OK;
}

template <typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const int64_t n = size(call->in[0]), blocks = std::min(blocks_for(n), kBlocks);
  compute_t<T> *parts = static_cast<compute_t<T> *>(call->scratch);
  const int32_t status = launch(call, squares<T>, blocks, data<const T>(call->in[0]), parts, n);
  return status ? status : launch(call, add_up<T>, 1, parts, data<T>(call->out[0]), blocks);
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  CudaKernel("l2_loss", signature<T>("T->T")).prepare(prepare<T>).run(run<T>);
});

}  // namespace

// Tensors filled with uniform and normal numbers on the GPU, a thread a block of Philox: the numbers that the CPU
// draws.
#include "opwright/kernel.cuh"
#include "opwright/philox.hpp"

// Not `using namespace`: CUDA looks for its own exp and log among global names.
namespace opwright {
namespace {

template <template <typename> class Distribution, typename T>
__global__ void fill(T *y, int64_t n, philox::Key key) {
  constexpr int kEach = philox::kPerBlock<T>;
  for (int64_t b = first_index(); b * kEach < n; b += all_threads()) {
    const uint64_t number = static_cast<uint64_t>(b);
    const philox::Block block = philox::block(key, number);
    for (int slot = 0; slot < kEach; ++slot) {
      const int64_t i = b * kEach + slot;
      if (i < n) y[i] = static_cast<T>(Distribution<T>::one(key, block, number, slot));
    }
  }
}

template <template <typename> class Distribution, typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  constexpr int64_t kEach = philox::kPerBlock<T>;
  const int64_t n = size(call->out[0]), blocks = blocks_for((n + kEach - 1) / kEach);
  return launch(call, fill<Distribution, T>, blocks, data<T>(call->out[0]), n, philox::Key(*call->rng));
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  const std::string types = signature<T>("*->T");
  CudaKernel("random_standard_uniform", types).run(run<philox::Uniform, T>);
  CudaKernel("random_standard_normal", types).run(run<philox::Normal, T>);
  CudaKernel("random_standard_truncated_normal", types).run(run<philox::TruncatedNormal, T>);
});

}  // namespace
}  // namespace opwright

// dropout on the GPU: x / (1 - rate) where a random number reaches the rate, else 0; and the mask. The numbers are the
// CPU's. A rate outside [0, 1) gives nan: a GPU cannot raise an error.
#include "opwright/kernel.cuh"
#include "opwright/philox.hpp"

// Not `using namespace`: CUDA looks for its own exp and log among global names.
namespace opwright {
namespace {

// Block 16 g + j holds the draws of elements 64 g + j + 16 w, w = 0 .. 3.
template <typename T, typename R>
__global__ void drop(const T *x, const R *rate_at, T *y, bool *mask, int64_t n, int64_t blocks, philox::Key key) {
  using C = compute_t<T>;
  const R rate = *rate_at;
  const bool valid = rate >= R(0) && rate < R(1);
  const uint32_t limit = valid ? static_cast<uint32_t>(static_cast<double>(rate) * 4294967296.0) : 0;
  const C scale = valid ? static_cast<C>(R(1) / (R(1) - rate)) : static_cast<C>(NAN);
  for (int64_t b = first_index(); b < blocks; b += all_threads()) {
    const philox::Block block = philox::block(key, static_cast<uint64_t>(b));
    for (int w = 0; w < 4; ++w) {
      const int64_t i = b / philox::kLanes * 4 * philox::kLanes + b % philox::kLanes + w * philox::kLanes;
      if (i >= n) continue;
      const bool keep = block.word[w] >= limit;
      mask[i] = keep;
      y[i] = static_cast<T>(keep ? static_cast<C>(x[i]) * scale : C(0));
    }
  }
}

template <typename T, typename R>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const int64_t n = size(call->in[0]), group = 4 * philox::kLanes;
  const int64_t blocks = (n + group - 1) / group * philox::kLanes;
  return launch(call, drop<T, R>, blocks_for(blocks), data<const T>(call->in[0]), data<const R>(call->in[1]),
                data<T>(call->out[0]), data<bool>(call->out[1]), n, blocks, philox::Key(*call->rng));
}

constexpr int8_t kOverX[] = {0, 0, -1};

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  wide_floats::each([](auto one) {
    using R = decltype(one);
    CudaKernel("dropout", signature<T, R>("T,U->T,bool")).run(run<T, R>).inplace(kOverX);
  });
});

}  // namespace
}  // namespace opwright

// zero_out, CUDA: one thread for each element.
#include <cuda_runtime.h>

#include "opwright/kernel.hpp"
#include "zero_out_attributes.h"

using namespace opwright;

namespace {

template <typename T>
__global__ void keep_one(const T *to_zero, T *zeroed, int64_t n, int64_t keep) {
  const int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (i < n) zeroed[i] = i == keep ? to_zero[i] : T(0);
}

template <typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const int64_t n = size(call->out[0]), keep = call->attr[TUTORIAL_ZERO_OUT_PRESERVE_INDEX].v.i;
  const auto blocks = static_cast<unsigned>((n + 255) / 256);  // the shape function has seen to it that n > keep
  keep_one<<<blocks, 256, 0, static_cast<cudaStream_t>(call->stream)>>>(data<T>(call->in[0]), data<T>(call->out[0]), n,
                                                                        keep);
  const cudaError_t error = cudaPeekAtLastError();
  return error == cudaSuccess ? OW_OK : OW_FAIL(call, OW_INTERNAL, "the launch failed: %s", cudaGetErrorString(error));
}

OW_REGISTER types<int32_t, int64_t, float, double>::each([](auto zero) {
  using T = decltype(zero);
  Kernel("tutorial::zero_out", signature<T>("T->T")).device("cuda").run(run<T>);
});

}  // namespace

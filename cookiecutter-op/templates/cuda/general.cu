// {{ cookiecutter.name }}, CUDA: one thread for each element.
#include <cuda_runtime.h>

#include "opwright/kernel.hpp"
#include "{{ cookiecutter.name }}_attributes.h"

using namespace opwright;

namespace {

template <typename T>
__global__ void shifted(const T *x, T *y, int64_t n, int64_t cols, int64_t shift) {
  const int64_t at = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x, i = at % cols;
  if (at < n) y[at] = i >= shift && i - shift < cols ? x[at - shift] : T(0);
}

template <typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *x = call->in[0];
  const int64_t n = size(x), shift = call->attr[{{ cookiecutter.namespace | upper }}_{{ cookiecutter.name | upper }}_SHIFT].v.i;
  if (n == 0) return OW_OK;  // a grid without blocks is an error
  const auto blocks = static_cast<unsigned>((n + 255) / 256);
  shifted<<<blocks, 256, 0, static_cast<cudaStream_t>(call->stream)>>>(data<T>(x), data<T>(call->out[0]), n,
                                                                       x->shape[x->ndim - 1], shift);
  const cudaError_t error = cudaPeekAtLastError();
  return error == cudaSuccess ? OW_OK : OW_FAIL(call, OW_INTERNAL, "the launch failed: %s", cudaGetErrorString(error));
}

OW_REGISTER types<float, double, int32_t, int64_t>::each([](auto zero) {
  using T = decltype(zero);
  Kernel("{{ cookiecutter.__op }}", signature<T>("T->T")).device("cuda").run(run<T>);
});

}  // namespace

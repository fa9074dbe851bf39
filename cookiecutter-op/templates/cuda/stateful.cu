// {{ cookiecutter.name }}, CUDA: one thread for each column.
#include <cuda_runtime.h>

#include "opwright/kernel.hpp"
#include "{{ cookiecutter.name }}_attributes.h"

using namespace opwright;

namespace {

template <typename T>
__global__ void average(T *mean, const T *x, int64_t rows, int64_t cols, double decay) {
  const int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (i >= cols) return;
  double sum = 0;
  for (int64_t row = 0; row < rows; ++row) sum += x[row * cols + i];
  mean[i] = static_cast<T>(decay * mean[i] + (1 - decay) * sum / static_cast<double>(rows));
}

template <typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *x = call->in[1];
  const int64_t rows = x->shape[0], cols = x->shape[1];
  if (cols == 0) return OW_OK;  // a grid without blocks is an error
  const double decay = call->attr[{{ cookiecutter.namespace | upper }}_{{ cookiecutter.name | upper }}_DECAY].v.f;
  const auto blocks = static_cast<unsigned>((cols + 127) / 128);
  average<<<blocks, 128, 0, static_cast<cudaStream_t>(call->stream)>>>(data<T>(call->in[0]), data<T>(x), rows, cols,
                                                                       decay);
  const cudaError_t error = cudaPeekAtLastError();
  return error == cudaSuccess ? OW_OK : OW_FAIL(call, OW_INTERNAL, "the launch failed: %s", cudaGetErrorString(error));
}

OW_REGISTER wide_floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("{{ cookiecutter.__op }}", signature<T>("T,T->T")).device("cuda").run(run<T>);
});

}  // namespace

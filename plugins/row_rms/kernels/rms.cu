// rms, CUDA: one block of threads for each row.
#include <cuda_runtime.h>

#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

constexpr int kThreads = 256;

template <typename T>
__global__ void root_mean_square(const T *x, T *y, int64_t cols) {
  __shared__ double sums[kThreads];
  x += blockIdx.x * cols;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < cols; i += kThreads) sum += static_cast<double>(x[i]) * x[i];
  sums[threadIdx.x] = sum;
  for (int half = kThreads / 2; half; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  if (threadIdx.x == 0) y[blockIdx.x] = static_cast<T>(sqrt(sums[0] / static_cast<double>(cols)));
}

template <typename T>
__global__ void slopes(const T *dy, const T *x, const T *y, T *dx, int64_t cols) {
  const int64_t at = blockIdx.x * cols;
  const T root = y[blockIdx.x];
  const T scale = root > 0 ? dy[blockIdx.x] / (static_cast<T>(cols) * root) : T(0) * root;
  for (int64_t i = threadIdx.x; i < cols; i += kThreads) dx[at + i] = scale * x[at + i];
}

int32_t launched(const ow_call *call) {
  const cudaError_t error = cudaPeekAtLastError();
  return error == cudaSuccess ? OW_OK : OW_FAIL(call, OW_INTERNAL, "the launch failed: %s", cudaGetErrorString(error));
}

template <typename T>
int32_t forward(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *x = call->in[0];
  const int64_t rows = size(call->out[0]), cols = x->shape[x->ndim - 1];
  if (rows == 0) return OW_OK;  // a grid without blocks is an error
  const auto stream = static_cast<cudaStream_t>(call->stream);
  root_mean_square<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(data<T>(x), data<T>(call->out[0]), cols);
  return launched(call);
}

template <typename T>
int32_t backward(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *x = call->in[1];
  const int64_t rows = size(call->in[0]), cols = x->shape[x->ndim - 1];
  if (rows == 0) return OW_OK;
  const auto stream = static_cast<cudaStream_t>(call->stream);
  slopes<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(data<T>(call->in[0]), data<T>(x), data<T>(call->in[2]),
                                                               data<T>(call->out[0]), cols);
  return launched(call);
}

OW_REGISTER wide_floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("row::rms", signature<T>("T->T")).device("cuda").run(forward<T>);
  Kernel("row::rms_grad", signature<T>("T,T,T->T")).device("cuda").run(backward<T>);
});

}  // namespace

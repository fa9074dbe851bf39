// opwright/kernel.cuh: kernel.hpp for CUDA. Launching, errors, reductions within a block.
//
//   template <typename T>
//   __global__ void twice(const T *x, T *y, int64_t n) {
//     for (int64_t i = first_index(); i < n; i += all_threads()) y[i] = static_cast<T>(2 *
//     static_cast<compute_t<T>>(x[i]));
//   }
//   template <typename T>
//   int32_t run(const ow_call *call, int64_t, int64_t) {
//     const int64_t n = size(call->in[0]);
//     return launch(call, twice<T>, blocks_for(n), data<const T>(call->in[0]), data<T>(call->out[0]), n);
//   }
//   OW_REGISTER floats::each([](auto zero) {
//     using T = decltype(zero);
//     CudaKernel("twice", signature<T>("T->T")).run(run<T>);
//   });
//
// Tensors and scratch lie on the GPU: run must not read them. All work goes to call->stream, and run returns before it
// is done. A kernel has one chunk, and must not say OW_ZEROED_SCRATCH.
#pragma once
#include <cuda_runtime.h>

#include <algorithm>

#include "opwright/kernel.hpp"

namespace opwright {

constexpr int kThreads = 256;           // of a block
constexpr int64_t kMostBlocks = 65535;  // beyond, threads do several elements

class CudaKernel : public Kernel {
 public:
  CudaKernel(const char *op, const std::string &signature) : Kernel(op, signature) { device("cuda"); }
};

// ---- on the host -------------------------------------------------------------------------------------------------

// How many blocks give each of n elements a thread; 0 for no elements.
inline int64_t blocks_for(int64_t n) { return std::min(kMostBlocks, (n + kThreads - 1) / kThreads); }

inline int32_t launched(const ow_call *call, cudaError_t status) {
  if (status == cudaSuccess) return OW_OK;
  cudaGetLastError();  // later calls start without it
  if (status != cudaErrorInsufficientDriver) return OW_FAIL(call, OW_INTERNAL, "CUDA: %s", cudaGetErrorString(status));
  int driver = 0;
  cudaDriverGetVersion(&driver);
  return OW_FAIL(call, OW_INTERNAL,
                 "CUDA: the kernels are built with CUDA %d.%d, the driver is for %d.%d; update it, or install opwright "
                 "built with an older nvcc",
                 CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10, driver / 1000, driver % 1000 / 10);
}

// Makes the call's GPU the thread's: streams belong to one.
inline cudaError_t use_device(const ow_call *call) {
  return cudaSetDevice((call->n_out ? call->out[0] : call->in[0])->device.id);
}

// Starts a kernel on blocks of kThreads threads; without blocks there is nothing to do.
template <typename... Parameters, typename... Arguments>
int32_t launch(const ow_call *call, void (*kernel)(Parameters...), int64_t blocks, Arguments... arguments) {
  if (blocks <= 0) return OW_OK;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(kThreads);
  config.stream = static_cast<cudaStream_t>(call->stream);
  cudaError_t status = use_device(call);
  if (status == cudaSuccess) status = cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  return launched(call, status);
}

// Copies within the GPU.
inline int32_t copy(const ow_call *call, void *to, const void *from, int64_t bytes) {
  if (bytes <= 0 || to == from) return OW_OK;
  cudaError_t status = use_device(call);
  if (status == cudaSuccess)
    status = cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice,
                             static_cast<cudaStream_t>(call->stream));
  return launched(call, status);
}

// ---- on the GPU --------------------------------------------------------------------------------------------------

__device__ inline int64_t first_index() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t all_threads() { return static_cast<int64_t>(blockDim.x) * gridDim.x; }

// combine(a, b) over the values of a block's threads, in a fixed order; every thread gets it.
template <typename T, typename F>
__device__ T block_reduce(T value, F combine) {
  __shared__ T parts[kThreads];
  const int t = static_cast<int>(threadIdx.x);
  __syncthreads();  // the last reduction's result may still be read
  parts[t] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (t < half) parts[t] = combine(parts[t], parts[t + half]);
    __syncthreads();
  }
  return parts[0];
}

struct Plus {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct Larger {  // nan wins
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return b > a || b != b ? b : a;
  }
};

template <typename T>
__device__ T block_sum(T value) {
  return block_reduce(value, Plus());
}
template <typename T>
__device__ T block_max(T value) {
  return block_reduce(value, Larger());
}

// A tensor's index space with strides, at most 12 dimensions, as a kernel's parameter.
struct Strided {
  int32_t n;
  int64_t size[12], stride[12];

  // Where element `index`, counted row-major, lies.
  __device__ int64_t offset(int64_t index) const {
    int64_t at = 0;
    for (int32_t d = n - 1; d > 0; --d) {
      at += index % size[d] * stride[d];
      index /= size[d];
    }
    return n > 0 ? at + index * stride[0] : 0;
  }
};

}  // namespace opwright

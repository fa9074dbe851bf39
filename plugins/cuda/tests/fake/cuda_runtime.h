/* A stand-in for CUDA's runtime, for hosts without a GPU: a launch runs the kernel at once, block after block, its
 * threads as fibers that change at __syncthreads. Checked: that a grid has blocks, that the stream is the device's, that
 * pointers are to the device's memory, that all threads of a block meet at each __syncthreads. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <math.h>

#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "fake.h"

#define __global__
#define __device__
#define __host__
#define __shared__ static

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

inline dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace fake {

struct Fiber {
  ucontext_t context;
  std::vector<char> stack;
  bool done = false;
};

struct Block {
  ucontext_t scheduler;
  std::vector<Fiber> fibers;
  const std::function<void()> *body = nullptr;
  unsigned current = 0;
};
inline Block block;

inline void enter() {
  (*block.body)();
  block.fibers[block.current].done = true;
  swapcontext(&block.fibers[block.current].context, &block.scheduler);
}

inline void run_block(unsigned threads, const std::function<void()> &body) {
  block.fibers.resize(threads);
  block.body = &body;
  for (Fiber &f : block.fibers) {
    f.done = false;
    f.stack.resize(1 << 16);
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.data();
    f.context.uc_stack.ss_size = f.stack.size();
    f.context.uc_link = nullptr;
    makecontext(&f.context, enter, 0);
  }
  for (unsigned waiting = threads; waiting > 0;) {
    waiting = 0;
    for (block.current = 0; block.current < threads; ++block.current) {
      threadIdx.x = block.current;
      swapcontext(&block.scheduler, &block.fibers[block.current].context);
      waiting += !block.fibers[block.current].done;
    }
    if (waiting != 0 && waiting != threads) {
      fprintf(stderr, "fake GPU: %u of %u threads are at __syncthreads, the others have ended\n", waiting, threads);
      abort();
    }
  }
}

template <typename T>
void check(const T &) {}
template <typename T>
void check(T *const &pointer) {
  fake_check(pointer);
}

template <typename... P>
void run(unsigned blocks, unsigned threads, void (*kernel)(P...), const P &...arguments) {
  (check(arguments), ...);
  const std::function<void()> body = [&] { kernel(arguments...); };
  fake_enter();
  gridDim = dim3(blocks), blockDim = dim3(threads);
  for (unsigned b = 0; b < blocks; ++b) {
    blockIdx.x = b;
    run_block(threads, body);
  }
  fake_leave();
}

template <typename... P, size_t... I>
void call(unsigned blocks, unsigned threads, void (*kernel)(P...), void **p, std::index_sequence<I...>) {
  run(blocks, threads, kernel, *static_cast<std::remove_cv_t<P> *>(p[I])...);
}

}  // namespace fake

inline void __syncthreads() { swapcontext(&fake::block.fibers[fake::block.current].context, &fake::block.scheduler); }

/* What the fake driver calls for a generated kernel. */
template <typename... P>
void fake_call(unsigned blocks, unsigned threads, void (*kernel)(P...), void **parameters) {
  fake::call(blocks, threads, kernel, parameters, std::index_sequence_for<P...>());
}
#define FAKE_ENTRY(name)                                                                          \
  extern "C" void name##_entry(unsigned blocks, unsigned threads, void **parameters) {            \
    fake_call(blocks, threads, name, parameters);                                                 \
  }

/* ---- the runtime's functions that kernel.cuh uses ---- */

typedef void *cudaStream_t;
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorInsufficientDriver = 35 };
enum cudaMemcpyKind { cudaMemcpyDeviceToDevice = 3 };
#define CUDART_VERSION 13000

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  void *attrs;
  unsigned numAttrs;
};

inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char *cudaGetErrorString(cudaError_t) { return "invalid argument"; }
inline cudaError_t cudaDriverGetVersion(int *version) { return *version = 13000, cudaSuccess; }

template <typename... P, typename... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(P...), A &&...arguments) {
  if (config->gridDim.x == 0 || config->blockDim.x > 1024 || !fake_is_stream(config->stream)) return cudaErrorInvalidValue;
  fake::run(config->gridDim.x, config->blockDim.x, kernel, static_cast<const P &>(arguments)...);
  return cudaSuccess;
}

inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind, cudaStream_t stream) {
  if (!fake_is_stream(stream)) return cudaErrorInvalidValue;
  fake_check(to), fake_check(from);
  fake_enter();
  memcpy(to, from, n);
  fake_leave();
  return cudaSuccess;
}

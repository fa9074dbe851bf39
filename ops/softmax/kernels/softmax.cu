// softmax and log_softmax on the GPU, and their gradients.
#include "rows.cuh"

using namespace opwright;

namespace {

struct Softmax {
  template <typename T>
  __device__ static void row(const T *x, const T *, T *y, const Rows &rows) {
    using C = compute_t<T>;
    const C max = max_of<C>(x, rows);
    const C sum = sum_over<C>(rows.n, [&](int64_t k) { return std::exp(static_cast<C>(x[k * rows.inner]) - max); });
    for (int64_t k = threadIdx.x; k < rows.n; k += kThreads)
      y[k * rows.inner] = static_cast<T>(std::exp(static_cast<C>(x[k * rows.inner]) - max) / sum);
  }
};

struct LogSoftmax {
  template <typename T>
  __device__ static void row(const T *x, const T *, T *y, const Rows &rows) {
    using C = compute_t<T>;
    const C max = max_of<C>(x, rows);
    const C sum = sum_over<C>(rows.n, [&](int64_t k) { return std::exp(static_cast<C>(x[k * rows.inner]) - max); });
    const C log_sum = std::log(sum);
    for (int64_t k = threadIdx.x; k < rows.n; k += kThreads)
      y[k * rows.inner] = static_cast<T>(static_cast<C>(x[k * rows.inner]) - max - log_sum);
  }
};

// dx = y (dy - <dy, y>)
struct SoftmaxGrad {
  template <typename T>
  __device__ static void row(const T *dy, const T *y, T *dx, const Rows &rows) {
    using C = compute_t<T>;
    const auto at = [&](const T *t, int64_t k) { return static_cast<C>(t[k * rows.inner]); };
    const C inner = sum_over<C>(rows.n, [&](int64_t k) { return at(dy, k) * at(y, k); });
    for (int64_t k = threadIdx.x; k < rows.n; k += kThreads)
      dx[k * rows.inner] = static_cast<T>(at(y, k) * (at(dy, k) - inner));
  }
};

// dx = dy - exp(y) sum(dy)
struct LogSoftmaxGrad {
  template <typename T>
  __device__ static void row(const T *dy, const T *y, T *dx, const Rows &rows) {
    using C = compute_t<T>;
    const auto at = [&](const T *t, int64_t k) { return static_cast<C>(t[k * rows.inner]); };
    const C total = sum_over<C>(rows.n, [&](int64_t k) { return at(dy, k); });
    for (int64_t k = threadIdx.x; k < rows.n; k += kThreads)
      dx[k * rows.inner] = static_cast<T>(at(dy, k) - std::exp(at(y, k)) * total);
  }
};

template <typename F, typename T>
__global__ void each_row(const T *a, const T *b, T *y, Rows rows) {
  for (int64_t r = blockIdx.x; r < rows.count; r += gridDim.x) {
    const int64_t first = rows.first(r);
    F::row(a + first, b + first, y + first, rows);
  }
}

int32_t prepare(ow_plan *plan) {
  return state<Rows>(plan, rows_along(plan->in[0], plan->attr[0].v.i)) ? OW_OK : OW_NO_MEMORY;
}

template <typename F, typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const Rows &rows = *static_cast<const Rows *>(call->state);
  const T *a = data<const T>(call->in[0]), *b = data<const T>(call->in[call->n_in - 1]);
  return launch(call, each_row<F, T>, blocks_for(rows), a, b, data<T>(call->out[0]), rows);
}

template <typename F>
int enter(const char *op, const char *pattern) {
  return floats::each([&](auto zero) {
    using T = decltype(zero);
    CudaKernel(op, signature<T>(pattern)).prepare(prepare).run(run<F, T>);
  });
}

OW_REGISTER enter<Softmax>("softmax", "T->T");
OW_REGISTER enter<LogSoftmax>("log_softmax", "T->T");
OW_REGISTER enter<SoftmaxGrad>("softmax_grad", "T,T->T");
OW_REGISTER enter<LogSoftmaxGrad>("log_softmax_grad", "T,T->T");

}  // namespace

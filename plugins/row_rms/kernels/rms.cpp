// rms: y = sqrt(mean of x^2) over the last axis, and its gradient dx = dy x / (n y). Rows are the units of work.
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

struct Rows {
  int64_t rows, cols;
};

int32_t prepare(ow_plan *plan) {
  const ow_tensor *x = plan->in[plan->n_in == 1 ? 0 : 1];
  const int64_t rows = extent(x, 0, x->ndim - 1), cols = x->shape[x->ndim - 1];
  plan->flops = 2.0 * static_cast<double>(rows * cols);
  plan->bytes = static_cast<double>(plan->n_in * rows * cols * itemsize(x));
  divide(plan, rows, 5 + 0.3 * static_cast<double>(cols));
  return state<Rows>(plan, rows, cols) ? OW_OK : OW_NO_MEMORY;
}

constexpr int kSums = 16;  // independent sums, which the compiler turns into vectors

// The sum of squares: in double, for in float32 a long row's sum loses digits.
template <typename T>
double sum_of_squares(const T *x, int64_t n) {
  double sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (int j = 0; j < kSums; ++j) {
      const double v = static_cast<compute_t<T>>(x[i + j]);
      sums[j] += v * v;
    }
  for (; i < n; ++i) {
    const double v = static_cast<compute_t<T>>(x[i]);
    sums[0] += v * v;
  }
  double sum = 0;
  for (const double one : sums) sum += one;
  return sum;
}

template <typename T>
int32_t forward(const ow_call *call, int64_t first, int64_t last) {
  const auto *whole = static_cast<const Rows *>(call->state);
  const Range part(call, whole->rows, first, last);
  for (int64_t row = part.begin; row < part.end; ++row) {
    const double sum = sum_of_squares(data<T>(call->in[0]) + row * whole->cols, whole->cols);
    const double mean = sum / static_cast<double>(whole->cols);  // of no columns: nan, as NumPy's
    data<T>(call->out[0])[row] = static_cast<T>(static_cast<compute_t<T>>(std::sqrt(mean)));
  }
  return OW_OK;
}

template <typename T>
int32_t backward(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const auto *whole = static_cast<const Rows *>(call->state);
  const Range part(call, whole->rows, first, last);
  for (int64_t row = part.begin; row < part.end; ++row) {
    const C dy = data<T>(call->in[0])[row], y = data<T>(call->in[2])[row];
    const C scale = y > 0 ? dy / (static_cast<C>(whole->cols) * y) : C(0) * y;  // at y = 0: its least slope; nan stays
    const T *x = data<T>(call->in[1]) + row * whole->cols;
    T *dx = data<T>(call->out[0]) + row * whole->cols;
    OW_IVDEP
    for (int64_t i = 0; i < whole->cols; ++i) dx[i] = static_cast<T>(scale * static_cast<C>(x[i]));
  }
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("row::rms", signature<T>("T->T")).prepare(prepare).run(forward<T>);
  Kernel("row::rms_grad", signature<T>("T,T,T->T")).prepare(prepare).run(backward<T>);
});

}  // namespace

// {{ cookiecutter.name }}: y = sum of x^2 over the last axis, and its gradient dx = 2 x dy. Rows are the units of work.
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

struct Rows {
  int64_t rows, cols;
};

int32_t prepare(ow_plan *plan) {
  const ow_tensor *x = plan->in[plan->n_in - 1];  // the last input of both kernels
  const int64_t rows = extent(x, 0, x->ndim - 1), cols = x->shape[x->ndim - 1];
  plan->flops = 2.0 * static_cast<double>(rows * cols);
  plan->bytes = static_cast<double>(rows * cols * itemsize(x));
  divide(plan, rows, 1 + static_cast<double>(cols));
  return state<Rows>(plan, rows, cols) ? OW_OK : OW_NO_MEMORY;
}

template <typename T>
int32_t forward(const ow_call *call, int64_t first, int64_t last) {
  const auto *whole = static_cast<const Rows *>(call->state);
  const Range part(call, whole->rows, first, last);
  for (int64_t row = part.begin; row < part.end; ++row) {
    const T *x = data<T>(call->in[0]) + row * whole->cols;
    double sum = 0;  // in float32 a long row's sum loses digits
    for (int64_t i = 0; i < whole->cols; ++i) {
      const double v = static_cast<compute_t<T>>(x[i]);
      sum += v * v;
    }
    data<T>(call->out[0])[row] = static_cast<T>(static_cast<compute_t<T>>(sum));
  }
  return OW_OK;
}

template <typename T>
int32_t backward(const ow_call *call, int64_t first, int64_t last) {
  const auto *whole = static_cast<const Rows *>(call->state);
  const Range part(call, whole->rows, first, last);
  for (int64_t row = part.begin; row < part.end; ++row) {
    const auto dy = static_cast<compute_t<T>>(data<T>(call->in[0])[row]);
    const T *x = data<T>(call->in[1]) + row * whole->cols;
    T *dx = data<T>(call->out[0]) + row * whole->cols;
    OW_IVDEP
    for (int64_t i = 0; i < whole->cols; ++i) dx[i] = static_cast<T>(2 * dy * static_cast<compute_t<T>>(x[i]));
  }
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("{{ cookiecutter.__op }}", signature<T>("T->T")).prepare(prepare).run(forward<T>);
  Kernel("{{ cookiecutter.__op }}_grad", signature<T>("T,T->T")).prepare(prepare).run(backward<T>);
});

}  // namespace

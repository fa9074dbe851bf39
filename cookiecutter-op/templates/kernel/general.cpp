// {{ cookiecutter.name }}: y[i] = x[i - shift] along the last axis, 0 where that lies outside. Rows are the units of work.
#include "opwright/kernel.hpp"
#include "{{ cookiecutter.name }}_attributes.h"

using namespace opwright;

namespace {

struct Rows {
  int64_t rows, cols;
};

int32_t prepare(ow_plan *plan) {
  const ow_tensor *x = plan->in[0];
  const int64_t rows = extent(x, 0, x->ndim - 1), cols = x->shape[x->ndim - 1];
  plan->bytes = 2.0 * static_cast<double>(rows * cols * itemsize(x));
  divide(plan, rows, 1 + 0.2 * static_cast<double>(cols));
  return state<Rows>(plan, rows, cols) ? OW_OK : OW_NO_MEMORY;
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const auto *whole = static_cast<const Rows *>(call->state);
  const int64_t cols = whole->cols, shift = call->attr[{{ cookiecutter.namespace | upper }}_{{ cookiecutter.name | upper }}_SHIFT].v.i;
  const Range part(call, whole->rows, first, last);
  for (int64_t row = part.begin; row < part.end; ++row) {
    const T *x = data<T>(call->in[0]) + row * cols;
    T *y = data<T>(call->out[0]) + row * cols;
    for (int64_t i = 0; i < cols; ++i) y[i] = i >= shift && i - shift < cols ? x[i - shift] : T(0);
  }
  return OW_OK;
}

OW_REGISTER all_types::each([](auto zero) {
  using T = decltype(zero);
  Kernel("{{ cookiecutter.__op }}", signature<T>("T->T")).prepare(prepare).run(run<T>);
});

}  // namespace

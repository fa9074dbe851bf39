// moments: running mean and variance of x's columns, in place. Columns are the units of work.
#include "moments_attributes.h"
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

int32_t prepare(ow_plan *plan) {
  const ow_tensor *x = plan->in[2];
  plan->flops = 4.0 * static_cast<double>(size(x));
  plan->bytes = static_cast<double>(size(x) * itemsize(x));
  divide(plan, x->shape[1], 2 * static_cast<double>(x->shape[0]));
  return OW_OK;
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const ow_tensor *x = call->in[2];
  const int64_t rows = x->shape[0], cols = x->shape[1];
  const double decay = call->attr[RUNNING_MOMENTS_DECAY].v.f, n = static_cast<double>(rows);
  T *mean = data<T>(call->in[0]), *variance = data<T>(call->in[1]);  // the variables themselves: the outputs are these
  const Range part(call, cols, first, last);
  for (int64_t i = part.begin; i < part.end; ++i) {
    const T *column = data<T>(x) + i;
    double sum = 0, squares = 0;
    for (int64_t row = 0; row < rows; ++row) sum += column[row * cols];
    for (int64_t row = 0; row < rows; ++row) {  // in a second pass: the difference of two sums would lose digits
      const double away = column[row * cols] - sum / n;
      squares += away * away;
    }
    mean[i] = static_cast<T>(decay * mean[i] + (1 - decay) * sum / n);
    variance[i] = static_cast<T>(decay * variance[i] + (1 - decay) * squares / n);
  }
  return OW_OK;
}

OW_REGISTER wide_floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("running::moments", signature<T>("T,T,T->T,T")).prepare(prepare).run(run<T>);
});

}  // namespace

// {{ cookiecutter.name }}: mean <- decay * mean + (1 - decay) * the mean of x's rows. Columns are the units of work.
#include "opwright/kernel.hpp"
#include "{{ cookiecutter.name }}_attributes.h"

using namespace opwright;

namespace {

int32_t prepare(ow_plan *plan) {
  const ow_tensor *x = plan->in[1];
  plan->flops = static_cast<double>(size(x));
  plan->bytes = static_cast<double>(size(x) * itemsize(x));
  divide(plan, x->shape[1], static_cast<double>(x->shape[0]));
  return OW_OK;
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const ow_tensor *x = call->in[1];
  const int64_t rows = x->shape[0], cols = x->shape[1];
  const double decay = call->attr[{{ cookiecutter.namespace | upper }}_{{ cookiecutter.name | upper }}_DECAY].v.f;
  T *mean = data<T>(call->in[0]);  // the variable itself: the output is the same memory
  const Range part(call, cols, first, last);
  for (int64_t i = part.begin; i < part.end; ++i) {
    double sum = 0;
    for (int64_t row = 0; row < rows; ++row) sum += data<T>(x)[row * cols + i];
    mean[i] = static_cast<T>(decay * mean[i] + (1 - decay) * sum / static_cast<double>(rows));
  }
  return OW_OK;
}

OW_REGISTER wide_floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("{{ cookiecutter.__op }}", signature<T>("T,T->T")).prepare(prepare).run(run<T>);
});

}  // namespace

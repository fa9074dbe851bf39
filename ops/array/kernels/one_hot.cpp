// one_hot_values: off_value everywhere, on_value at each index that lies inside.
#include <algorithm>

#include "array_attributes.h"
#include "strided.hpp"

using namespace opwright;

namespace {

struct Plan {
  int64_t outer, depth, inner;
};

int32_t prepare(ow_plan *plan) {
  const ow_tensor *out = plan->out[0];
  const int64_t given = plan->attr[ONE_HOT_VALUES_AXIS].v.i;
  const int32_t axis = static_cast<int32_t>(given < 0 ? given + out->ndim : given);
  const int64_t outer = extent(out, 0, axis), inner = extent(out, axis + 1, out->ndim);
  if (!state<Plan>(plan, outer, out->shape[axis], inner)) return OW_NO_MEMORY;
  plan->bytes = static_cast<double>(size(out) * itemsize(out));
  divide(plan, outer, static_cast<double>(out->shape[axis] * inner * itemsize(out)) / 10);
  return OW_OK;
}

template <typename I>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  return by_size(itemsize(call->out[0]), [=](auto zero) {
    using T = decltype(zero);
    const Plan &p = *static_cast<const Plan *>(call->state);
    const Range rows(call, p.outer, first, last);
    const T on = *data<T>(call->in[2]), off = *data<T>(call->in[3]);
    for (int64_t o = rows.begin; o < rows.end; ++o) {
      T *y = data<T>(call->out[0]) + o * p.depth * p.inner;
      std::fill(y, y + p.depth * p.inner, off);
      const I *index = data<I>(call->in[0]) + o * p.inner;
      for (int64_t i = 0; i < p.inner; ++i) {
        const int64_t k = static_cast<int64_t>(index[i]);
        if (k >= 0 && k < p.depth) y[k * p.inner + i] = on;
      }
    }
    return int32_t{OW_OK};
  });
}

OW_REGISTER ints::each([](auto zero) {
  using I = decltype(zero);
  Kernel("one_hot_values", signature<I>("T,int32,*,*->*")).prepare(prepare).run(run<I>);
});

}  // namespace

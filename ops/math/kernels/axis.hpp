// axis.hpp: a dense tensor as [outer, n, inner] around one axis, cut into units of work that keep the axis whole.
#pragma once
#include <algorithm>

#include "opwright/kernel.hpp"

namespace opwright {

struct Axis {
  static constexpr int64_t kTile = 256;  // neighbouring lanes of the inner dimensions that are worked on together
  int64_t outer, n, inner, width, per_row, units;

  Axis(const ow_tensor *x, int64_t axis) {
    const int32_t at = static_cast<int32_t>(axis < 0 ? axis + x->ndim : axis);
    outer = extent(x, 0, at);
    n = x->shape[at];
    inner = extent(x, at + 1, x->ndim);
    width = std::min(kTile, std::max<int64_t>(inner, 1));
    per_row = (inner + width - 1) / width;
    units = n == 0 ? 0 : outer * per_row;
  }

  // Where a unit's first element lies, and how many lanes it has.
  struct Unit {
    int64_t start, lanes;
  };
  Unit unit(int64_t u) const {
    const int64_t column = u % per_row * width;
    return {u / per_row * n * inner + column, std::min(width, inner - column)};
  }
};

// prepare for kernels whose first attribute is the axis; ns is what an element takes.
inline int32_t prepare_axis(ow_plan *plan, double ns) {
  const Axis *a = state<Axis>(plan, plan->in[0], plan->attr[0].v.i);
  if (!a) return OW_NO_MEMORY;
  const double elements = static_cast<double>(size(plan->in[0]));
  plan->flops = elements * ns;
  plan->bytes = elements * static_cast<double>(itemsize(plan->in[0]) + itemsize(plan->out[0]));
  divide(plan, a->units, a->units ? elements * ns / static_cast<double>(a->units) : 0);
  return OW_OK;
}

}  // namespace opwright

// argmax, argmin: where the first largest (smallest) element of an axis lies. A nan is larger (smaller) than all else.
#include <limits>

#include "math_attributes.h"
#include "reduce.hpp"

using namespace opwright;

namespace {

template <bool max, typename C>
inline bool better(C a, C b) {
  return max ? a > b : a < b;
}

struct Search {
  Dims kept;
  int64_t n, stride;  // the axis
  int64_t n_out, width, tiles;
  bool across;
};

int32_t prepare(ow_plan *plan) {
  static_assert(ARGMAX_AXIS == 0 && ARGMIN_AXIS == 0, "one prepare serves both");
  const ow_tensor *x = plan->in[0];
  const ow_value &given = plan->attr[ARGMAX_AXIS];
  const int64_t counted = given.kind == OW_NONE ? 0 : given.v.i;
  const int32_t axis = static_cast<int32_t>(counted < 0 ? counted + x->ndim : counted);
  Search *s = state<Search>(plan);
  if (!s) return OW_NO_MEMORY;
  s->kept = Geometry(x, [axis](int32_t d) { return d == axis; }).kept;
  s->n = x->shape[axis];
  s->stride = x->strides[axis];
  s->n_out = count(s->kept);
  const Dim inner = s->kept.empty() ? Dim{1, 0} : s->kept.back();
  s->across = inner.size >= 8 && (std::llabs(inner.stride) < std::llabs(s->stride) || s->n < 16);
  s->width = s->across ? std::min(kTile, inner.size) : 1;
  s->tiles = s->n_out == 0 ? 0 : s->n_out / inner.size * ((inner.size + s->width - 1) / s->width);
  if (!s->across) s->tiles = s->n_out;
  plan->bytes = static_cast<double>(s->n_out * s->n * itemsize(x));
  divide(plan, s->tiles, s->tiles ? plan->bytes / static_cast<double>(s->tiles) / 4 : 0);
  return OW_OK;
}

// The extreme value is found with vectors, then its first place.
template <bool max, typename T>
int64_t search_along(const T *x, int64_t n, int64_t stride) {
  using C = compute_t<T>;
  C best = static_cast<C>(x[0]);
  int64_t where = 0;
  C buffer[kStage];
  for (int64_t i = 0; i < n; i += kStage) {
    const int64_t part = std::min(kStage, n - i);
    const C *v = staged(x + i * stride, stride, part, buffer);
    C top = v[0];
    bool nan = v[0] != v[0];
    for (int64_t k = 1; k < part; ++k) {
      top = better<max>(v[k], top) ? v[k] : top;
      nan |= v[k] != v[k];
    }
    if (!nan && !better<max>(top, best) && i > 0) continue;
    for (int64_t k = 0; k < part; ++k) {
      if (v[k] != v[k]) return i + k;
      if (!nan && v[k] == top) {
        best = top;
        where = i + k;
        break;
      }
    }
  }
  return where;
}

template <bool max, typename T, typename I>
void search_across(I *y, const T *x, int64_t n_out, int64_t step, int64_t n, int64_t stride) {
  using C = compute_t<T>;
  C best[kTile];
  I where[kTile];
  for (int64_t j = 0; j < n_out; ++j) {
    best[j] = static_cast<C>(x[j * step]);
    where[j] = 0;
  }
  for (int64_t i = 1; i < n; ++i) {
    x += stride;
    OW_IVDEP
    for (int64_t j = 0; j < n_out; ++j) {
      const C v = static_cast<C>(x[j * step]);
      const bool takes = better<max>(v, best[j]) | ((v != v) & (best[j] == best[j]));
      best[j] = takes ? v : best[j];
      where[j] = takes ? static_cast<I>(i) : where[j];
    }
  }
  std::copy_n(where, n_out, y);
}

template <bool max, typename T, typename I>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const Search &s = *static_cast<const Search *>(call->state);
  const Range tiles(call, s.tiles, first, last);
  const T *x = data<T>(call->in[0]);
  I *y = data<I>(call->out[0]);
  for (int64_t t = tiles.begin; t < tiles.end; ++t) {
    if (!s.across) {
      y[t] = static_cast<I>(search_along<max>(x + offset_of(s.kept, t), s.n, s.stride));
      continue;
    }
    const Dim inner = s.kept.back();
    const int64_t per_row = (inner.size + s.width - 1) / s.width, column = t % per_row * s.width;
    const int64_t at = t / per_row * inner.size + column, n = std::min(s.width, inner.size - column);
    const T *from = x + offset_of(s.kept, at);
    if (inner.stride == 1) search_across<max>(y + at, from, n, 1, s.n, s.stride);
    else search_across<max>(y + at, from, n, inner.stride, s.n, s.stride);
  }
  return OW_OK;
}

OW_REGISTER all_types::each([](auto element) {
  using T = decltype(element);
  indices::each([](auto index) {
    using I = decltype(index);
    const std::string types = signature<T, I>("T->U");
    Kernel("argmax", types).variant("portable").caps(OW_STRIDED).prepare(prepare).run(run<true, T, I>);
    Kernel("argmin", types).variant("portable").caps(OW_STRIDED).prepare(prepare).run(run<false, T, I>);
  });
});

}  // namespace

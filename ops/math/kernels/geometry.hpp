// geometry.hpp: the dimensions of a reduction, sorted into those kept and those reduced, and walks over them.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "opwright/kernel.hpp"

namespace opwright {

struct Dim {
  int64_t size, stride;
};
using Dims = std::vector<Dim>;

inline int64_t count(const Dims &dims) {
  int64_t n = 1;
  for (const Dim &d : dims) n *= d.size;
  return n;
}

// Drops dimensions of size 1 and joins neighbours that lie in memory like one.
inline Dims joined(const Dims &dims) {
  Dims made;
  for (const Dim &d : dims) {
    if (d.size == 1) continue;
    if (!made.empty() && made.back().stride == d.stride * d.size) made.back() = {made.back().size * d.size, d.stride};
    else made.push_back(d);
  }
  return made;
}

// Where element `index` of dims, counted row-major, lies.
inline int64_t offset_of(const Dims &dims, int64_t index) {
  int64_t offset = 0;
  for (size_t d = dims.size(); d-- > 0; index /= dims[d].size) offset += index % dims[d].size * dims[d].stride;
  return offset;
}

// Calls f(offset, n) for the runs along the last dimension that make up elements [begin, end), in row-major order.
template <typename F>
inline void for_runs(const Dims &dims, int64_t begin, int64_t end, F f) {
  if (dims.empty()) {
    if (begin < end) f(int64_t{0}, int64_t{1});
    return;
  }
  const Dim inner = dims.back();
  for (int64_t at = begin; at < end;) {
    const int64_t first = at % inner.size, n = std::min(inner.size - first, end - at);
    f(offset_of(dims, at), n);
    at += n;
  }
}

// The input's dimensions by their fate. Kept ones in order; reduced ones from the farthest apart to the nearest.
struct Geometry {
  Dims kept, reduced;

  template <typename IsReduced>
  Geometry(const ow_tensor *x, IsReduced is_reduced) {
    for (int32_t d = 0; d < x->ndim; ++d) (is_reduced(d) ? reduced : kept).push_back({x->shape[d], x->strides[d]});
    std::stable_sort(reduced.begin(), reduced.end(),
                     [](const Dim &a, const Dim &b) { return std::llabs(a.stride) > std::llabs(b.stride); });
    kept = joined(kept);
    reduced = joined(reduced);
  }
};

// Whether dimension d of a tensor of that rank is among the axes of an attribute: all if it is None.
inline bool has_axis(const ow_value &axis, int32_t d, int32_t rank) {
  if (axis.kind == OW_NONE) return true;
  for (int32_t i = 0; i < axis.n; ++i)
    if (axis.v.iv[i] == d || axis.v.iv[i] + rank == d) return true;
  return false;
}

}  // namespace opwright

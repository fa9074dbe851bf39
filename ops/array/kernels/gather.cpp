// gather: blocks of params copied by index; gather_grad adds them back. gather_nd: by coordinates.
#include "array_attributes.h"
#include "indices.hpp"
#include "strided.hpp"

using namespace opwright;

namespace {

// params [batch, outer, limit, inner], indices [batch, count], y [batch, outer, count, inner].
struct Sizes {
  int64_t batch, outer, limit, inner, count;
  // Attributes as ow_values: an axis that is not given is the first after the batch dimensions.
  Sizes(const ow_tensor *params, const ow_tensor *positions, const ow_value &axis, int64_t batch_dims) {
    const int32_t b = static_cast<int32_t>(batch_dims < 0 ? batch_dims + positions->ndim : batch_dims);
    const int64_t given = axis.kind == OW_NONE ? b : axis.v.i;
    const int32_t a = static_cast<int32_t>(given < 0 ? given + params->ndim : given);
    batch = extent(params, 0, b);
    outer = extent(params, b, a);
    limit = params->shape[a];
    inner = extent(params, a + 1, params->ndim);
    count = extent(positions, b, positions->ndim);
  }
};

int32_t prepare(ow_plan *plan) {
  const Sizes *s =
      state<Sizes>(plan, plan->in[0], plan->in[1], plan->attr[GATHER_AXIS], plan->attr[GATHER_BATCH_DIMS].v.i);
  if (!s) return OW_NO_MEMORY;
  const double row = static_cast<double>(s->inner * itemsize(plan->in[0]));
  const int64_t rows = s->batch * s->outer * s->count;
  plan->bytes = 2 * row * static_cast<double>(rows);
  divide(plan, rows, 2 + row / 5);
  return OW_OK;
}

template <typename T>
void copy_row(char *to, const char *from, size_t) {
  *reinterpret_cast<T *>(to) = *reinterpret_cast<const T *>(from);
}

// Rows [begin, end) of y; `move` copies one block.
template <typename I, typename Move>
int32_t gather_rows(const ow_call *call, const Sizes &s, const Range &rows, Move move) {
  const I *indices = data<I>(call->in[1]);
  const int64_t block = s.inner * itemsize(call->in[0]);
  const char *from = data<char>(call->in[0]);
  char *to = data<char>(call->out[0]) + rows.begin * block;
  int64_t k = s.count ? rows.begin % s.count : 0, plane = s.count ? rows.begin / s.count : 0;  // plane: batch, outer
  int64_t batch = s.outer ? plane / s.outer : 0;
  for (int64_t r = rows.begin; r < rows.end; ++r, to += block) {
    const int64_t at = batch * s.count + k, index = static_cast<int64_t>(indices[at]);
    if (static_cast<uint64_t>(index) >= static_cast<uint64_t>(s.limit))
      return index_error(call, call->in[1], at, index, s.limit);
    move(to, from + (plane * s.limit + index) * block, static_cast<size_t>(block));
    if (++k == s.count) {
      k = 0;
      batch = ++plane / s.outer;
    }
  }
  return OW_OK;
}

template <typename I>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const Sizes &s = *static_cast<const Sizes *>(call->state);
  const Range rows(call, s.batch * s.outer * s.count, first, last);
  if (s.inner == 0) return OW_OK;
  if (s.inner == 1)
    return by_size(itemsize(call->in[0]),
                   [&](auto zero) { return gather_rows<I>(call, s, rows, copy_row<decltype(zero)>); });
  return gather_rows<I>(call, s, rows, [](char *to, const char *from, size_t n) { std::memcpy(to, from, n); });
}

int32_t prepare_grad(ow_plan *plan) {
  const Sizes *s = state<Sizes>(plan, plan->out[0], plan->in[1], plan->attr[GATHER_GRAD_AXIS],
                                plan->attr[GATHER_GRAD_BATCH_DIMS].v.i);
  if (!s) return OW_NO_MEMORY;
  plan->bytes = static_cast<double>(size(plan->out[0]) * itemsize(plan->out[0])) +
                2.0 * static_cast<double>(size(plan->in[0]) * itemsize(plan->in[0]));
  const int64_t planes = s->batch * s->outer;
  divide(plan, planes, plan->bytes / 5 / static_cast<double>(planes ? planes : 1));
  return OW_OK;
}

// A chunk owns whole planes of dparams, so that sums are made in the order of the indices.
template <typename T, typename I>
int32_t add(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Sizes &s = *static_cast<const Sizes *>(call->state);
  const Range planes(call, s.batch * s.outer, first, last);
  for (int64_t p = planes.begin; p < planes.end; ++p) {
    T *plane = data<T>(call->out[0]) + p * s.limit * s.inner;
    std::memset(static_cast<void *>(plane), 0, static_cast<size_t>(s.limit * s.inner) * sizeof(T));
    const T *dy = data<T>(call->in[0]) + p * s.count * s.inner;
    const int64_t at = p / s.outer * s.count;
    for (int64_t k = 0; k < s.count; ++k, dy += s.inner) {
      const int64_t index = static_cast<int64_t>(data<I>(call->in[1])[at + k]);
      if (static_cast<uint64_t>(index) >= static_cast<uint64_t>(s.limit))
        return index_error(call, call->in[1], at + k, index, s.limit);
      T *to = plane + index * s.inner;
      OW_IVDEP
      for (int64_t i = 0; i < s.inner; ++i) to[i] = static_cast<T>(static_cast<C>(to[i]) + static_cast<C>(dy[i]));
    }
  }
  return OW_OK;
}

int32_t prepare_points(ow_plan *plan) {
  const ow_tensor *out = plan->out[0], *points = plan->in[1];
  const int64_t rows = extent(points, 0, points->ndim - 1);
  const double block = static_cast<double>(extent(out, points->ndim - 1, out->ndim) * itemsize(out));
  plan->bytes = 2 * block * static_cast<double>(rows);
  divide(plan, rows, 4 + block / 5);
  return OW_OK;
}

template <typename I>
int32_t gather_nd(const ow_call *call, int64_t first, int64_t last) {
  const ow_tensor *params = call->in[0], *points = call->in[1];
  const int32_t rank = points->ndim - 1, batch = static_cast<int32_t>(call->attr[GATHER_ND_BATCH_DIMS].v.i);
  const int64_t depth = points->shape[rank], each = extent(points, batch, rank);
  const int64_t *shape = params->shape + batch;
  const int64_t block = extent(params, batch + static_cast<int32_t>(depth), params->ndim) * itemsize(params);
  const Range rows(call, extent(points, 0, rank), first, last);
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const I *point = data<I>(points) + r * depth;
    int64_t at = batch ? r / each : 0;
    for (int64_t d = 0; d < depth; ++d) {
      if (static_cast<uint64_t>(point[d]) >= static_cast<uint64_t>(shape[d]))
        return point_error(call, point, depth, r, shape);
      at = at * shape[d] + static_cast<int64_t>(point[d]);
    }
    if (block)
      std::memcpy(data<char>(call->out[0]) + r * block, data<char>(params) + at * block, static_cast<size_t>(block));
  }
  return OW_OK;
}

OW_REGISTER opwright::indices::each([](auto index) {
  using I = decltype(index);
  Kernel("gather", signature<I>("*,T->*")).prepare(prepare).run(run<I>);
  Kernel("gather_nd", signature<I>("*,T->*")).prepare(prepare_points).run(gather_nd<I>);
  floats::each([](auto zero) {
    using T = decltype(zero);
    Kernel("gather_grad", signature<T, I>("T,U,*->T")).prepare(prepare_grad).run(add<T, I>);
  });
});

}  // namespace

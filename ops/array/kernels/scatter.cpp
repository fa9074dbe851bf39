// scatter_nd, tensor_scatter_*: slices written or combined at coordinates. A chunk owns a range of each slice's
// elements, so that equal coordinates meet in one worker, in their order.
#include <algorithm>

#include "indices.hpp"

using namespace opwright;

namespace {

struct Plan {
  int64_t rows, depth, inner;
};

int32_t prepare(ow_plan *plan, const ow_tensor *indices) {
  const ow_tensor *out = plan->out[0];
  const int64_t depth = indices->shape[indices->ndim - 1];
  const int64_t rows = extent(indices, 0, indices->ndim - 1),
                inner = extent(out, static_cast<int32_t>(depth), out->ndim);
  if (!state<Plan>(plan, rows, depth, inner)) return OW_NO_MEMORY;
  plan->bytes = static_cast<double>((2 * size(out) + 3 * rows * inner) * itemsize(out));
  // A dense pass over the output besides the rows; the coordinates are read again by each chunk.
  if (inner >= 64) divide(plan, inner, plan->bytes / 5 / static_cast<double>(inner) + static_cast<double>(rows) * 0.1);
  return OW_OK;
}

int32_t prepare_scatter(ow_plan *plan) { return prepare(plan, plan->in[0]); }
int32_t prepare_update(ow_plan *plan) { return prepare(plan, plan->in[1]); }

// Puts columns [part.begin, part.end) of all updates into slices of `to`.
template <typename T, typename I, typename Combine>
int32_t put(const ow_call *call, const Plan &p, const ow_tensor *indices, const T *updates, const Range &part,
            Combine combine) {
  const ow_tensor *out = call->out[0];
  for (int64_t r = 0; r < p.rows; ++r) {
    const I *point = data<I>(indices) + r * p.depth;
    int64_t at = 0;
    for (int64_t d = 0; d < p.depth; ++d) {
      if (static_cast<uint64_t>(point[d]) >= static_cast<uint64_t>(out->shape[d]))
        return point_error(call, point, p.depth, r, out->shape);
      at = at * out->shape[d] + static_cast<int64_t>(point[d]);
    }
    T *to = data<T>(out) + at * p.inner;
    const T *from = updates + r * p.inner;
    OW_IVDEP
    for (int64_t i = part.begin; i < part.end; ++i) to[i] = combine(to[i], from[i]);
  }
  return OW_OK;
}

struct Replace {
  template <typename T>
  T operator()(T, T b) const {
    return b;
  }
};
struct Add {
  template <typename T>
  T operator()(T a, T b) const {
    using C = compute_t<T>;
    if constexpr (std::is_same_v<T, bool>) return a || b;
    else return static_cast<T>(static_cast<C>(a) + static_cast<C>(b));
  }
};
struct Subtract {
  template <typename T>
  T operator()(T a, T b) const {
    using C = compute_t<T>;
    return static_cast<T>(static_cast<C>(a) - static_cast<C>(b));
  }
};
struct Max {
  template <typename T>
  T operator()(T a, T b) const {
    using C = compute_t<T>;
    return static_cast<C>(a) >= static_cast<C>(b) || static_cast<C>(a) != static_cast<C>(a) ? a : b;
  }
};
struct Min {
  template <typename T>
  T operator()(T a, T b) const {
    using C = compute_t<T>;
    return static_cast<C>(a) <= static_cast<C>(b) || static_cast<C>(a) != static_cast<C>(a) ? a : b;
  }
};

// Calls f(first element, number) for the columns' part of each slice of the output.
template <typename F>
void each_slice(const ow_tensor *out, int64_t inner, const Range &part, F f) {
  const int64_t total = size(out), n = part.end - part.begin;
  if (n == inner) return f(0, total);
  for (int64_t at = part.begin; at < total; at += inner) f(at, n);
}

template <typename T, typename I>
int32_t scatter(const ow_call *call, int64_t first, int64_t last) {
  const Plan &p = *static_cast<const Plan *>(call->state);
  const Range part(call, p.inner, first, last);
  T *to = data<T>(call->out[0]);
  if (p.inner)
    each_slice(call->out[0], p.inner, part, [=](int64_t at, int64_t n) {
      if (n) std::memset(static_cast<void *>(to + at), 0, static_cast<size_t>(n) * sizeof(T));
    });
  return put<T, I>(call, p, call->in[0], data<T>(call->in[1]), part, Add());
}

template <typename T, typename I, typename Combine>
int32_t update(const ow_call *call, int64_t first, int64_t last) {
  const Plan &p = *static_cast<const Plan *>(call->state);
  const Range part(call, p.inner, first, last);
  const T *from = data<T>(call->in[0]);
  T *to = data<T>(call->out[0]);
  if (p.inner && from != to)
    each_slice(call->out[0], p.inner, part, [=](int64_t at, int64_t n) {
      if (n) std::memcpy(static_cast<void *>(to + at), from + at, static_cast<size_t>(n) * sizeof(T));
    });
  return put<T, I>(call, p, call->in[1], data<T>(call->in[2]), part, Combine());
}

constexpr int8_t kInPlace[] = {0, 0, -1};

template <typename T, typename I, typename Combine>
void enter(const char *op) {
  Kernel(op, signature<T, I>("T,U,T->T")).inplace(kInPlace).prepare(prepare_update).run(update<T, I, Combine>);
}

OW_REGISTER opwright::indices::each([](auto index) {
  using I = decltype(index);
  all_types::each([](auto zero) {
    using T = decltype(zero);
    Kernel("scatter_nd", signature<T, I>("U,T,U->T")).prepare(prepare_scatter).run(scatter<T, I>);
    enter<T, I, Replace>("tensor_scatter_update");
  });
  numbers::each([](auto zero) {
    using T = decltype(zero);
    enter<T, I, Add>("tensor_scatter_add");
    enter<T, I, Subtract>("tensor_scatter_sub");
    enter<T, I, Max>("tensor_scatter_max");
    enter<T, I, Min>("tensor_scatter_min");
  });
});

}  // namespace

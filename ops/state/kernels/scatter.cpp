// scatter_update, _add, ... and scatter_nd_update, ...: slices of a variable, written in place. A chunk owns a range of
// the variable's slices and does what falls into it in order, so that repeated indices give the same result however the
// work is dealt out. Each chunk checks all indices first: a bad one leaves the variable as it was.
#include "opwright/guarded.hpp"
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

struct Slices {
  int64_t count;  // how many updates there are
  int64_t inner;  // elements of a slice
  int64_t total;  // slices in the variable
  int32_t depth;  // how many numbers index a slice
  bool scalar;    // one number updates all
  std::vector<int64_t> sizes;
};

template <bool nd>
int32_t prepare(ow_plan *plan) {
  const ow_tensor *ref = plan->in[0], *indices = plan->in[1], *updates = plan->in[2];
  Slices *s = state<Slices>(plan);
  if (!s) return OW_NO_MEMORY;
  s->depth = nd ? static_cast<int32_t>(indices->shape[indices->ndim - 1]) : 1;
  s->count = nd ? extent(indices, 0, indices->ndim - 1) : size(indices);
  s->inner = extent(ref, s->depth, ref->ndim);
  s->total = extent(ref, 0, s->depth);
  s->scalar = updates->ndim == 0 && size(indices) * s->inner != 1;
  s->sizes.assign(ref->shape, ref->shape + s->depth);
  const double bytes = static_cast<double>(s->count * s->inner * itemsize(ref));
  plan->bytes = 3 * bytes;
  if (s->inner >= 16 && s->total > 0)  // else each chunk's look at all indices costs as much as the writing
    divide(plan, s->total, 3 * bytes / 8 / static_cast<double>(s->total));
  if (plan->n_chunks > 16) plan->n_chunks = 16;
  return OW_OK;
}

// Which slice update j goes to; -1 if there is no such slice.
template <typename I>
inline int64_t slice(const Slices &s, const I *indices, int64_t j) {
  int64_t at = 0;
  for (int32_t d = 0; d < s.depth; ++d) {
    const int64_t index = static_cast<int64_t>(indices[j * s.depth + d]), n = s.sizes[static_cast<size_t>(d)];
    if (index < 0 || index >= n) return -1;
    at = at * n + index;
  }
  return at;
}

template <typename I>
int32_t bad_index(const ow_call *call, const Slices &s, const I *indices, int64_t j) {
  for (int32_t d = 0; d < s.depth; ++d) {
    const long long index = static_cast<long long>(indices[j * s.depth + d]), n = s.sizes[static_cast<size_t>(d)];
    if (index < 0 || index >= n)
      return OW_FAIL(call, OW_OUT_OF_RANGE, "indices must lie in [0, %lld) in dimension %d, got %lld", n, d, index);
  }
  return OW_OK;
}

struct Update {
  template <typename C>
  static C of(C, C u) {
    return u;
  }
};
struct Add {
  template <typename C>
  static C of(C x, C u) {
    return static_cast<C>(x + u);
  }
};
struct Subtract {
  template <typename C>
  static C of(C x, C u) {
    return static_cast<C>(x - u);
  }
};
struct Multiply {
  template <typename C>
  static C of(C x, C u) {
    return static_cast<C>(x * u);
  }
};
struct Divide {
  template <typename C>
  static C of(C x, C u) {
    return static_cast<C>(x / u);
  }
};
struct Minimum {
  template <typename C>
  static C of(C x, C u) {
    return u < x ? u : x;
  }
};
struct Maximum {
  template <typename C>
  static C of(C x, C u) {
    return u > x ? u : x;
  }
};

template <typename F, typename T>
void apply(T *to, const T *from, int64_t n, bool scalar) {
  using C = compute_t<T>;
  if (scalar) {
    const C u = static_cast<C>(*from);
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(F::of(static_cast<C>(to[i]), u));
  } else {
    OW_IVDEP
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(F::of(static_cast<C>(to[i]), static_cast<C>(from[i])));
  }
}

template <typename F, typename T, typename I>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const Slices &s = *static_cast<const Slices *>(call->state);
  const I *indices = data<I>(call->in[1]);
  const T *updates = data<T>(call->in[2]);
  for (int64_t j = 0; j < s.count; ++j)
    if (slice(s, indices, j) < 0) return bad_index(call, s, indices, j);
  if constexpr (std::is_same_v<F, Divide> && std::is_integral_v<T>) {
    for (int64_t i = 0, n = size(call->in[2]); i < n; ++i)
      if (updates[i] == 0) return OW_FAIL(call, OW_INVALID, "updates must not be 0 where integers are divided");
  }
  const Range mine(call, s.total, first, last);
  for (int64_t j = 0; j < s.count; ++j) {
    const int64_t at = slice(s, indices, j);
    if (at >= mine.begin && at < mine.end)
      apply<F>(data<T>(call->in[0]) + at * s.inner, s.scalar ? updates : updates + j * s.inner, s.inner, s.scalar);
  }
  return OW_OK;
}

template <typename F, typename T>
void enter(const std::string &name, bool nd) {
  const char *op = (new std::string(name))->c_str();
  indices::each([&](auto zero) {
    using I = decltype(zero);
    Kernel(op, signature<T, I>("T,U,T->T"))
        .prepare(nd ? guarded<prepare<true>> : guarded<prepare<false>>)
        .run(run<F, T, I>);
  });
}

OW_REGISTER all_types::each([](auto zero) {
  using T = decltype(zero);
  enter<Update, T>("scatter_update", false);
  enter<Update, T>("scatter_nd_update", true);
});
OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  enter<Add, T>("scatter_add", false);
  enter<Subtract, T>("scatter_sub", false);
  enter<Multiply, T>("scatter_mul", false);
  enter<Divide, T>("scatter_div", false);
  enter<Minimum, T>("scatter_min", false);
  enter<Maximum, T>("scatter_max", false);
  enter<Add, T>("scatter_nd_add", true);
  enter<Subtract, T>("scatter_nd_sub", true);
});

}  // namespace

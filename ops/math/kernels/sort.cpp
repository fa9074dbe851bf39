// sort_with_indices, top_k, nth_element. Elements become unsigned keys of the same order, each with its index in one
// integer: then equal elements keep their order without a stable sort, which would allocate.
#include <limits>

#include "axis.hpp"
#include "math_attributes.h"

using namespace opwright;

namespace {

// A bit pattern that compares as an unsigned integer like the value does; -0 like 0, every nan above infinity.
template <typename T>
inline auto ordered(T given) {
  using C = compute_t<T>;
  const C x = static_cast<C>(given);
  if constexpr (std::is_same_v<C, float> || std::is_same_v<C, double>) {
    using U = std::conditional_t<std::is_same_v<C, float>, uint32_t, uint64_t>;
    constexpr U sign = U{1} << (8 * sizeof(U) - 1);
    if (x != x) return static_cast<U>(~U{0});
    const U bits = bit_cast<U>(x == C(0) ? C(0) : x);
    return static_cast<U>(bits & sign ? ~bits : bits | sign);
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return static_cast<uint64_t>(x) ^ (uint64_t{1} << 63);
  } else {
    return static_cast<uint32_t>(static_cast<int64_t>(x) + (int64_t{1} << 31));
  }
}

// Keys of 32 bits share a 64-bit integer with their index, larger ones stand beside it.
struct Wide {
  uint64_t key;
  int64_t index;
  bool operator<(const Wide &o) const { return key < o.key || (key == o.key && index < o.index); }
};
template <typename T>
using Item = std::conditional_t<sizeof(decltype(ordered(T{}))) == 4, uint64_t, Wide>;

inline int64_t index_of(uint64_t item) { return static_cast<int64_t>(item & 0xffffffffu); }
inline int64_t index_of(const Wide &item) { return item.index; }

template <typename T>
void fill(Item<T> *items, const T *x, int64_t n, int64_t stride, bool descending) {
  using Key = decltype(ordered(T{}));
  for (int64_t i = 0; i < n; ++i) {
    const Key key = descending ? static_cast<Key>(~ordered(x[i * stride])) : ordered(x[i * stride]);
    if constexpr (sizeof(Key) == 4) items[i] = static_cast<uint64_t>(key) << 32 | static_cast<uint64_t>(i);
    else items[i] = {key, i};
  }
}

int32_t prepare(ow_plan *plan, int64_t axis) {
  const Axis *a = state<Axis>(plan, plan->in[0], axis);
  if (!a) return OW_NO_MEMORY;
  if (a->n > std::numeric_limits<int32_t>::max())
    return OW_FAIL(plan, OW_UNSUPPORTED, "an axis must have at most 2^31 - 1 elements, got %lld",
                   static_cast<long long>(a->n));
  const double elements = static_cast<double>(size(plan->in[0]));
  plan->worker_scratch_bytes = static_cast<uint64_t>(a->n) * sizeof(Wide);
  plan->bytes = elements * static_cast<double>(itemsize(plan->in[0]));
  const double ns = 4 * (1 + std::log2(static_cast<double>(a->n + 1)));
  plan->flops = elements * ns * 30;
  const int64_t rows = a->outer * a->inner;
  divide(plan, rows, ns * static_cast<double>(a->n));
  return OW_OK;
}

int32_t prepare_sort(ow_plan *plan) { return prepare(plan, plan->attr[SORT_WITH_INDICES_AXIS].v.i); }
int32_t prepare_last(ow_plan *plan) { return prepare(plan, -1); }

// Calls f(x, row) for each row of the axis that the chunks cover.
template <typename T, typename F>
void for_rows(const ow_call *call, const Axis &a, int64_t first, int64_t last, F f) {
  const Range rows(call, a.outer * a.inner, first, last);
  for (int64_t r = rows.begin; r < rows.end; ++r)
    f(data<T>(call->in[0]) + r / a.inner * a.n * a.inner + r % a.inner, r);
}

template <typename T>
int32_t sort(const ow_call *call, int64_t first, int64_t last) {
  const Axis &a = *static_cast<const Axis *>(call->state);
  const bool descending = call->attr[SORT_WITH_INDICES_DESCENDING].v.i;
  auto *items = static_cast<Item<T> *>(call->worker_scratch);
  for_rows<T>(call, a, first, last, [&](const T *x, int64_t r) {
    const int64_t start = r / a.inner * a.n * a.inner + r % a.inner;
    fill(items, x, a.n, a.inner, descending);
    std::sort(items, items + a.n);
    for (int64_t i = 0; i < a.n; ++i) {
      const int64_t from = index_of(items[i]);
      data<T>(call->out[0])[start + i * a.inner] = x[from * a.inner];
      data<int32_t>(call->out[1])[start + i * a.inner] = static_cast<int32_t>(from);
    }
  });
  return OW_OK;
}

template <typename T>
int32_t top_k(const ow_call *call, int64_t first, int64_t last) {
  const Axis &a = *static_cast<const Axis *>(call->state);
  const int64_t k = call->attr[TOP_K_K].v.i;
  auto *items = static_cast<Item<T> *>(call->worker_scratch);
  for_rows<T>(call, a, first, last, [&](const T *x, int64_t r) {
    fill(items, x, a.n, 1, true);
    if (k < a.n / 16) {
      std::partial_sort(items, items + k, items + a.n);
    } else {
      if (k < a.n) std::nth_element(items, items + k, items + a.n);
      std::sort(items, items + k);
    }
    for (int64_t i = 0; i < k; ++i) {
      const int64_t from = index_of(items[i]);
      data<T>(call->out[0])[r * k + i] = x[from];
      data<int32_t>(call->out[1])[r * k + i] = static_cast<int32_t>(from);
    }
  });
  return OW_OK;
}

template <typename T>
int32_t nth_element(const ow_call *call, int64_t first, int64_t last) {
  const Axis &a = *static_cast<const Axis *>(call->state);
  const int64_t n = call->attr[NTH_ELEMENT_N].v.i;
  const bool reverse = call->attr[NTH_ELEMENT_REVERSE].v.i;
  auto *items = static_cast<Item<T> *>(call->worker_scratch);
  for_rows<T>(call, a, first, last, [&](const T *x, int64_t r) {
    fill(items, x, a.n, 1, reverse);
    std::nth_element(items, items + n, items + a.n);
    data<T>(call->out[0])[r] = x[index_of(items[n])];
  });
  return OW_OK;
}

OW_REGISTER all_types::each([](auto zero) {
  using T = decltype(zero);
  Kernel("sort_with_indices", signature<T>("T->T,int32")).prepare(prepare_sort).run(sort<T>);
});

OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  Kernel("top_k", signature<T>("T->T,int32")).prepare(prepare_last).run(top_k<T>);
  Kernel("nth_element", signature<T>("T->T")).prepare(prepare_last).run(nth_element<T>);
});

}  // namespace

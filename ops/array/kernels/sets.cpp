// unique_values, difference: open hash tables in scratch. searchsorted: binary search, row by row.
#include <algorithm>

#include "array_attributes.h"
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

// A key whose bits are equal where the elements are: -0 and 0 are; a nan equals nothing.
template <typename T>
uint64_t key(T value) {
  if constexpr (is_float<T>) {
    const double wide = static_cast<double>(static_cast<compute_t<T>>(value));
    return bit_cast<uint64_t>(wide == 0 ? 0.0 : wide);
  } else {
    return static_cast<uint64_t>(value);
  }
}
template <typename T>
bool is_nan(T value) {
  return static_cast<compute_t<T>>(value) != static_cast<compute_t<T>>(value);
}

// Slots hold 1 + the number of an element, 0: empty. Linear probing; at most half full.
struct Table {
  int64_t *slots;
  uint64_t mask;
  static uint64_t size_for(int64_t n) {
    uint64_t slots = 16;
    while (slots < 2 * static_cast<uint64_t>(n)) slots *= 2;
    return slots;
  }
  Table(void *scratch, int64_t n) : slots(static_cast<int64_t *>(scratch)), mask(size_for(n) - 1) {}

  // The slot of the element equal to `value`, or the empty one where it belongs.
  template <typename T>
  int64_t &find(T value, const T *elements) const {
    const uint64_t bits = key(value);
    uint64_t at = bits * 0x9e3779b97f4a7c15u;  // Fibonacci hashing (Knuth, TAOCP 3, 6.4)
    at ^= at >> 32;
    for (at &= mask; slots[at]; at = (at + 1) & mask)
      if (key(elements[slots[at] - 1]) == bits && !is_nan(value)) break;
    return slots[at];
  }
};

int32_t prepare_table(ow_plan *plan, const ow_tensor *keys) {
  plan->scratch_bytes = Table::size_for(size(keys)) * sizeof(int64_t);
  plan->flops = 300.0 * static_cast<double>(size(keys));
  return OW_OK;
}
int32_t prepare_unique(ow_plan *plan) { return prepare_table(plan, plan->in[0]); }
int32_t prepare_difference(ow_plan *plan) { return prepare_table(plan, plan->in[1]); }

template <typename T, typename I>
int32_t unique(const ow_call *call, int64_t, int64_t) {
  const int64_t n = size(call->in[0]);
  const Table table(call->scratch, n);
  const T *x = data<T>(call->in[0]);
  T *y = data<T>(call->out[0]);
  I *idx = data<I>(call->out[1]), *count = data<I>(call->out[2]);
  int64_t found = 0;
  for (int64_t i = 0; i < n; ++i) {
    int64_t &slot = table.find(x[i], y);
    if (!slot) {
      y[found] = x[i];
      count[found] = 0;
      slot = ++found;
    }
    idx[i] = static_cast<I>(slot - 1);
    ++count[slot - 1];
  }
  call->out[0]->shape[0] = call->out[2]->shape[0] = found;
  return OW_OK;
}

template <typename T, typename I>
int32_t difference(const ow_call *call, int64_t, int64_t) {
  const int64_t n = size(call->in[0]), k = size(call->in[1]);
  const Table table(call->scratch, k);
  const T *x = data<T>(call->in[0]), *y = data<T>(call->in[1]);
  for (int64_t i = 0; i < k; ++i) table.find(y[i], y) = i + 1;
  T *out = data<T>(call->out[0]);
  I *idx = data<I>(call->out[1]);
  int64_t left = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (table.find(x[i], y)) continue;
    out[left] = x[i];
    idx[left++] = static_cast<I>(i);
  }
  call->out[0]->shape[0] = call->out[1]->shape[0] = left;
  return OW_OK;
}

int32_t prepare_search(ow_plan *plan) {
  const ow_tensor *values = plan->in[1];
  const int64_t n = plan->in[0]->shape[plan->in[0]->ndim - 1];
  double steps = 1;
  for (int64_t m = n; m > 1; m /= 2) ++steps;
  divide(plan, size(values), 3 * steps);
  plan->flops = 90 * steps * static_cast<double>(size(values));
  return OW_OK;
}

template <typename T, typename I>
int32_t search(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const ow_tensor *sorted = call->in[0], *values = call->in[1];
  const int64_t n = sorted->shape[sorted->ndim - 1], k = values->shape[values->ndim - 1];
  const bool right = call->attr[SEARCHSORTED_SIDE].v.s[0] == 'r';
  const auto less = [](T a, T b) { return static_cast<C>(a) < static_cast<C>(b); };
  const Range range(call, size(values), first, last);
  for (int64_t i = range.begin; i < range.end; ++i) {
    const T *row = data<T>(sorted) + i / k * n, value = data<T>(values)[i];
    const T *at = right ? std::upper_bound(row, row + n, value, less) : std::lower_bound(row, row + n, value, less);
    data<I>(call->out[0])[i] = static_cast<I>(at - row);
  }
  return OW_OK;
}

OW_REGISTER opwright::indices::each([](auto index) {
  using I = decltype(index);
  all_types::each([](auto zero) {
    using T = decltype(zero);
    Kernel("unique_values", signature<T, I>("T->T,U,U"))
        .caps(OW_DYNAMIC | OW_ZEROED_SCRATCH)
        .prepare(prepare_unique)
        .run(unique<T, I>);
    Kernel("difference", signature<T, I>("T,T->T,U"))
        .caps(OW_DYNAMIC | OW_ZEROED_SCRATCH)
        .prepare(prepare_difference)
        .run(difference<T, I>);
  });
  numbers::each([](auto zero) {
    using T = decltype(zero);
    Kernel("searchsorted", signature<T, I>("T,T->U")).prepare(prepare_search).run(search<T, I>);
  });
});

}  // namespace

// Gradients as (indices, rows). A chunk owns a range of the variable's rows: it sorts the indices that fall into it,
// sums the gradients of a row, in their order, and updates each row once. Each chunk checks all indices before it
// writes.
#pragma once
#include "update.hpp"

namespace train {

struct Rows {
  int64_t rows, inner, count;
};

// An index with its position, so that sorting by the number sorts by row, then by position.
inline uint64_t entry(int64_t row, int64_t position) {
  return static_cast<uint64_t>(row) << 32 | static_cast<uint64_t>(position);
}

// Sorts n entries by row, a byte at a time; equal rows keep their order. Returns whichever buffer holds the result.
inline uint64_t *sorted(uint64_t *entries, uint64_t *spare, int64_t n, int64_t rows) {
  for (int shift = 32; rows > 1 && shift < 64 && (rows - 1) >> (shift - 32) != 0; shift += 8) {
    int64_t start[257] = {};
    for (int64_t i = 0; i < n; ++i) ++start[(entries[i] >> shift & 0xff) + 1];
    for (int b = 0; b < 256; ++b) start[b + 1] += start[b];
    for (int64_t i = 0; i < n; ++i) spare[start[entries[i] >> shift & 0xff]++] = entries[i];
    std::swap(entries, spare);
  }
  return entries;
}

// What a worker needs: two buffers of entries, a row of sums, a row of zeros.
template <typename T>
struct Scratch {
  uint64_t *entries, *spare;
  compute_t<T> *sum, *zero;
  static uint64_t rounded(int64_t bytes) { return (static_cast<uint64_t>(bytes) + 63) & ~uint64_t{63}; }
  static uint64_t bytes(const Rows &r) {
    return 2 * rounded(8 * r.count) + 2 * rounded(static_cast<int64_t>(sizeof(compute_t<T>)) * r.inner);
  }
  Scratch(const ow_call *call, const Rows &r) {
    char *at = static_cast<char *>(call->worker_scratch);
    const auto take = [&](int64_t size) {
      char *taken = at;
      at += rounded(size);
      return static_cast<void *>(taken);
    };
    entries = static_cast<uint64_t *>(take(8 * r.count));
    spare = static_cast<uint64_t *>(take(8 * r.count));
    sum = static_cast<compute_t<T> *>(take(static_cast<int64_t>(sizeof(compute_t<T>)) * r.inner));
    zero = static_cast<compute_t<T> *>(take(static_cast<int64_t>(sizeof(compute_t<T>)) * r.inner));
  }
};

// all: rows without a gradient are updated too, with 0.
template <typename Rule, typename T, bool all>
int32_t prepare_sparse(ow_plan *plan) {
  const ow_tensor *variable = plan->in[0], *indices = plan->in[Rule::kSlots + 2];
  Rows *r = state<Rows>(plan);
  if (!r) return OW_NO_MEMORY;
  r->rows = variable->shape[0];
  r->inner = extent(variable, 1, variable->ndim);
  r->count = size(indices);
  if ((r->rows | r->count) >> 32 != 0)
    return OW_FAIL(plan, OW_UNSUPPORTED, "rows and indices must be fewer than 2^32, got %lld and %lld",
                   static_cast<long long>(r->rows), static_cast<long long>(r->count));
  plan->worker_scratch_bytes = Scratch<T>::bytes(*r);
  const double touched = static_cast<double>((all ? r->rows : r->count) * r->inner * itemsize(variable));
  plan->bytes = touched * (3 + 2 * Rule::kSlots) + 24.0 * static_cast<double>(r->count);
  if (r->rows) divide(plan, r->rows, plan->bytes / 8 / static_cast<double>(r->rows));
  if (plan->n_chunks > 16) plan->n_chunks = 16;  // each looks at all indices
  return OW_OK;
}

// The gradient of one row: where it stands, if one index names it, else the sum.
template <typename T>
inline const compute_t<T> *summed(const Scratch<T> &s, const T *gradient, const uint64_t *entries, int64_t n,
                                  int64_t inner) {
  using C = compute_t<T>;
  const T *first = gradient + static_cast<int64_t>(entries[0] & 0xffffffffu) * inner;
  if constexpr (std::is_same_v<T, C>)
    if (n == 1) return first;
  for (int64_t i = 0; i < inner; ++i) s.sum[i] = static_cast<C>(first[i]);
  for (int64_t k = 1; k < n; ++k) {
    const T *row = gradient + static_cast<int64_t>(entries[k] & 0xffffffffu) * inner;
    C *sum = s.sum;
    OW_IVDEP
    for (int64_t i = 0; i < inner; ++i) sum[i] += static_cast<C>(row[i]);
  }
  return s.sum;
}

template <typename Rule, typename T>
inline void update_row(const Rule &rule, const ow_call *call, int64_t row, const compute_t<T> *gradient,
                       int64_t inner) {
  T *slots[Rule::kSlots + 1];
  for (int k = 0; k < Rule::kSlots; ++k) slots[k] = data<T>(call->in[k + 1]) + row * inner;
  update(rule, data<T>(call->in[0]) + row * inner, slots, gradient, inner);
}

template <typename Rule, typename T, typename I, bool all>
int32_t run_sparse(const ow_call *call, int64_t first, int64_t last) {
  const Rows &r = *static_cast<const Rows *>(call->state);
  const Rule rule = rule_of<Rule, T>(call);
  const T *gradient = data<T>(call->in[Rule::kSlots + 1]);
  const I *indices = data<I>(call->in[Rule::kSlots + 2]);
  const Range mine(call, r.rows, first, last);
  const Scratch<T> scratch(call, r);
  int64_t n = 0;
  for (int64_t j = 0; j < r.count; ++j) {
    const int64_t row = static_cast<int64_t>(indices[j]);
    if (row < 0 || row >= r.rows)
      return OW_FAIL(call, OW_OUT_OF_RANGE, "indices must lie in [0, %lld), got %lld", static_cast<long long>(r.rows),
                     static_cast<long long>(row));
    if (row >= mine.begin && row < mine.end) scratch.entries[n++] = entry(row - mine.begin, j);
  }
  const uint64_t *entries = sorted(scratch.entries, scratch.spare, n, mine.end - mine.begin);
  if (all)
    for (int64_t i = 0; i < r.inner; ++i) scratch.zero[i] = 0;
  int64_t next = mine.begin;
  for (int64_t at = 0, end; at < n; at = end) {
    const int64_t row = mine.begin + static_cast<int64_t>(entries[at] >> 32);
    for (end = at + 1; end < n && entries[end] >> 32 == entries[at] >> 32;) ++end;
    for (; all && next < row; ++next) update_row<Rule, T>(rule, call, next, scratch.zero, r.inner);
    update_row<Rule, T>(rule, call, row, summed(scratch, gradient, entries + at, end - at, r.inner), r.inner);
    next = row + 1;
  }
  for (; all && next < mine.end; ++next) update_row<Rule, T>(rule, call, next, scratch.zero, r.inner);
  return OW_OK;
}

}  // namespace train

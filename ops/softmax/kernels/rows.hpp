// rows.hpp: kernels that work on the rows along any axis of a tensor. A long row is done by itself, in lanes. Short
// rows, and rows whose elements lie apart, are done kLanes at a time as a panel: element k of row j at panel[k * kLanes
// + j].
#pragma once
#include "lanes.hpp"

namespace opwright {

constexpr int64_t kShort = 48;  // elements up to which a panel, copied in and out, beats rows in lanes

// A tensor seen as [outer, n, inner]: its rows run along the middle, `inner` elements apart.
struct Rows {
  int64_t outer, n, inner;
  bool panels;
  int64_t count() const { return outer * inner; }
  // Panels hold consecutive rows of one outer index or, where inner is 1, of consecutive ones.
  int64_t across() const { return inner == 1 ? outer : inner; }
  int64_t panels_across() const { return (across() + kLanes - 1) / kLanes; }
  int64_t units() const { return !panels ? outer : inner == 1 ? panels_across() : outer * panels_across(); }
};

inline Rows rows_along(const ow_tensor *t, int64_t axis) {
  const int32_t at = static_cast<int32_t>(axis < 0 ? axis + t->ndim : axis);
  const int64_t n = t->shape[at], inner = extent(t, at + 1, t->ndim);
  return Rows{extent(t, 0, at), n, inner, inner > 1 || n <= kShort};
}

// Where the rows of a panel lie.
struct Place {
  int64_t first, width, along, across;  // first element; rows; steps to the next element, and to the next row
  Place(const Rows &rows, int64_t unit) {
    const int64_t block = unit % rows.panels_across() * kLanes, outer = unit / rows.panels_across();
    along = rows.inner, across = rows.inner == 1 ? rows.n : 1;
    first = outer * rows.n * rows.inner + block * across;
    width = std::min<int64_t>(kLanes, rows.across() - block);
  }
};

template <typename T, typename C>
inline void load(const T *x, const Place &at, int64_t n, C *panel) {
  x += at.first;
  if (at.width < kLanes) std::fill(panel, panel + n * kLanes, C(0));
  if (at.across == 1) {
    for (int64_t k = 0; k < n; ++k)
      for (int64_t j = 0; j < at.width; ++j) panel[k * kLanes + j] = static_cast<C>(x[k * at.along + j]);
  } else {
    for (int64_t j = 0; j < at.width; ++j)
      for (int64_t k = 0; k < n; ++k) panel[k * kLanes + j] = static_cast<C>(x[j * at.across + k]);
  }
}

template <typename T, typename C>
inline void store(T *y, const Place &at, int64_t n, const C *panel) {
  y += at.first;
  if (at.across == 1) {
    for (int64_t k = 0; k < n; ++k)
      for (int64_t j = 0; j < at.width; ++j) y[k * at.along + j] = static_cast<T>(panel[k * kLanes + j]);
  } else {
    for (int64_t j = 0; j < at.width; ++j)
      for (int64_t k = 0; k < n; ++k) y[j * at.across + k] = static_cast<T>(panel[k * kLanes + j]);
  }
}

// The largest element of each row of a panel; nan is passed over.
template <typename C>
inline Lanes<C> panel_max(const C *x, int64_t n) {
  Lanes<C> largest(static_cast<C>(-INFINITY));
  for (int64_t k = 0; k < n; ++k)
    for (int j = 0; j < kLanes; ++j) largest.v[j] = x[k * kLanes + j] > largest.v[j] ? x[k * kLanes + j] : largest.v[j];
  return largest;
}

// The sum of term(element, lane) over each row of a panel.
template <typename C, typename F>
inline Lanes<double> panel_sum(int64_t n, F &&term) {
  Lanes<double> total(0.0);
  for (int64_t at = 0; at < n; at += 256) {
    Lanes<C> sums(C(0));
    for (int64_t k = at; k < std::min(at + 256, n); ++k)
      for (int j = 0; j < kLanes; ++j) sums.v[j] += term(k * kLanes + j, j);
    for (int j = 0; j < kLanes; ++j) total.v[j] += static_cast<double>(sums.v[j]);
  }
  return total;
}

inline double nanoseconds(const Rows &rows, bool wide) {
  const double each = wide ? 8.0 : 1.0;
  return 10 + static_cast<double>(rows.n) * each * (rows.panels ? kLanes : 1);
}

// For an op whose only attribute is the axis.
template <typename T, int kIn>
int32_t prepare_rows(ow_plan *plan) {
  const Rows *rows = state<Rows>(plan, rows_along(plan->in[0], plan->attr[0].v.i));
  if (!rows) return OW_NO_MEMORY;
  const double elements = static_cast<double>(rows->count() * rows->n);
  plan->flops = 12.0 * elements;
  plan->bytes = (kIn + 1) * sizeof(T) * elements;
  if (rows->panels) plan->worker_scratch_bytes = static_cast<uint64_t>(kIn * kLanes * rows->n) * sizeof(compute_t<T>);
  divide(plan, rows->units(), nanoseconds(*rows, std::is_same_v<T, double>));
  return OW_OK;
}

// row(in, out, n) does one dense row, panel(in, n) a panel, whose result takes the place of the first.
template <typename T, int kIn, void (*row)(const T *const *, T *, int64_t),
          void (*panel)(compute_t<T> *const *, int64_t)>
int32_t run_rows(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Rows &rows = *static_cast<const Rows *>(call->state);
  const Range units(call, rows.units(), first, last);
  const int64_t n = rows.n;
  for (int64_t u = units.begin; u < units.end; ++u) {
    if (rows.panels) {
      const Place at(rows, u);
      C *in[kIn];
      for (int k = 0; k < kIn; ++k) {
        in[k] = static_cast<C *>(call->worker_scratch) + k * kLanes * n;
        load(data<const T>(call->in[k]), at, n, in[k]);
      }
      panel(in, n);
      store(data<T>(call->out[0]), at, n, in[0]);
    } else {
      const T *in[kIn];
      for (int k = 0; k < kIn; ++k) in[k] = data<const T>(call->in[k]) + u * n;
      row(in, data<T>(call->out[0]) + u * n, n);
    }
  }
  return OW_OK;
}

inline constexpr int8_t kOverFirst[] = {0, 0, -1};

// Registers row<T> and panel<C> for each floating type as the kernel of an op of kIn tensors. It may write over the
// first.
#define OW_ROWS(op, kIn, pattern, row, panel)                           \
  OW_REGISTER floats::each([](auto zero) {                              \
    using T = decltype(zero);                                           \
    ::opwright::Kernel(#op, ::opwright::signature<T>(pattern))          \
        .prepare(::opwright::prepare_rows<T, kIn>)                      \
        .run(::opwright::run_rows<T, kIn, row<T>, panel<compute_t<T>>>) \
        .inplace(::opwright::kOverFirst);                               \
  });

}  // namespace opwright

// lanes.hpp: loops over the elements of one row, kLanes at a time.
#pragma once
#include <algorithm>

#include "opwright/vecmath.hpp"

namespace opwright {

// Independent partial results: compilers do not reorder a float sum or maximum, so these are what they vectorise.
constexpr int kLanes = 16;

// Calls body(first, lanes) for each kLanes elements of n, and for what is left.
template <typename F>
inline void in_lanes(int64_t n, F &&body) {
  const int64_t full = n / kLanes * kLanes;
  for (int64_t i = 0; i < full; i += kLanes) body(i, std::integral_constant<int, kLanes>());
  if (full < n) body(full, static_cast<int>(n - full));
}

// One vector's worth of elements, in the type they are computed in.
template <typename C>
struct Lanes {
  alignas(64) C v[kLanes];

  explicit Lanes(C all) {
    for (int j = 0; j < kLanes; ++j) v[j] = all;
  }
  template <typename T, typename N>
  Lanes(const T *x, N lanes, C rest) {
    if constexpr (!std::is_same_v<N, int>) {
      for (int j = 0; j < kLanes; ++j) v[j] = static_cast<C>(x[j]);
    } else {
      for (int j = 0; j < kLanes; ++j) v[j] = rest;
      for (int j = 0; j < lanes; ++j) v[j] = static_cast<C>(x[j]);
    }
  }
  template <typename T, typename N>
  void store(T *y, N lanes) const {
    for (int j = 0; j < lanes; ++j) y[j] = static_cast<T>(v[j]);
  }
  C max() const {
    C m = v[0];
    for (int j = 1; j < kLanes; ++j) m = v[j] > m ? v[j] : m;
    return m;
  }
  double sum() const {
    double s = 0;
    for (int j = 0; j < kLanes; ++j) s += static_cast<double>(v[j]);
    return s;
  }
};

// Lanes that are computed: std::exp of a double is a call, so padding is left out there.
template <typename C, typename N>
constexpr auto computed(N lanes) {
  if constexpr (std::is_same_v<C, double>) return lanes;
  else return std::integral_constant<int, kLanes>();
}

constexpr int64_t kPiece = 4096;  // elements summed in C before they go into a double

// The sum of term(first, lanes, sums) over a row: each call adds its elements to `sums`.
template <typename C, typename F>
inline double sum_of(int64_t n, F &&term) {
  double total = 0;
  for (int64_t at = 0; at < n; at += kPiece) {
    Lanes<C> sums(C(0));
    in_lanes(std::min(kPiece, n - at), [&](int64_t i, auto lanes) { term(at + i, lanes, sums.v); });
    total += sums.sum();
  }
  return total;
}

// The largest element; nan is passed over (exp(nan - max) brings it back), -inf for a row of none.
template <typename T, typename C = compute_t<T>>
inline C max_of(const T *x, int64_t n) {
  Lanes<C> largest(static_cast<C>(-INFINITY));
  in_lanes(n, [&](int64_t i, auto lanes) {
    const Lanes<C> in(x + i, lanes, static_cast<C>(-INFINITY));
    for (int j = 0; j < kLanes; ++j) largest.v[j] = in.v[j] > largest.v[j] ? in.v[j] : largest.v[j];
  });
  return largest.max();
}

// sum(exp(x - max)). 32- and 64-bit terms are left in `e`; a 16-bit type would lose digits, so it gets none.
template <typename T, typename C = compute_t<T>>
inline double exp_sum(const T *x, C max, T *e, int64_t n) {
  return sum_of<C>(n, [&](int64_t i, auto lanes, C *sums) {
    Lanes<C> in(x + i, lanes, static_cast<C>(-INFINITY));
    for (int j = 0; j < computed<C>(lanes); ++j) {
      in.v[j] = opwright::exp(in.v[j] - max);
      sums[j] += in.v[j];
    }
    if constexpr (std::is_same_v<T, C>) in.store(e + i, lanes);
  });
}

// exp(x - max) as exp_sum left it in `e`, or anew.
template <typename T, typename N, typename C = compute_t<T>>
inline Lanes<C> exponentials(const T *x, C max, const T *e, N lanes) {
  if constexpr (std::is_same_v<T, C>) {
    return Lanes<C>(e, lanes, C(0));
  } else {
    Lanes<C> in(x, lanes, static_cast<C>(-INFINITY));
    for (int j = 0; j < kLanes; ++j) in.v[j] = opwright::exp(in.v[j] - max);
    return in;
  }
}

}  // namespace opwright

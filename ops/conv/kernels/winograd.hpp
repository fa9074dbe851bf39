// winograd.hpp: the transforms of Winograd's convolutions of 4 x 4 pixels with R x R filters, stride 1.
//
// A tile of A x A = (R + 3) x (R + 3) pixels d and a filter g give 4 x 4 outputs, y = out((filter g) * (in d)), where *
// multiplies the A x A numbers ("frequencies") one by one: A^2 products for 16 outputs instead of 16 R^2. Summed over
// channels, the products of a frequency are those of two matrices, tiles x channels x outputs. Lavin and Gray, "Fast
// algorithms for convolutional neural networks", arXiv 1509.09308.
//
// The transforms, for rows and then for columns, are Toom and Cook's: evaluate polynomials at the points 0, +-p of
// `Points` and infinity, and interpolate. Even and odd powers are summed apart, for both signs of a point. The points
// for R = 3 are those of the least error against float64 among the pairs of eighths from 3/8 to 5/2, for R = 5 among
// the triples of 15 such numbers (a search as in Barabasz et al., "Error analysis and improving the accuracy of
// Winograd convolution for deep neural networks", arXiv 1803.10986).
#pragma once
#include <vector>

#include "geometry.hpp"
#include "opwright/gemm.hpp"

namespace opwright {
namespace winograd {

constexpr int kTile = 4;  // rows and columns of outputs that a tile makes
constexpr int64_t kLane = kLanes<float>, kWidth = gemm::kPanel<float>, kLine = 64 / sizeof(float);

// Spreading a frequency of a pixel's channel, or collecting one of an output, takes as long as so many multiply-adds,
// measured. Direct convolutions are to take kMargin times as long, or they stay.
constexpr double kSpread = 13;
constexpr double kMargin = 1.15;

template <int A>
struct Points;
template <>
struct Points<6> {
  static constexpr double p[] = {5. / 8, 3. / 2};
};
template <>
struct Points<8> {
  static constexpr double p[] = {1. / 2, 1, 2};
};

// Which of A frequencies belong to what: 0 to the point 0, 1 + 2 i and 2 + 2 i to +-p[i], A - 1 to infinity.
template <int A>
struct Toom {
  static constexpr int kPairs = (A - 2) / 2;
  // all[k], rest[i][k]: coefficients of z^k in the products of (z - p[j]^2) over all j, and over j != i.
  double all[kPairs + 1] = {}, rest[kPairs][kPairs] = {};
  double power[kPairs][A] = {};           // p[i]^k
  double scale0 = 1, scale[kPairs] = {};  // of the filters' transform: 1 / products of differences of points

  constexpr Toom() {
    for (int i = 0; i <= kPairs; ++i) {
      double made[kPairs + 2] = {1}, differences = 1;
      int degree = 0;
      for (int j = 0; j < kPairs; ++j) {
        const double square = Points<A>::p[j] * Points<A>::p[j];
        if (j == i) continue;
        ++degree;
        for (int k = degree; k > 0; --k) made[k] = made[k - 1] - square * made[k];
        made[0] *= -square;
        if (i < kPairs) differences *= Points<A>::p[i] * Points<A>::p[i] - square;
      }
      for (int k = 0; k <= degree; ++k) (i < kPairs ? rest[i][k] : all[k]) = made[k];
      if (i == kPairs) break;
      power[i][0] = 1;
      for (int k = 1; k < A; ++k) power[i][k] = power[i][k - 1] * Points<A>::p[i];
      scale0 *= -1 / power[i][2];
      scale[i] = 1 / (2 * power[i][2] * differences);
    }
  }
};
template <int A>
constexpr Toom<A> kToom{};

using V = Vector<float>;

// v = B d: of A pixels.
template <int A>
inline void spread_pixels(const V *d, V *v) {
  constexpr int n = Toom<A>::kPairs;
  v[0] = d[0] * static_cast<float>(kToom<A>.all[0]);
  v[A - 1] = d[1] * static_cast<float>(kToom<A>.all[0]);
#pragma GCC unroll 4
  for (int k = 1; k <= n; ++k) {
    v[0] += d[2 * k] * static_cast<float>(kToom<A>.all[k]);
    v[A - 1] += d[2 * k + 1] * static_cast<float>(kToom<A>.all[k]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < n; ++i) {
    V even = d[2] * static_cast<float>(kToom<A>.rest[i][0]), odd = d[1] * static_cast<float>(kToom<A>.rest[i][0]);
#pragma GCC unroll 4
    for (int k = 1; k < n; ++k) {
      even += d[2 * k + 2] * static_cast<float>(kToom<A>.rest[i][k]);
      odd += d[2 * k + 1] * static_cast<float>(kToom<A>.rest[i][k]);
    }
    v[1 + 2 * i] = even + odd * static_cast<float>(kToom<A>.power[i][1]);
    v[2 + 2 * i] = even - odd * static_cast<float>(kToom<A>.power[i][1]);
  }
}

// v = G g: of N taps.
template <int A, int N>
inline void spread_taps(const V *g, V *v) {
  v[0] = g[0] * static_cast<float>(kToom<A>.scale0);
  v[A - 1] = g[N - 1];
#pragma GCC unroll 4
  for (int i = 0; i < Toom<A>::kPairs; ++i) {
    constexpr auto &toom = kToom<A>;
    V even = g[0] * static_cast<float>(toom.scale[i]);
    V odd = g[1] * static_cast<float>(toom.power[i][1] * toom.scale[i]);
#pragma GCC unroll 8
    for (int k = 2; k < N; ++k) (k % 2 ? odd : even) += g[k] * static_cast<float>(toom.power[i][k] * toom.scale[i]);
    v[1 + 2 * i] = even + odd;
    v[2 + 2 * i] = even - odd;
  }
}

// y = N outputs of A frequencies.
template <int A, int N>
inline void collect(const V *v, V *y) {
  y[0] = v[0];
#pragma GCC unroll 8
  for (int k = 1; k < N; ++k) y[k] = k == N - 1 ? v[A - 1] : V{};
#pragma GCC unroll 4
  for (int i = 0; i < Toom<A>::kPairs; ++i) {
    const V even = v[1 + 2 * i] + v[2 + 2 * i], odd = v[1 + 2 * i] - v[2 + 2 * i];
#pragma GCC unroll 8
    for (int k = 0; k < N; ++k) y[k] += (k % 2 ? odd : even) * static_cast<float>(kToom<A>.power[i][k]);
  }
}

// Columns, then rows: element (i, j) of n x n vectors comes from from(i, j), frequency (i, j) goes to to[(i A + j)
// step].
template <int A, int N, void (*kSpread)(const V *, V *), typename From>
inline void spread_tile(From from, float *to, int64_t step) {
  V half[A][N];
  for (int j = 0; j < N; ++j) {
    V d[N], v[A];
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) load(d[i], from(i, j));
    kSpread(d, v);
#pragma GCC unroll 8
    for (int i = 0; i < A; ++i) half[i][j] = v[i];
  }
  for (int i = 0; i < A; ++i) {
    V v[A];
    kSpread(half[i], v);
#pragma GCC unroll 8
    for (int j = 0; j < A; ++j) store(to + (i * A + j) * step, v[j]);
  }
}

// A pixel's channels, those that follow announced: pixels of a tile lie apart, where processors see no stream.
inline const float *announced(const float *channels) {
  __builtin_prefetch(channels + 2 * kLine);
  return channels;
}

// y[i][j] of frequencies at from[(i A + j) step].
template <int A, int N>
inline void collect_tile(const float *from, int64_t step, V (*y)[N]) {
  V half[N][A];
  for (int j = 0; j < A; ++j) {
    V v[A], made[N];
#pragma GCC unroll 8
    for (int i = 0; i < A; ++i) load(v[i], from + (i * A + j) * step);
    collect<A, N>(v, made);
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) half[i][j] = made[i];
  }
  for (int i = 0; i < N; ++i) collect<A, N>(half[i], y[i]);
}

// Between the frequencies of `floats` numbers: an odd number of cache lines, or all would fall on few cache sets.
inline int64_t apart(int64_t floats) { return ((floats + kLine - 1) / kLine | 1) * kLine; }

// Images cut into tiles: rows of tiles are counted through all images.
struct Grid {
  int64_t images, in[2], out[2], before[2], ci, co;
  explicit Grid(const Geometry &g)
      : images(g.images),
        in{g.in[1], g.in[2]},
        out{g.out[1], g.out[2]},
        before{g.before[1], g.before[2]},
        ci(g.ci),
        co(g.co) {}
  // Of the derivative by the input: a convolution of dy.
  Grid backwards(int64_t filter) const {
    Grid made = *this;
    for (int d = 0; d < 2; ++d) made.in[d] = out[d], made.out[d] = in[d], made.before[d] = filter - 1 - before[d];
    made.ci = co, made.co = ci;
    return made;
  }
  // The tiles that the outputs themselves are.
  Grid outputs() const {
    Grid made = *this;
    for (int d = 0; d < 2; ++d) made.in[d] = out[d], made.before[d] = 0;
    made.ci = co;
    return made;
  }
  int64_t across(int d) const { return (out[d] + kTile - 1) / kTile; }
  int64_t rows() const { return images * across(0); }
  int64_t tiles() const { return rows() * across(1); }
  // The first row of pixels that a row of tiles makes, counted through all images.
  int64_t first(int64_t row) const { return row / across(0) * out[0] + row % across(0) * kTile; }
  int64_t pixels(int64_t row, int64_t end) const { return (first(end) - first(row)) * out[1]; }

  // Where the A x A pixels that tile `at` of a row of tiles sees are: `zeros` outside the image.
  template <int A>
  void see(int64_t row, int64_t at, const float *x, const float *zeros, const float **to) const {
    const int64_t image = row / across(0), top = row % across(0) * kTile - before[0], left = at * kTile - before[1];
    for (int64_t i = top; i < top + A; ++i)
      for (int64_t j = left; j < left + A; ++j)
        *to++ = i < 0 || i >= in[0] || j < 0 || j >= in[1] ? zeros : x + ((image * in[0] + i) * in[1] + j) * ci;
  }
};

// OW_OK, or says why the algorithm does not serve a convolution.
inline int32_t refuse(const ow_plan *plan, const Geometry &g) {
  const int64_t r = g.filter[1], lanes = kLanes<float>;
  const auto no = [&](const char *why) { return OW_FAIL(plan, OW_UNSUPPORTED, "%s", why); };
  if (g.in[0] != 1 || g.out[0] != 1 || g.filter[0] != 1 || g.filter[2] != r || (r != 3 && r != 5))
    return no("filters must be 3x3 or 5x5");
  if (g.stride[1] != 1 || g.stride[2] != 1 || g.dilation[1] != 1 || g.dilation[2] != 1)
    return no("strides and dilations must be 1");
  if (g.groups != 1) return no("channels must be in one group");
  if (!g.pixels_in() || !g.pixels_out() || !g.ci || !g.co) return no("the convolution must not be empty");
  if (g.ci % lanes || g.co % lanes) return no("channels must be multiples of the vectors' length");
  return OW_OK;
}

}  // namespace winograd
}  // namespace opwright

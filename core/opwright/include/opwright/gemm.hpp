// opwright/gemm.hpp: c[i j] (+)= sum over k of a[i k] b[k j], in blocks.
//
// The micro-kernel keeps a tile of c in registers: R rows by V vectors, for each k an element of a per row (broadcast)
// times V vectors of b. It is fed straight from memory where that serves (few rows, rows of b dense), else from packed
// copies: of b panels of kPanel columns, k after k; of a rows of kDepth elements. After Goto and van de Geijn, "Anatomy
// of high-performance matrix multiplication", ACM TOMS 34(3), 2008, with the roles of a and b exchanged for row-major
// c.
//
// Each element of c is one chain of multiply-adds over k within a block of kDepth, and blocks are added in order: the
// result does not depend on how rows and columns are divided among chunks.
#pragma once
#include <algorithm>
#include <array>

#include "opwright/vector.hpp"

namespace opwright {
namespace gemm {

constexpr int kRows = kVectorRegisters == 32 ? 12 : 6;  // of the largest tile; 2 vectors wide
constexpr int kWideRows = kRows / 4;                    // tiles of so few rows may be 4 vectors wide
constexpr int64_t kDepth = 256;                         // k of a packed block: a tile's rows of a stay in L1
constexpr int64_t kColumns = 512;                       // columns of a packed block of b, which stays in L2
constexpr int64_t kBand = 8 * kRows;                    // rows of a packed at a time
constexpr int64_t kNarrow = 64;                         // columns; for so few, packing a costs more than it saves
template <typename C>
constexpr int64_t kPanel = 2 * kLanes<C>;
template <typename C>
constexpr int64_t kPackedRow = kDepth + kLanes<C>;  // not a power of two, so that rows do not fall on one cache set

// A matrix in memory: element (i, j) at data[i * row + j * column].
template <typename T>
struct Matrix {
  const T *data;
  int64_t row, column;
  const T *at(int64_t i, int64_t j) const { return data + i * row + j * column; }
};

// What a micro-kernel works on: k steps, a by rows and steps, b by steps, c by rows.
template <typename C>
struct Tile {
  int64_t k;
  const C *a;
  int64_t a_row, a_step;
  const C *b;
  int64_t b_step;
  C *c;
  int64_t c_row;
  int64_t width;  // columns of c to write
  bool add;
};

// The first columns of a tile whose rows are `width` long.
template <typename C>
[[gnu::noinline]] void write_part(const Tile<C> &t, const C *tile, int rows, int width) {
  for (int r = 0; r < rows; ++r, tile += width) {
    C *to = t.c + r * t.c_row;
    if (t.add)
      for (int64_t j = 0; j < t.width; ++j) to[j] += tile[j];
    else
      for (int64_t j = 0; j < t.width; ++j) to[j] = tile[j];
  }
}

template <typename C, int R, int V>
inline void write(const Tile<C> &t, Vector<C> (&acc)[R][V]) {
  constexpr int n = kLanes<C>;
  if (t.width >= V * n) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        C *to = t.c + r * t.c_row + v * n;
        if (t.add) {
          Vector<C> old;
          load(old, to);
          acc[r][v] += old;
        }
        store(to, acc[r][v]);
      }
    return;
  }
  C tile[R * V * n];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(tile + (r * V + v) * n, acc[r][v]);
  write_part(t, tile, R, V * n);
}

// kPacked: a's rows are kPackedRow apart and dense, which makes their addresses constants.
template <typename C, int R, int V, bool kPacked>
[[gnu::noinline]] void micro(const Tile<C> &t) {
  constexpr int n = kLanes<C>;
  Vector<C> acc[R][V] = {};
  const C *b = t.b, *a = t.a;
  const int64_t a_step = kPacked ? 1 : t.a_step, b_step = kPacked ? V * n : t.b_step;
  // Rows in groups of three: an address is a group's pointer plus 0, 1 or 2 steps, which processors add for nothing.
  const int64_t row = kPacked ? kPackedRow<C> : t.a_row;
  const C *group[(R + 2) / 3];
#pragma GCC unroll 4
  for (int g = 0; g < (R + 2) / 3; ++g) group[g] = a + 3 * g * row;
  for (int64_t k = t.k; k > 0; --k) {
    Vector<C> bs[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) load(bs[v], b + v * n);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const C x = kPacked ? a[r * row] : group[r / 3][r % 3 * row];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) acc[r][v] += bs[v] * x;
    }
    b += b_step;
    if (kPacked) a += 1;
    else
#pragma GCC unroll 4
      for (int g = 0; g < (R + 2) / 3; ++g) group[g] += a_step;
  }
  write<C, R, V>(t, acc);
}

template <typename C>
using Micro = void (*)(const Tile<C> &);

template <typename C, int V, bool kPacked, size_t... R>
constexpr auto micro_table(std::index_sequence<R...>) {
  return std::array<Micro<C>, sizeof...(R)>{micro<C, static_cast<int>(R) + 1, V, kPacked>...};
}

// The micro-kernel for R rows and V vectors: 1 or 2, or 4 for at most kWideRows rows.
template <typename C, bool kPacked>
inline Micro<C> kernel_for(int64_t rows, int64_t vectors) {
  static constexpr auto one = micro_table<C, 1, kPacked>(std::make_index_sequence<kRows>());
  static constexpr auto two = micro_table<C, 2, kPacked>(std::make_index_sequence<kRows>());
  static constexpr auto four = micro_table<C, 4, false>(std::make_index_sequence<kWideRows>());
  const size_t i = static_cast<size_t>(rows - 1);
  return vectors == 1 ? one[i] : vectors == 2 ? two[i] : four[i];
}

// The height of the tiles that rows are cut into: nearly equal ones, rather than a small rest.
inline int64_t tile_rows(int64_t rows) {
  const int64_t tiles = (rows + kRows - 1) / kRows;
  return tiles ? (rows + tiles - 1) / tiles : 0;
}

// ---- few rows: straight from memory --------------------------------------------------------------------------------

// Where a step of b ends less than a vector before the end of its memory, it is read from a copy.
template <typename C>
struct Tail {
  C steps[kVectorBytes / sizeof(C) * 4][4 * kLanes<C>];
};

// b's rows are dense. Full vectors are read even where only part of their lanes are columns of c: what else lies in
// b's memory there does not matter.
template <typename C>
inline void direct(int64_t m, int64_t n, int64_t k, Matrix<C> a, Matrix<C> b, int64_t b_extent, C *c, int64_t c_row) {
  const int64_t height = tile_rows(m);
  for (int64_t j = 0; j < n;) {
    const int64_t rest = (n - j + kLanes<C> - 1) / kLanes<C>;
    const int64_t vectors = height <= kWideRows && rest >= 4 ? 4 : rest >= 2 ? 2 : 1, width = vectors * kLanes<C>;
    // Steps whose vectors end inside b.
    const int64_t last = b_extent - j - width;
    const int64_t safe = last < 0 ? 0 : b.row > 0 ? std::min(k, last / b.row + 1) : k;
    Tail<C> tail;
    constexpr int64_t kSteps = sizeof tail.steps / sizeof tail.steps[0];
    for (int64_t from = 0; from < k || from == 0;) {
      const bool copied = from >= safe && safe < k;
      const int64_t steps = copied ? std::min(kSteps, k - from) : safe - from;
      if (copied)
        for (int64_t s = 0; s < steps; ++s)
          for (int64_t l = 0; l < width; ++l) tail.steps[s][l] = j + l < n ? *b.at(from + s, j + l) : C(0);
      for (int64_t i = 0; i < m; i += height) {
        const Tile<C> t = {steps,
                           a.at(i, from),
                           a.row,
                           a.column,
                           copied ? tail.steps[0] : b.at(from, j),
                           copied ? 4 * kLanes<C> : b.row,
                           c + i * c_row + j,
                           c_row,
                           std::min(width, n - j),
                           from > 0};
        kernel_for<C, false>(std::min(height, m - i), vectors)(t);
      }
      from += steps;
      if (k == 0) break;
    }
    j += width;
  }
}

// ---- few rows, and b too large for caches: row after row of b ------------------------------------------------------

// Adds S steps to R rows of c, V vectors at a time.
template <typename C, int R, int S, int V>
inline void stream_steps(int64_t n, Matrix<C> a, Matrix<C> b, C *c, int64_t c_row, bool add) {
  constexpr int64_t width = V * kLanes<C>;
  int64_t j = 0;
  for (; j + width <= n; j += width) {
    Vector<C> acc[R][V] = {};
    if (add)
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) load(acc[r][v], c + r * c_row + j + v * kLanes<C>);
#pragma GCC unroll 8
    for (int s = 0; s < S; ++s)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        const C *at = b.at(s, j + v * kLanes<C>);
        __builtin_prefetch(at + S * b.row);
        Vector<C> bs;
        load(bs, at);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) acc[r][v] += bs * *a.at(r, s);
      }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) store(c + r * c_row + j + v * kLanes<C>, acc[r][v]);
  }
  for (int r = 0; r < R; ++r)
    for (int64_t l = j; l < n; ++l) {
      C sum = add ? c[r * c_row + l] : C(0);
      for (int s = 0; s < S; ++s) sum += *b.at(s, l) * *a.at(r, s);
      c[r * c_row + l] = sum;
    }
}

template <typename C, int R>
inline void stream_rows(int64_t n, int64_t k, Matrix<C> a, Matrix<C> b, C *c, int64_t c_row) {
  constexpr int kSteps = R == 1 ? 8 : 4, kVectors = R <= 2 ? 4 : 2;
  for (int64_t at = 0; at < k;) {
    const bool many = at + kSteps <= k;
    const auto steps = many ? stream_steps<C, R, kSteps, kVectors> : stream_steps<C, R, 1, kVectors>;
    steps(n, {a.at(0, at), a.row, a.column}, {b.at(at, 0), b.row, b.column}, c, c_row, at > 0);
    at += many ? kSteps : 1;
  }
}

constexpr int64_t kStreamedRows = 6;

// Whether a product of m rows with a b of that many elements is made in half to a fifth of the time so: where b has 8
// MB (1 row) or 16 MB of floats.
inline bool pays_to_stream(int64_t m, int64_t size_of_b) {
  return m <= kStreamedRows && size_of_b >= (m == 1 ? 1 << 21 : 1 << 22);
}

// b's rows are dense, m is kStreamedRows at most, k at least 1. Memory is read in long pieces, c stays in L1.
template <typename C>
inline void streamed(int64_t m, int64_t n, int64_t k, Matrix<C> a, Matrix<C> b, C *c, int64_t c_row) {
  using Rows = void (*)(int64_t, int64_t, Matrix<C>, Matrix<C>, C *, int64_t);
  static constexpr Rows table[kStreamedRows] = {stream_rows<C, 1>, stream_rows<C, 2>, stream_rows<C, 3>,
                                                stream_rows<C, 4>, stream_rows<C, 5>, stream_rows<C, 6>};
  if (m > 0) table[m - 1](n, k, a, b, c, c_row);
}

// ---- both operands run along k: dot products -----------------------------------------------------------------------

template <typename C, int R, int S>
inline void dots(int64_t k, const C *a, int64_t a_row, const C *b, int64_t b_column, C *c, int64_t c_row) {
  constexpr int n = kLanes<C>;
  Vector<C> acc[R][S] = {};
  int64_t at = 0;
  for (; at + n <= k; at += n) {
    Vector<C> as[R], bs[S];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) load(as[r], a + r * a_row + at);
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s) load(bs[s], b + s * b_column + at);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) acc[r][s] += as[r] * bs[s];
  }
  for (int r = 0; r < R; ++r)
    for (int s = 0; s < S; ++s) {
      C lanes[n], sum;
      store(lanes, acc[r][s]);
      for (int half = n / 2; half > 0; half /= 2)
        for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
      sum = lanes[0];
      for (int64_t l = at; l < k; ++l) sum += a[r * a_row + l] * b[s * b_column + l];
      c[r * c_row + s] = sum;
    }
}

template <typename C>
inline void dot_products(int64_t m, int64_t n, int64_t k, Matrix<C> a, Matrix<C> b, C *c, int64_t c_row) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4) {
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) dots<C, 4, 4>(k, a.at(i, 0), a.row, b.at(0, j), b.column, c + i * c_row + j, c_row);
    for (; j < n; ++j) dots<C, 4, 1>(k, a.at(i, 0), a.row, b.at(0, j), b.column, c + i * c_row + j, c_row);
  }
  for (; i < m; ++i) {
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) dots<C, 1, 4>(k, a.at(i, 0), a.row, b.at(0, j), b.column, c + i * c_row + j, c_row);
    for (; j < n; ++j) dots<C, 1, 1>(k, a.at(i, 0), a.row, b.at(0, j), b.column, c + i * c_row + j, c_row);
  }
}

// ---- packed --------------------------------------------------------------------------------------------------------

// to[i * to_row + j] = from(i, j) for rows x columns; zeros up to `padded` columns.
template <typename C, typename T>
inline void copy_block(C *to, int64_t to_row, Matrix<T> from, int64_t rows, int64_t columns, int64_t padded) {
  constexpr int64_t n = kLanes<C>;
  int64_t done = 0;
  if (from.row == 1 && from.column != 1)
    for (; done + n <= rows; done += n) {
      int64_t j = 0;
      for (; j + n <= columns; j += n)
        transpose_block<C>(to + done * to_row + j, to_row, from.at(done, j), from.column);
      for (int64_t i = done; i < done + n; ++i)
        for (int64_t l = j; l < padded; ++l) to[i * to_row + l] = l < columns ? static_cast<C>(*from.at(i, l)) : C(0);
    }
  for (int64_t i = done; i < rows; ++i) {
    const T *x = from.at(i, 0);
    C *y = to + i * to_row;
    if (from.column == 1)
      for (int64_t j = 0; j < columns; ++j) y[j] = static_cast<C>(x[j]);
    else
      for (int64_t j = 0; j < columns; ++j) y[j] = static_cast<C>(x[j * from.column]);
    for (int64_t j = columns; j < padded; ++j) y[j] = C(0);
  }
}

template <typename C>
inline int64_t padded(int64_t columns) {
  return (columns + kLanes<C> - 1) / kLanes<C> * kLanes<C>;
}

constexpr int64_t kStrip = 8;  // rows of b copied at a time: memory is read in long pieces, each announced before

// Rows of V whole vectors, to follow each other.
template <typename C, typename T, int V>
inline void copy_vectors(C *to, const T *from, int64_t from_row, int64_t rows) {
  for (; rows > 0; --rows, from += from_row, to += V * kLanes<C>) {
    __builtin_prefetch(from + kStrip * from_row);
    Vector<C> vs[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) load_as<C>(vs[v], from + v * kLanes<C>);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(to + v * kLanes<C>, vs[v]);
  }
}

// Panels of kPanel columns, each k x kPanel; the last may be one vector wide.
template <typename C, typename T>
inline void pack_b(C *to, Matrix<T> b, int64_t k, int64_t n) {
  const int64_t strip = b.column == 1 ? kStrip : k;
  for (int64_t i = 0; i < k; i += strip)
    for (int64_t j = 0; j < n; j += kPanel<C>) {
      const int64_t columns = std::min(kPanel<C>, n - j), width = padded<C>(columns), rows = std::min(strip, k - i);
      C *panel = to + j * k + i * width;
      if (columns == kPanel<C> && b.column == 1) copy_vectors<C, T, 2>(panel, b.at(i, j), b.row, rows);
      else copy_block<C, T>(panel, width, {b.at(i, j), b.row, b.column}, rows, columns, width);
    }
}

template <typename C>
constexpr int64_t kPackedA = kBand * kPackedRow<C>;
template <typename C>
constexpr int64_t kPackedB = kDepth * kColumns;

// Elements of scratch that `packed` needs.
template <typename C>
constexpr int64_t packed_scratch() {
  return kPackedA<C> + kPackedB<C>;
}

// Rows of c in tiles; a packed or not, b packed.
template <typename C, bool kPacked>
inline void band(int64_t m, int64_t n, int64_t k, Matrix<C> a, const C *b, C *c, int64_t c_row, bool add) {
  const int64_t height = tile_rows(m);
  for (int64_t i = 0; i < m; i += height)
    for (int64_t j = 0; j < n; j += kPanel<C>) {
      const int64_t columns = std::min(kPanel<C>, n - j), vectors = padded<C>(columns) / kLanes<C>;
      const Tile<C> t = {k,     a.at(i, 0), a.row, a.column, b + j * k, vectors * kLanes<C>, c + i * c_row + j,
                         c_row, columns,    add};
      kernel_for<C, kPacked>(std::min(height, m - i), vectors)(t);
    }
}

// Told that columns [j, j + columns) of rows [i, i + rows) of c are done, while they are still in cache.
struct Nobody {
  void operator()(int64_t i, int64_t j, int64_t rows, int64_t columns) const {
    (void)i, (void)j, (void)rows, (void)columns;
  }
};

// c = a b in blocks of rows of a and panels of b that the caller provides: rows(to, i, from, n, depth) and
// panels(to, from, j, depth, columns) give where they lie, which is `to` if they had to be copied there first.
template <typename C, typename Rows, typename Panels, typename Done = Nobody>
inline void blocks(int64_t m, int64_t n, int64_t k, Rows rows_of_a, Panels panels_of_b, C *c, int64_t c_row, C *scratch,
                   Done done = {}) {
  for (int64_t j = 0; j < n; j += kColumns)
    for (int64_t from = 0; from == 0 || from < k; from += kDepth) {
      const int64_t columns = std::min(kColumns, n - j), depth = std::min(kDepth, k - from);
      const C *b = panels_of_b(scratch + kPackedA<C>, from, j, depth, columns);
      for (int64_t i = 0; i < m; i += kBand) {
        const int64_t rows = std::min(kBand, m - i);
        const Matrix<C> a = rows_of_a(scratch, i, from, rows, depth);
        const auto multiply = a.row == kPackedRow<C> && a.column == 1 ? band<C, true> : band<C, false>;
        multiply(rows, columns, depth, a, b, c + i * c_row + j, c_row, from > 0);
        if (from + depth >= k) done(i, j, rows, columns);
      }
    }
}

// All of b in panels: those of the first kDepth rows, of the next, ...
template <typename C>
inline int64_t panels_size(int64_t k, int64_t n) {
  return k * padded<C>(n);
}

// Where the panels of rows from `from` on, a multiple of kDepth, and columns from j on, a multiple of kPanel, begin.
template <typename C>
inline int64_t panels_at(int64_t k, int64_t n, int64_t from, int64_t j) {
  return from * padded<C>(n) + j * std::min(kDepth, k - from);
}

// Makes the panels of columns [j, j + columns).
template <typename C, typename T>
inline void pack_panels(C *to, Matrix<T> b, int64_t k, int64_t n, int64_t j, int64_t columns) {
  for (int64_t from = 0; from < k; from += kDepth)
    pack_b<C, T>(to + panels_at<C>(k, n, from, j), {b.at(from, j), b.row, b.column}, std::min(kDepth, k - from),
                 columns);
}

// Rows of a for `blocks`: where they are if that is as good, else copied. (Rows a multiple of a page apart fall on the
// same lines of the cache.)
template <typename C, typename T>
inline Matrix<C> rows_of(Matrix<T> a, C *to, int64_t i, int64_t from, int64_t rows, int64_t depth) {
  if constexpr (std::is_same_v<C, T>)
    if (a.column == 1 && a.row * sizeof(C) % 4096) return {a.at(i, from), a.row, 1};
  copy_block<C, T>(to, kPackedRow<C>, {a.at(i, from), a.row, a.column}, rows, depth, depth);
  return {to, kPackedRow<C>, 1};
}

// c = a b for few columns: a is read where it is.
template <typename C>
inline void narrow(int64_t m, int64_t n, int64_t k, Matrix<C> a, Matrix<C> b, C *c, int64_t c_row, C *scratch) {
  for (int64_t from = 0; from == 0 || from < k; from += kDepth) {
    const int64_t depth = std::min(kDepth, k - from);
    pack_b<C, C>(scratch, {b.at(from, 0), b.row, b.column}, depth, n);
    band<C, false>(m, n, depth, {a.at(0, from), a.row, a.column}, scratch, c, c_row, from > 0);
  }
}

template <typename C, typename T, typename Done = Nobody>
inline void packed(int64_t m, int64_t n, int64_t k, Matrix<T> a, Matrix<T> b, C *c, int64_t c_row, C *scratch,
                   Done done = {}) {
  if constexpr (std::is_same_v<C, T>)
    if (n <= kNarrow) {
      narrow<C>(m, n, k, a, b, c, c_row, scratch);
      return done(0, 0, m, n);
    }
  blocks<C>(
      m, n, k,
      [&](C *to, int64_t i, int64_t from, int64_t rows, int64_t depth) { return rows_of(a, to, i, from, rows, depth); },
      [&](C *to, int64_t from, int64_t j, int64_t depth, int64_t columns) {
        pack_b<C, T>(to, {b.at(from, j), b.row, b.column}, depth, columns);
        return to;
      },
      c, c_row, scratch, done);
}

// b's columns from `first` on, a multiple of kPanel, are taken from the panels of its n_b columns.
template <typename C, typename Done = Nobody>
inline void with_panels(int64_t m, int64_t n, int64_t k, Matrix<C> a, const C *b, int64_t n_b, int64_t first, C *c,
                        int64_t c_row, C *scratch, Done done = {}) {
  blocks<C>(
      m, n, k,
      [&](C *to, int64_t i, int64_t from, int64_t rows, int64_t depth) { return rows_of(a, to, i, from, rows, depth); },
      [&](C *, int64_t from, int64_t j, int64_t, int64_t) { return b + panels_at<C>(k, n_b, from, first + j); }, c,
      c_row, scratch, done);
}

}  // namespace gemm
}  // namespace opwright

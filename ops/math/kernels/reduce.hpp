// reduce.hpp: one driver for all reductions. The reduced elements are cut into blocks of a size that follows from the
// shape alone, and blocks are combined in order: results do not depend on how many chunks or threads there were.
//
// A reduction R<T> has a Lane (what elements are accumulated in), a Total (what lanes and blocks are combined in), and
//   start()             the result of nothing
//   step(a, b)          a = a op b, for Lanes and for vectors of them
//   merge(total, lane)  total = total op lane
//   result(total, n)    the output, for n elements
#pragma once
#include "geometry.hpp"
#include "opwright/vector.hpp"

namespace opwright {

constexpr int64_t kTile = 256;     // outputs accumulated side by side
constexpr int64_t kStage = 512;    // elements converted to Lanes at a time
constexpr int64_t kFlush = 64;     // rows after which float lanes go to their double totals
constexpr int64_t kBlock = 65536;  // elements that are worth a block of their own

struct Reduction {
  Geometry g;
  int64_t n_out, n_reduced, block, n_blocks;
  int64_t width, tiles;  // outputs per tile; tiles in all
  bool across;           // neighbouring outputs are accumulated together, else one output after another

  explicit Reduction(Geometry geometry) : g(std::move(geometry)), n_out(count(g.kept)), n_reduced(count(g.reduced)) {
    const Dim inner = g.kept.empty() ? Dim{1, 0} : g.kept.back();
    const Dim along = g.reduced.empty() ? Dim{1, 0} : g.reduced.back();
    across = inner.size >= 8 && (std::llabs(inner.stride) <= std::llabs(along.stride) || along.size < 16);
    width = across ? std::min(kTile, inner.size) : 1;
    tiles = n_out == 0 ? 0 : across ? n_out / inner.size * ((inner.size + width - 1) / width) : n_out;
    block = tiles >= 64 ? n_reduced : std::max<int64_t>(1024, kBlock / std::max<int64_t>(1, n_out));
    n_blocks = block >= n_reduced ? 1 : (n_reduced + block - 1) / block;
  }

  // The outputs of a tile: the first, their number, and where in the input the first one's elements begin.
  struct Tile {
    int64_t first, n, offset, stride;
  };
  Tile tile(int64_t t) const {
    if (!across) return {t, 1, offset_of(g.kept, t), 0};
    const Dim inner = g.kept.back();
    const int64_t per_row = (inner.size + width - 1) / width, column = t % per_row * width;
    const int64_t first = t / per_row * inner.size + column;
    return {first, std::min(width, inner.size - column), offset_of(g.kept, first), inner.stride};
  }
};

// The elements x[0], x[stride], ... as Lanes: in place if they are, else in buffer.
template <typename Lane, typename T>
inline const Lane *staged(const T *x, int64_t stride, int64_t n, Lane *buffer) {
  if constexpr (sizeof(Lane) == sizeof(T) && (std::is_same_v<T, Lane> || std::is_integral_v<T>))
    if (stride == 1) return reinterpret_cast<const Lane *>(x);
  if (stride == 1)
    for (int64_t i = 0; i < n; ++i) buffer[i] = static_cast<Lane>(static_cast<compute_t<T>>(x[i]));
  else
    for (int64_t i = 0; i < n; ++i) buffer[i] = static_cast<Lane>(static_cast<compute_t<T>>(x[i * stride]));
  return buffer;
}

template <typename Lane>
constexpr int64_t kGroup = 64 / sizeof(Lane);  // lanes that are accumulated side by side, in vectors of any level

// All of x[0 .. n) in one Lane. Compilers must not reorder float sums, so the independent accumulators are explicit:
// four groups of 64 bytes, in as many vectors as the level needs for that, so that every level finds the same sum.
template <typename R>
[[gnu::noinline]] typename R::Lane fold(const typename R::Lane *x, int64_t n) {
  using Lane = typename R::Lane;
  using V = Vector<Lane>;
  constexpr int kQuarter = 64 / kVectorBytes, kWidth = kLanes<Lane>;
  constexpr int64_t kOne = kGroup<Lane>;
  Lane lanes[kOne];
  V acc[4 * kQuarter];
  const auto step = [&](int group, const Lane *from) {
    for (int k = group * kQuarter; k < (group + 1) * kQuarter; ++k, from += kWidth) {
      V next;
      load(next, from);
      R::step(acc[k], next);
    }
  };
  int64_t i = 0;
  if (n >= 4 * kOne) {
    std::memcpy(acc, x, sizeof acc);
    for (i = 4 * kOne; i + 4 * kOne <= n; i += 4 * kOne)
      for (int group = 0; group < 4; ++group) step(group, x + i + group * kOne);
    for (int group = 0; i + kOne <= n; i += kOne, ++group) step(group, x + i);
    for (int k = 0; k < kQuarter; ++k) {
      R::step(acc[k], acc[k + kQuarter]);
      R::step(acc[k + 2 * kQuarter], acc[k + 3 * kQuarter]);
      R::step(acc[k], acc[k + 2 * kQuarter]);
    }
  } else if (n >= kOne) {
    std::memcpy(acc, x, sizeof lanes);
    for (i = kOne; i + kOne <= n; i += kOne) step(0, x + i);
  } else {
    Lane all = R::start();
    for (; i < n; ++i) R::step(all, x[i]);
    return all;
  }
  std::memcpy(lanes, acc, sizeof lanes);
  for (int64_t k = 0; i + k < n; ++k) R::step(lanes[k], x[i + k]);
  for (int64_t half = kOne / 2; half > 0; half /= 2)
    for (int64_t k = 0; k < half; ++k) R::step(lanes[k], lanes[k + half]);
  return lanes[0];
}

// Dense elements x[0 .. n) into a total.
template <typename R, typename T>
inline void fold_dense(typename R::Total &total, const T *x, int64_t n) {
  typename R::Lane buffer[kStage];
  for (int64_t i = 0; i < n; i += kStage) {
    const int64_t part = std::min(kStage, n - i);
    R::merge(total, fold<R>(staged(x + i, 1, part, buffer), part));
  }
}

// An element of the output for each of `rows` runs of n elements. Short ones are folded side by side, one in each lane.
template <typename R, typename T>
void fold_rows(void *out, const void *in, int64_t rows, int64_t n) {
  using Lane = typename R::Lane;
  using Total = typename R::Total;
  constexpr int64_t kWidth = kLanes<Lane>;
  const T *x = static_cast<const T *>(in);
  T *y = static_cast<T *>(out);
  const auto put = [&](int64_t row, Lane all) {
    Total total = static_cast<Total>(R::start());
    R::merge(total, all);
    y[row] = static_cast<T>(R::result(total, n));
  };
  int64_t r = 0;
  if (n < kGroup<Lane>)
    for (; r + kWidth <= rows; r += kWidth) {
      Lane lanes[kWidth];
      std::fill_n(lanes, kWidth, R::start());
      Vector<Lane> all, next;
      load(all, lanes);
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t k = 0; k < kWidth; ++k)
          lanes[k] = static_cast<Lane>(static_cast<compute_t<T>>(x[(r + k) * n + j]));
        load(next, lanes);
        R::step(all, next);
      }
      store(lanes, all);
      for (int64_t k = 0; k < kWidth; ++k) put(r + k, lanes[k]);
    }
  for (; r < rows; ++r) {
    Total total = static_cast<Total>(R::start());
    fold_dense<R>(total, x + r * n, n);
    y[r] = static_cast<T>(R::result(total, n));
  }
}

// The reduction as kernel.h's fold.
template <typename R, typename T>
const ow_fold *fold_of() {
  using Total = typename R::Total;
  static const ow_fold made = {sizeof(ow_fold),
                               sizeof(Total),
                               [](void *total) { *static_cast<Total *>(total) = static_cast<Total>(R::start()); },
                               [](void *total, const void *in, int64_t n) {
                                 fold_dense<R>(*static_cast<Total *>(total), static_cast<const T *>(in), n);
                               },
                               [](void *total, const void *later) {
                                 R::merge(*static_cast<Total *>(total), *static_cast<const Total *>(later));
                               },
                               [](void *out, const void *total, int64_t n) {
                                 *static_cast<T *>(out) =
                                     static_cast<T>(R::result(*static_cast<const Total *>(total), n));
                               },
                               fold_rows<R, T>};
  return &made;
}

// Reduced elements [begin, end) of one output.
template <typename R, typename T>
inline typename R::Total reduce_along(const T *x, const Dims &reduced, int64_t begin, int64_t end) {
  using Lane = typename R::Lane;
  typename R::Total total = static_cast<typename R::Total>(R::start());
  const int64_t stride = reduced.empty() ? 1 : reduced.back().stride;
  Lane buffer[kStage];
  for_runs(reduced, begin, end, [&](int64_t offset, int64_t n) {
    for (int64_t i = 0; i < n; i += kStage) {
      const int64_t part = std::min(kStage, n - i);
      R::merge(total, fold<R>(staged(x + offset + i * stride, stride, part, buffer), part));
    }
  });
  return total;
}

// acc[j] = acc[j] op x[j * stride] op x[j * stride + row] op ... for `rows` rows; four at a time save passes over acc.
template <typename R, typename T>
inline void add_rows(typename R::Lane *acc, const T *x, int64_t n, int64_t stride, int64_t rows, int64_t row) {
  using Lane = typename R::Lane;
  const auto lane = [](T v) { return static_cast<Lane>(static_cast<compute_t<T>>(v)); };
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * row) {
    const T *x1 = x + row, *x2 = x1 + row, *x3 = x2 + row;
    OW_IVDEP
    for (int64_t j = 0; j < n; ++j) {
      Lane a = acc[j];
      R::step(a, lane(x[j * stride]));
      R::step(a, lane(x1[j * stride]));
      R::step(a, lane(x2[j * stride]));
      R::step(a, lane(x3[j * stride]));
      acc[j] = a;
    }
  }
  for (; r < rows; ++r, x += row) {
    OW_IVDEP
    for (int64_t j = 0; j < n; ++j) R::step(acc[j], lane(x[j * stride]));
  }
}

// Reduced elements [begin, end) of n neighbouring outputs.
template <typename R, typename T>
inline void reduce_across(typename R::Total *total, const T *x, int64_t n, int64_t stride, const Dims &reduced,
                          int64_t begin, int64_t end) {
  using Lane = typename R::Lane;
  Lane acc[kTile];
  int64_t held = 0;
  const int64_t row = reduced.empty() ? 0 : reduced.back().stride;
  const auto flush = [&] {
    for (int64_t j = 0; j < n; ++j) R::merge(total[j], acc[j]);
    std::fill_n(acc, n, R::start());
    held = 0;
  };
  std::fill_n(total, n, static_cast<typename R::Total>(R::start()));
  std::fill_n(acc, n, R::start());
  for_runs(reduced, begin, end, [&](int64_t offset, int64_t rows) {
    while (rows > 0) {
      const int64_t some = std::min(rows, kFlush - held);
      if (stride == 1) add_rows<R>(acc, x + offset, n, 1, some, row);
      else add_rows<R>(acc, x + offset, n, stride, some, row);
      offset += some * row;
      rows -= some;
      if ((held += some) == kFlush) flush();
    }
  });
  flush();
}

inline int32_t apply_post(const ow_call *call, char *elements, int64_t first, int64_t n) {
  if (!call->post || n <= 0) return OW_OK;
  return call->post->apply(call->post, elements + first * itemsize(call->out[0]), first, n, call->worker);
}

template <typename R, typename T>
int32_t reduce_run(const ow_call *call, int64_t first, int64_t last) {
  using Total = typename R::Total;
  const Reduction &p = *static_cast<const Reduction *>(call->state);
  const Range units(call, p.tiles * p.n_blocks, first, last);
  const T *x = data<const T>(call->in[0]);
  T *y = data<T>(call->out[0]);
  Total totals[kTile];
  for (int64_t u = units.begin; u < units.end; ++u) {
    const int64_t block = u / p.tiles, begin = block * p.block, end = std::min(begin + p.block, p.n_reduced);
    const Reduction::Tile tile = p.tile(u % p.tiles);
    if (p.across) reduce_across<R>(totals, x + tile.offset, tile.n, tile.stride, p.g.reduced, begin, end);
    else totals[0] = reduce_along<R>(x + tile.offset, p.g.reduced, begin, end);
    if (p.n_blocks > 1) {
      std::copy_n(totals, tile.n, static_cast<Total *>(call->scratch) + block * p.n_out + tile.first);
    } else {
      for (int64_t j = 0; j < tile.n; ++j) y[tile.first + j] = static_cast<T>(R::result(totals[j], p.n_reduced));
    }
  }
  if (p.n_blocks > 1 || units.begin >= units.end) return OW_OK;
  const int64_t from = p.tile(units.begin).first, to = p.tile(units.end - 1).first + p.tile(units.end - 1).n;
  return apply_post(call, data<char>(call->out[0]), from, to - from);
}

template <typename R, typename T>
int32_t reduce_finish(const ow_call *call) {
  using Total = typename R::Total;
  const Reduction &p = *static_cast<const Reduction *>(call->state);
  if (p.n_blocks <= 1) return OW_OK;
  Total *partial = static_cast<Total *>(call->scratch);
  T *y = data<T>(call->out[0]);
  for (int64_t b = 1; b < p.n_blocks; ++b)
    for (int64_t i = 0; i < p.n_out; ++i) R::merge(partial[i], partial[b * p.n_out + i]);
  for (int64_t i = 0; i < p.n_out; ++i) y[i] = static_cast<T>(R::result(partial[i], p.n_reduced));
  return apply_post(call, data<char>(call->out[0]), 0, p.n_out);
}

inline int32_t plan_reduction(ow_plan *plan, Geometry geometry, int64_t total_bytes) {
  Reduction *p = state<Reduction>(plan, std::move(geometry));
  if (!p) return OW_NO_MEMORY;
  const double bytes = static_cast<double>(p->n_out * p->n_reduced * itemsize(plan->in[0]));
  plan->bytes = bytes;
  plan->flops = static_cast<double>(p->n_out * p->n_reduced);
  if (p->n_blocks > 1) plan->scratch_bytes = static_cast<uint64_t>(p->n_blocks * p->n_out * total_bytes);
  const int64_t units = p->tiles * p->n_blocks;
  divide(plan, units, units ? bytes / static_cast<double>(units) / 8 : 0);
  return OW_OK;
}

// Into how many consecutive elements the reduced dimensions fall; 0 if they are not the last ones.
template <typename Reduced>
int64_t run_length(const ow_tensor *x, Reduced reduced) {
  int64_t n = 1;
  int32_t d = x->ndim - 1;
  for (; d >= 0 && (reduced(d) || x->shape[d] == 1); --d) n *= x->shape[d];
  for (; d >= 0; --d)
    if (reduced(d) && x->shape[d] != 1) return 0;
  return n;
}

// R reduces the dimensions of the attribute `axis`, which comes first.
template <typename R, typename T>
int32_t prepare_axes(ow_plan *plan) {
  const ow_tensor *x = plan->in[0];
  const auto reduced = [&](int32_t d) { return has_axis(plan->attr[0], d, x->ndim); };
  if (OW_HAS(plan, fold_size)) {
    plan->fold_size = run_length(x, reduced);
    plan->fold = plan->fold_size ? fold_of<R, T>() : nullptr;
  }
  return plan_reduction(plan, Geometry(x, reduced), sizeof(typename R::Total));
}

// R reduces the dimensions in which the output is smaller than the input.
template <typename R>
int32_t prepare_like(ow_plan *plan) {
  const ow_tensor *x = plan->in[0], *y = plan->out[0];
  const int32_t missing = x->ndim - y->ndim;
  Geometry g(x, [&](int32_t d) { return d < missing || y->shape[d - missing] != x->shape[d]; });
  return plan_reduction(plan, std::move(g), sizeof(typename R::Total));
}

}  // namespace opwright

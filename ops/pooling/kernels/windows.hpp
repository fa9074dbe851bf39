// windows.hpp: the geometry of pooling, and the loops over it.
//
// A tensor is seen as [outer, d, h, w, inner]: outer is the batch and inner the channels, or outer both and inner 1.
// Outputs are made a tile at a time: neighbours along w, and a block of inner. Each tap, a place in the window, is
// applied to the whole tile, so that the innermost loop runs over channels or, where there is one, over w.
#pragma once
#include <algorithm>

#include "opwright/kernel.hpp"
#include "pooling_attributes.h"

namespace opwright {

constexpr int64_t kTile = 1024;  // elements of a tile, at most

struct Axis {
  int64_t in = 1, out = 1, k = 1, stride = 1, pad = 0;
  // The outputs whose tap t lies inside the input.
  int64_t low(int64_t t) const { return t >= pad ? 0 : std::min(out, (pad - t + stride - 1) / stride); }
  int64_t high(int64_t t) const {
    const int64_t room = in - 1 + pad - t;
    return room < 0 ? 0 : std::min(out, room / stride + 1);
  }
  // The taps of output o that lie inside the input: [begin, end).
  int64_t begin(int64_t o) const { return std::max<int64_t>(0, pad - o * stride); }
  int64_t end(int64_t o) const { return std::max(begin(o), std::min(k, in + pad - o * stride)); }
  int64_t count(int64_t o) const { return end(o) - begin(o); }
};

struct Pool {
  int64_t outer, inner;
  Axis d, h, w;
  int64_t block;   // of inner
  int64_t across;  // outputs along w that make a tile
  int64_t taps() const { return d.k * h.k * w.k; }
  int64_t in_size() const { return d.in * h.in * w.in; }
  int64_t out_size() const { return d.out * h.out * w.out; }
  int64_t blocks() const { return inner ? (inner + block - 1) / block : 0; }

  // The attributes come in the order of max_pool's.
  Pool(const ow_tensor *in, const ow_tensor *out, const ow_value *attr) {
    const ow_value &ksize = attr[MAX_POOL_KSIZE], &strides = attr[MAX_POOL_STRIDES];
    const bool first = attr[MAX_POOL_CHANNELS_FIRST].v.i, same = attr[MAX_POOL_PADDING].v.s[0] == 'S';
    const bool explicit_pads = attr[MAX_POOL_PADDING].v.s[0] == 'E';
    const int32_t n = in->ndim - 2, at = first ? 2 : 1;
    Axis *const axes[] = {&d, &h, &w};
    for (int32_t i = 0; i < n; ++i) {
      Axis &a = *axes[3 - n + i];
      a.in = in->shape[at + i], a.out = out->shape[at + i], a.k = ksize.v.iv[i], a.stride = strides.v.iv[i];
      if (same) a.pad = std::max<int64_t>(0, (a.out - 1) * a.stride + a.k - a.in) / 2;
      if (explicit_pads) a.pad = attr[MAX_POOL_EXPLICIT_PADDINGS].v.iv[2 * i];
    }
    outer = extent(in, 0, at), inner = first ? 1 : in->shape[n + 1];
    block = std::max<int64_t>(1, std::min(inner, kTile));
    across = kTile / block;
  }

  // Cuts the channels so that `parts` blocks, if there are enough channels, share the work.
  void share(int64_t parts) {
    const int64_t want = outer ? (parts + outer - 1) / outer : 1;
    block = std::max<int64_t>(1, std::min(block, (inner + want - 1) / want));
    block = std::min(inner ? inner : 1, (block + 15) / 16 * 16);
    across = kTile / block;
  }
};

// A tile of outputs: in row (o, d, h), [w, w + n) along w, channels [c, c + width).
struct Tile {
  int64_t o, d, h, w, n, c, width;
  int64_t size() const { return n * width; }
  // Of its element at (w + i, c), counted from the start of the outputs.
  int64_t offset(const Pool &p, int64_t i) const {
    return (((o * p.d.out + d) * p.h.out + h) * p.w.out + w + i) * p.inner + c;
  }
};

// Calls f(tile) for the tiles of output row (o, d, h), channels [c, c + width).
template <typename F>
inline void tiles_of_row(const Pool &p, int64_t o, int64_t d, int64_t h, int64_t c, int64_t width, F f) {
  for (int64_t w = 0; w < p.w.out; w += p.across) f(Tile{o, d, h, w, std::min(p.across, p.w.out - w), c, width});
}

// Calls f(j, x, runs) for each tap: elements j + r * width + i of the tile meet elements x + r * stride * inner + i of
// the input, for r < runs and i < width. Taps come in the order of the input's elements.
template <typename F>
inline void taps_of_tile(const Pool &p, const Tile &t, F f) {
  for (int64_t kd = p.d.begin(t.d); kd < p.d.end(t.d); ++kd)
    for (int64_t kh = p.h.begin(t.h); kh < p.h.end(t.h); ++kh)
      for (int64_t kw = 0; kw < p.w.k; ++kw) {
        const int64_t from = std::max(t.w, p.w.low(kw)), to = std::min(t.w + t.n, p.w.high(kw));
        if (from >= to) continue;
        const int64_t z = t.d * p.d.stride - p.d.pad + kd, y = t.h * p.h.stride - p.h.pad + kh;
        const int64_t x = from * p.w.stride - p.w.pad + kw;
        f((from - t.w) * t.width, (((t.o * p.d.in + z) * p.h.in + y) * p.w.in + x) * p.inner + t.c, to - from);
      }
}

// Calls f(j, x) for the elements of the tile and of the input that meet at a tap.
template <typename F>
inline void each_pair(const Pool &p, const Tile &t, int64_t j, int64_t x, int64_t runs, F f) {
  const int64_t step = p.w.stride * p.inner;
  if (t.width == 1) {
    OW_IVDEP
    for (int64_t r = 0; r < runs; ++r) f(j + r, x + r * step);
    return;
  }
  for (int64_t r = 0; r < runs; ++r, j += t.width, x += step) {
    OW_IVDEP
    for (int64_t i = 0; i < t.width; ++i) f(j + i, x + i);
  }
}

// The tile's elements from src, in C.
template <typename T, typename C>
inline void load(const Pool &p, const Tile &t, const T *src, C *tile) {
  for (int64_t r = 0; r < t.n; ++r) {
    const T *from = src + t.offset(p, r);
    for (int64_t i = 0; i < t.width; ++i) tile[r * t.width + i] = static_cast<C>(from[i]);
  }
}
template <typename T, typename C>
inline void store(const Pool &p, const Tile &t, const C *tile, T *dst) {
  for (int64_t r = 0; r < t.n; ++r) {
    T *to = dst + t.offset(p, r);
    for (int64_t i = 0; i < t.width; ++i) to[i] = static_cast<T>(tile[r * t.width + i]);
  }
}

// ---- kernels that make outputs: a unit is an output row ------------------------------------------------------------

inline int32_t prepare_outputs(ow_plan *plan) {
  const Pool *p = state<Pool>(plan, Pool(plan->in[0], plan->out[0], plan->attr));
  if (!p) return OW_NO_MEMORY;
  const double outputs = static_cast<double>(size(plan->out[0])), taps = static_cast<double>(p->taps());
  plan->flops = outputs * taps;
  plan->bytes = static_cast<double>((size(plan->in[0]) + size(plan->out[0])) * itemsize(plan->in[0]));
  const int64_t units = p->outer * p->d.out * p->h.out;
  divide(plan, units, (10 + (p->block < 8 ? 1 : 0.15) * taps) * static_cast<double>(p->w.out * p->inner));
  return OW_OK;
}

// Calls f(tile) for the tiles of the chunks' rows, then what follows the kernel.
template <typename F>
int32_t each_output_tile(const ow_call *call, int64_t first, int64_t last, F f) {
  const Pool &p = *static_cast<const Pool *>(call->state);
  const Range rows(call, p.outer * p.d.out * p.h.out, first, last);
  for (int64_t u = rows.begin; u < rows.end; ++u)
    for (int64_t c = 0; c < p.inner; c += p.block)
      tiles_of_row(p, u / p.h.out / p.d.out, u / p.h.out % p.d.out, u % p.h.out, c, std::min(p.block, p.inner - c),
                   [&](const Tile &t) { f(p, t); });
  const int64_t row = p.w.out * p.inner, n = (rows.end - rows.begin) * row;
  if (!call->post || n == 0) return OW_OK;
  char *done = data<char>(call->out[0]) + rows.begin * row * itemsize(call->out[0]);
  return call->post->apply(call->post, done, rows.begin * row, n, call->worker);
}

// ---- kernels that add to inputs: a unit is a block of the channels of one outer index -------------------------------

// in[dy] is the gradient by the pooled tensor, out[0] that by the input.
template <typename T>
int32_t prepare_sums(ow_plan *plan, int32_t dy) {
  Pool *p = state<Pool>(plan, Pool(plan->out[0], plan->in[dy], plan->attr));
  if (!p) return OW_NO_MEMORY;
  p->share(plan->max_workers > 1 ? 4 * plan->max_workers : 1);
  if (sizeof(T) < sizeof(compute_t<T>))
    plan->worker_scratch_bytes = static_cast<uint64_t>(p->in_size() * p->inner) * sizeof(compute_t<T>);
  const double outputs = static_cast<double>(size(plan->in[dy])), taps = static_cast<double>(p->taps());
  plan->flops = outputs * taps;
  plan->bytes = static_cast<double>(plan->n_in * size(plan->out[0]) * itemsize(plan->out[0]));
  const double work = (p->block < 8 ? 2 : 0.4) * taps * static_cast<double>(p->out_size() * p->block);
  divide(plan, p->outer * p->blocks(), work);
  return OW_OK;
}

// Calls f(pool, tile, sums, base) for the tiles of the chunks' blocks: what f adds to sums[x - base] becomes element x
// of the output.
template <typename T, typename F>
int32_t each_tile_of_sums(const ow_call *call, int64_t first, int64_t last, F f) {
  using C = compute_t<T>;
  const Pool &p = *static_cast<const Pool *>(call->state);
  const Range units(call, p.outer * p.blocks(), first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    const int64_t o = u / p.blocks(), c = u % p.blocks() * p.block, width = std::min(p.block, p.inner - c);
    const int64_t base = o * p.in_size() * p.inner;
    T *dx = data<T>(call->out[0]) + base;
    C *sums;
    if constexpr (std::is_same_v<T, C>) sums = dx;
    else sums = static_cast<C *>(call->worker_scratch);
    for (int64_t s = 0; s < p.in_size(); ++s) std::fill_n(sums + s * p.inner + c, width, C(0));
    for (int64_t d = 0; d < p.d.out; ++d)
      for (int64_t h = 0; h < p.h.out; ++h)
        tiles_of_row(p, o, d, h, c, width, [&](const Tile &t) { f(p, t, sums, base); });
    if constexpr (!std::is_same_v<T, C>)
      for (int64_t s = 0; s < p.in_size(); ++s)
        for (int64_t i = s * p.inner + c; i < s * p.inner + c + width; ++i) dx[i] = static_cast<T>(sums[i]);
  }
  return OW_OK;
}

}  // namespace opwright

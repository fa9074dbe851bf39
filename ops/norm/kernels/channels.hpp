// channels.hpp: sums over everything but the channels. The tensor is cut into blocks of a size that follows from its
// shape alone; each leaves a Pair of doubles for each channel in scratch, and finish combines them in order.
#pragma once
#include <algorithm>

#include "opwright/kernel.hpp"

namespace opwright {

constexpr int64_t kTile = 256;     // channels done side by side
constexpr int64_t kRows = 32;      // rows summed in the type of the elements before they go into doubles
constexpr int64_t kPiece = 4096;   // the same for elements of one channel that lie side by side
constexpr int64_t kBlock = 65536;  // elements of a block

struct Pair {
  double a, b;
};

// A tensor as [outer, channels, inner]; with channels last, outer counts all positions and inner is 1.
struct Channels {
  int64_t outer, channels, inner;
  int64_t rows, blocks;  // outer indices of a block; blocks in all
  bool first;

  Channels(const ow_tensor *x, bool channels_first) : first(channels_first) {
    const int32_t at = first ? 1 : x->ndim - 1;
    outer = extent(x, 0, at), channels = x->shape[at], inner = extent(x, at + 1, x->ndim);
    rows = first ? 1 : std::max<int64_t>(kRows, kBlock / std::max<int64_t>(1, channels));
    blocks = (outer + rows - 1) / rows;
  }
  int64_t units() const { return first ? outer * channels : blocks; }
  int64_t elements() const { return outer * inner; }  // of a channel
  // How many elements of a channel a block has.
  int64_t count(int64_t block) const { return first ? inner : std::min(rows, outer - block * rows); }
};

inline int32_t prepare_channels(ow_plan *plan, const ow_tensor *x, bool channels_first) {
  const Channels *p = state<Channels>(plan, x, channels_first);
  if (!p) return OW_NO_MEMORY;
  const double elements = static_cast<double>(size(x));
  plan->flops = 4 * elements;
  plan->bytes = static_cast<double>(plan->n_in * itemsize(x)) * elements;
  plan->scratch_bytes = static_cast<uint64_t>(p->blocks * p->channels) * sizeof(Pair);
  divide(plan, p->units(), p->units() ? 0.3 * elements / static_cast<double>(p->units()) : 0);
  return OW_OK;
}

// along(first element, n) gives the Pair of n elements side by side; across(first element, rows, channels, pairs) adds
// those of rows of channels to pairs that are zero at first.
template <typename Along, typename Across>
int32_t each_block(const ow_call *call, int64_t first, int64_t last, Along along, Across across) {
  const Channels &p = *static_cast<const Channels *>(call->state);
  Pair *pairs = static_cast<Pair *>(call->scratch);
  const Range units(call, p.units(), first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    if (p.first) {
      pairs[u] = along(u * p.inner, p.inner);
      continue;
    }
    Pair *to = pairs + u * p.channels;
    std::fill_n(to, p.channels, Pair{0, 0});
    for (int64_t c = 0; c < p.channels; c += kTile)
      across(u * p.rows * p.channels + c, p.count(u), std::min(kTile, p.channels - c), to + c);
  }
  return OW_OK;
}

// The sum of f(i) for i in [0, n), in 16 lanes of C, from time to time in a double.
template <typename C, typename F>
inline double sum_of(int64_t n, F f) {
  double total = 0;
  for (int64_t at = 0; at < n; at += kPiece) {
    const int64_t end = std::min(n, at + kPiece), full = at + (end - at) / 16 * 16;
    alignas(64) C lanes[16] = {};
    for (int64_t i = at; i < full; i += 16)
      for (int64_t j = 0; j < 16; ++j) lanes[j] += f(i + j);
    for (int64_t i = full; i < end; ++i) lanes[i - full] += f(i);
    for (const C lane : lanes) total += static_cast<double>(lane);
  }
  return total;
}

}  // namespace opwright

// conv and conv_backprop_input of 3x3 and 5x5 filters in float32 by Winograd's algorithm (winograd.hpp). The derivative
// by the input is the convolution of dy with the filters turned by half a turn, inputs and outputs exchanged.
//
// A block of tiles is spread into frequencies, multiplied with a panel of filters and collected, then the next panel:
// so spread pixels stay in L2, products in L1 and L2, and of the filters' frequencies each block reads all once.
#include "winograd.hpp"

using namespace opwright;
using namespace opwright::winograd;

namespace {

constexpr int64_t kChain = 128;  // channels of a sum made in one go: short sums err less, for 3% of the time
constexpr int64_t kFewestTiles = 24, kMostTiles = 36;  // of a block, where there are enough: 12 to 48 differ by 5%
constexpr int64_t kOwnFilters = 2 << 20;               // floats: of filters that are not constant so many are kept
constexpr int64_t kTilesOfChunk = 128;   // for filters that each chunk spreads anew: worth ten times that, or more
constexpr int64_t kLongest = 500000000;  // multiply-adds of a chunk: some 15 ms

// How many multiply-adds it takes to get a frequency of a filter, measured: from memory, or by spreading it.
constexpr double kGetFilter = 12;

template <typename Floats>
auto aligned(Floats &all) {
  return all.data() + (64 - reinterpret_cast<uintptr_t>(all.data()) % 64) % 64 / sizeof(float);
}

struct Fast {
  Grid grid;
  int64_t filter;
  bool backwards, constant;  // constant: the filters are, and are spread already
  int64_t taken = 1;         // rows of tiles of a block
  int64_t splits = 1;        // ranges of panels
  std::vector<float> zeros{}, filters{};

  int64_t tiles() const { return taken * grid.across(1); }
  int64_t blocks() const { return (grid.rows() + taken - 1) / taken; }
  int64_t units() const { return blocks() * splits; }
  int64_t panels() const { return (grid.co + kWidth - 1) / kWidth; }
  int64_t frequencies() const { return (filter + kTile - 1) * (filter + kTile - 1); }
  int64_t pixel_step() const { return apart(tiles() * grid.ci); }
  int64_t product_step() const { return apart(tiles() * kWidth); }
  int64_t filter_step() const { return apart(grid.ci * kWidth); }
  int64_t panel_size() const { return frequencies() * filter_step(); }
  int64_t filters_size() const { return panels() * panel_size(); }
  int64_t own_filters() const { return constant ? 0 : (panels() + splits - 1) / splits * panel_size(); }
  int64_t scratch() const { return frequencies() * (pixel_step() + product_step()) + own_filters(); }
};

// ---- filters: panels of kWidth outputs, in a panel frequency after frequency, in these channel after channel -------

// Of kLane outputs: tap t at from + t * step.
template <int R>
void spread_filters(const float *from, int64_t step, float *to, int64_t to_step) {
  constexpr int A = R + kTile - 1;
  spread_tile<A, R, spread_taps<A, R>>([&](int i, int j) { return from + (i * R + j) * step; }, to, to_step);
}

template <int R>
void spread_panel(const Fast &s, const float *w, int64_t panel, float *to) {
  constexpr int64_t kBlock = kLane * kLane;
  const int64_t ci = s.grid.ci, co = s.grid.co, width = std::min(kWidth, co - panel);
  float turned[2][R * R * kBlock];
  for (int64_t c = 0; c < ci; ++c, to += width)
    for (int64_t v = 0; v < width; v += kLane) {
      if (!s.backwards) {
        spread_filters<R>(w + c * co + panel + v, ci * co, to + v, s.filter_step());
        continue;
      }
      // The op's filters are [taps, co, ci] here.
      float *mine = turned[v / kLane];
      if (c % kLane == 0)
        for (int64_t t = 0; t < R * R; ++t)
          transpose_block<float>(mine + (R * R - 1 - t) * kBlock, kLane, w + (t * co + panel + v) * ci + c, ci);
      spread_filters<R>(mine + c % kLane * kLane, kBlock, to + v, s.filter_step());
    }
}

template <int R>
void spread_panels(const Fast &s, const float *w, int64_t from, int64_t end, float *to) {
  for (; from < end; ++from, to += s.panel_size()) spread_panel<R>(s, w, from * kWidth, to);
}

// ---- a block -------------------------------------------------------------------------------------------------------

template <int A>
void spread_block(const Fast &s, int64_t row, int64_t end, const float *x, float *to) {
  const float *pixels[A * A];
  for (; row < end; ++row)
    for (int64_t at = 0; at < s.grid.across(1); ++at, to += s.grid.ci) {
      s.grid.see<A>(row, at, x, s.zeros.data(), pixels);
      for (int64_t c = 0; c < s.grid.ci; c += kLane)
        spread_tile<A, A, spread_pixels<A>>([&](int i, int j) { return announced(pixels[i * A + j] + c); }, to + c,
                                            s.pixel_step());
    }
}

// products[frequency][tile] = sum over channels, for a panel of filters.
void multiply(const Fast &s, int64_t tiles, const float *pixels, const float *filters, int64_t width, float *products) {
  const int64_t ci = s.grid.ci;
  for (int64_t f = 0; f < s.frequencies(); ++f)
    for (int64_t from = 0; from < ci; from += kChain)
      gemm::band<float, false>(tiles, width, std::min(kChain, ci - from), {pixels + f * s.pixel_step() + from, ci, 1},
                               filters + f * s.filter_step() + from * width, products + f * s.product_step(), kWidth,
                               from > 0);
}

// y: the image's first element of the panel.
template <int A>
void collect_block(const Fast &s, int64_t row, int64_t end, const float *products, int64_t width, float *y) {
  const Grid &g = s.grid;
  constexpr int kOut = kTile;
  for (; row < end; ++row)
    for (int64_t at = 0; at < g.across(1); ++at, products += kWidth) {
      const int64_t rows = std::min<int64_t>(kTile, g.out[0] - row % g.across(0) * kTile),
                    columns = std::min<int64_t>(kTile, g.out[1] - at * kTile);
      float *to = y + (g.first(row) * g.out[1] + at * kTile) * g.co;
      for (int64_t v = 0; v < width; v += kLane) {
        V made[kOut][kOut];
        collect_tile<A, kOut>(products + v, s.product_step(), made);
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) store(to + (i * g.out[1] + j) * g.co + v, made[i][j]);
      }
    }
}

// The epilogue of channels [from, to) of a block.
int32_t finish_block(const ow_call *call, const Grid &g, int64_t row, int64_t end, int64_t from, int64_t to) {
  if (!call->post) return OW_OK;
  float *y = data<float>(call->out[0]);
  int64_t begin = g.first(row) * g.out[1] * g.co + from, n = to - from, times = g.pixels(row, end);
  if (n == g.co) n *= times, times = 1;
  for (int64_t i = 0; i < times; ++i, begin += g.co)
    if (const int32_t code = call->post->apply(call->post, y + begin, begin, n, call->worker)) return code;
  return OW_OK;
}

template <int R>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  constexpr int A = R + kTile - 1;
  const Fast &s = *static_cast<const Fast *>(call->state);
  const Grid &g = s.grid;
  float *pixels = static_cast<float *>(call->worker_scratch), *products = pixels + A * A * s.pixel_step(),
        *own = products + A * A * s.product_step();
  const float *x = data<float>(call->in[s.backwards ? 2 : 0]);
  const Range units(call, s.units(), first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    const int64_t row = u % s.blocks() * s.taken, end = std::min(row + s.taken, g.rows()), split = u / s.blocks();
    const int64_t from = s.panels() * split / s.splits, to = s.panels() * (split + 1) / s.splits;
    const float *filters = s.constant ? aligned(s.filters) + from * s.panel_size() : own;
    if (!s.constant && (u == units.begin || row == 0)) spread_panels<R>(s, data<float>(call->in[1]), from, to, own);
    spread_block<A>(s, row, end, x, pixels);
    for (int64_t panel = from; panel < to; ++panel) {
      const int64_t width = std::min(kWidth, g.co - panel * kWidth);
      multiply(s, (end - row) * g.across(1), pixels, filters + (panel - from) * s.panel_size(), width, products);
      collect_block<A>(s, row, end, products, width, data<float>(call->out[0]) + panel * kWidth);
    }
    if (const int32_t code = finish_block(call, g, row, end, from * kWidth, std::min(g.co, to * kWidth))) return code;
  }
  return OW_OK;
}

// ---- choosing ------------------------------------------------------------------------------------------------------

Geometry geometry(const ow_plan *plan, bool backwards) {
  return backwards ? Geometry(plan, plan->out[0], plan->in[1], plan->in[2])
                   : Geometry(plan, plan->in[0], plan->in[1], plan->out[0]);
}

Fast fast(const ow_plan *plan, const Geometry &g, bool backwards) {
  const bool constant = plan->const_in >> 1 & 1;
  if (!backwards) return {Grid(g), g.filter[1], false, constant};
  return {Grid(g).backwards(g.filter[1]), g.filter[1], true, constant};
}

// Chunks spread filters that are not constant anew: each is to have so many tiles that this does not matter. One worker
// needs no more of them than let it be interrupted.
int64_t most_chunks(const Fast &s, int32_t workers) {
  if (s.constant) return s.units();
  const int64_t work = s.grid.tiles() * s.frequencies() * s.grid.ci * s.grid.co;
  const int64_t cheap = workers == 1 ? 1 : std::min<int64_t>(s.grid.tiles() * s.splits / kTilesOfChunk, 4 * workers);
  return std::max({cheap, int64_t{workers}, work / kLongest});
}

void divide_tiles(Fast *s, int64_t workers) {
  const int64_t across = s->grid.across(1), rows = s->grid.rows();
  s->taken = std::clamp<int64_t>(kMostTiles / across, 1, rows);
  if (workers > 1 && s->blocks() < 4 * workers) s->taken = std::min((kFewestTiles + across - 1) / across, rows);
  s->taken = (rows + s->blocks() - 1) / s->blocks();  // blocks of nearly equal size
  int64_t splits = 1;
  if (!s->constant) splits = (s->filters_size() + kOwnFilters - 1) / kOwnFilters;
  else if (workers > 1) splits = (2 * workers + s->blocks() - 1) / s->blocks();
  s->splits = std::min(splits, s->panels());
}

template <bool backwards>
int32_t score(const ow_plan *plan) {
  const Geometry g = geometry(plan, backwards);
  if (refuse(plan, g)) return 0;
  Fast s = fast(plan, g, backwards);
  divide_tiles(&s, plan->max_workers);
  // How often frequencies of all pixels are made, and of all filters.
  const double pixels = static_cast<double>(s.constant ? 1 : s.splits);
  const double filters = s.constant ? 1 : static_cast<double>(most_chunks(s, plan->max_workers)) / pixels;
  const double ci = static_cast<double>(s.grid.ci), co = static_cast<double>(s.grid.co),
               tiles = static_cast<double>(s.grid.tiles());
  const double here = static_cast<double>(s.frequencies()) *
                      (ci * co * (tiles + kGetFilter * std::max(filters, 1.)) + kSpread * tiles * (ci * pixels + co));
  return 2 * kMargin * here < g.flops() ? OW_SCORE_DEFAULT + 2 : OW_SCORE_DEFAULT - 2;
}

template <bool backwards>
int32_t prepare(ow_plan *plan) {
  const Geometry g = geometry(plan, backwards);
  if (const int32_t code = refuse(plan, g)) return code;
  Fast *s = state<Fast>(plan, fast(plan, g, backwards));
  if (!s) return OW_NO_MEMORY;
  divide_tiles(s, plan->max_workers);
  s->zeros.resize(static_cast<size_t>(s->grid.ci));
  if (s->constant) {
    s->filters.resize(static_cast<size_t>(s->filters_size() + kLine));
    const auto spread = s->filter == 3 ? spread_panels<3> : spread_panels<5>;
    spread(*s, data<float>(plan->in[1]), 0, s->panels(), aligned(s->filters));
  }
  plan->run = s->filter == 3 ? run<3> : run<5>;
  plan->worker_scratch_bytes = static_cast<uint64_t>(s->scratch()) * sizeof(float);
  plan->flops = 2 * static_cast<double>(s->grid.tiles() * s->frequencies() * g.ci * g.co);
  divide(plan, s->units(), plan->flops / static_cast<double>(s->units()) / 20);
  plan->n_chunks = std::min(plan->n_chunks, most_chunks(*s, plan->max_workers));
  return OW_OK;
}

OW_REGISTER Kernel("conv", "float32,float32->float32")
    .variant("winograd")
    .caps(OW_POST)
    .score(score<false>)
    .prepare(guarded<prepare<false>>);

OW_REGISTER Kernel("conv_backprop_input", "*,float32,float32->float32")
    .variant("winograd")
    .caps(OW_POST)
    .score(score<true>)
    .prepare(guarded<prepare<true>>);

}  // namespace

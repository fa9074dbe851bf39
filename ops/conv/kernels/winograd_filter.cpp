// conv_backprop_filter of 3x3 and 5x5 filters in float32 by Winograd's algorithm (winograd.hpp): R x R taps from tiles
// of A x A pixels and of 4 x 4 pixels of dy, a convolution with the roles of filter and output exchanged.
//
// A block of tiles of both is spread into frequencies; then, for 64 channels times a panel of outputs, its products are
// summed over tiles and collected at once. The tiles are cut into slices, by the sizes alone, whose sums `finish` adds
// in order: so the result does not depend on the number of workers.
#include "winograd.hpp"

using namespace opwright;
using namespace opwright::winograd;

namespace {

constexpr int64_t kChannels = 64;  // of a product
// Tiles of a block: so many that collecting matters little, while a product's stay in L1, and all in kBlock floats.
constexpr int64_t kTiles = 96, kFewestTiles = 32, kBlock = 4 << 20;
constexpr int64_t kSliceTiles = 192, kMostSlices = 8, kMostSums = 1 << 24;  // sums: floats that slices leave
constexpr int64_t kRange = 128;  // outputs; for fewer, spreading all channels anew costs too much

struct Fast {
  Grid grid;
  int64_t filter;
  int64_t slices = 1, ranges = 1;  // of rows of tiles, of panels
  int64_t taken = 1;               // rows of tiles of a block
  std::vector<float> zeros{};

  int64_t tiles() const { return taken * grid.across(1); }
  int64_t taps() const { return filter * filter; }
  int64_t frequencies() const { return (filter + kTile - 1) * (filter + kTile - 1); }
  int64_t panels() const { return (grid.co + kWidth - 1) / kWidth; }
  int64_t groups() const { return (grid.ci + kChannels - 1) / kChannels; }
  int64_t sums() const { return taps() * grid.ci * panels() * kWidth; }  // of a slice: panels, channels, taps, outputs
  int64_t units() const { return slices * ranges; }
  // Between frequencies, and what a group of channels or a panel of outputs takes.
  int64_t pixel_step() const { return apart(tiles() * std::min(kChannels, grid.ci)); }
  int64_t output_step() const { return apart(tiles() * kWidth); }
  int64_t product_step() const { return apart(kChannels * kWidth); }
  int64_t scratch() const {
    return frequencies() * (groups() * pixel_step() + panels() * output_step() + product_step());
  }
};

// A unit's part of the work: rows of tiles, panels of outputs.
struct Part {
  int64_t row, end, panel, last;
};

// Where a panel's sums go: of tap t and channel c at to + t * tap + c * channel.
struct Target {
  float *to;
  int64_t tap, channel;
};

template <int R>
struct Work {
  static constexpr int A = R + kTile - 1;
  const Fast &s;
  const float *x, *dy;
  float *pixels, *outputs, *products;

  Work(const ow_call *call)
      : s(*static_cast<const Fast *>(call->state)),
        x(data<float>(call->in[0])),
        dy(data<float>(call->in[2])),
        pixels(static_cast<float *>(call->worker_scratch)),
        outputs(pixels + s.frequencies() * s.groups() * s.pixel_step()),
        products(outputs + s.frequencies() * s.panels() * s.output_step()) {}

  void spread_x(int64_t row, int64_t end) const {
    const float *seen[A * A];
    int64_t tile = 0;
    for (; row < end; ++row)
      for (int64_t at = 0; at < s.grid.across(1); ++at, ++tile) {
        s.grid.see<A>(row, at, x, s.zeros.data(), seen);
        for (int64_t c = 0; c < s.grid.ci; c += kLane) {
          const int64_t group = c / kChannels, first = group * kChannels, n = std::min(kChannels, s.grid.ci - first);
          spread_tile<A, A, spread_pixels<A>>([&](int i, int j) { return announced(seen[i * A + j] + c); },
                                              pixels + group * A * A * s.pixel_step() + tile * n + c - first,
                                              s.pixel_step());
        }
      }
  }

  void spread_dy(const Part &part, int64_t row, int64_t end) const {
    const Grid dys = s.grid.outputs();
    const float *seen[kTile * kTile];
    int64_t tile = 0;
    for (; row < end; ++row)
      for (int64_t at = 0; at < s.grid.across(1); ++at, ++tile) {
        dys.see<kTile>(row, at, dy, s.zeros.data(), seen);
        for (int64_t o = part.panel * kWidth; o < std::min(dys.ci, part.last * kWidth); o += kLane) {
          const int64_t panel = o / kWidth, first = panel * kWidth, n = std::min(kWidth, dys.ci - first);
          spread_tile<A, kTile, spread_taps<A, kTile>>([&](int i, int j) { return announced(seen[i * kTile + j] + o); },
                                                       outputs + panel * A * A * s.output_step() + tile * n + o - first,
                                                       s.output_step());
        }
      }
  }

  // Products of a group of channels and a panel, summed over tiles and collected.
  void multiply(int64_t group, int64_t panel, int64_t tiles, const Target &target, bool add) const {
    const int64_t first = group * kChannels, channels = std::min(kChannels, s.grid.ci - first),
                  width = std::min(kWidth, s.grid.co - panel * kWidth);
    for (int64_t f = 0; f < A * A; ++f)
      gemm::band<float, false>(channels, width, tiles, {pixels + (group * A * A + f) * s.pixel_step(), 1, channels},
                               outputs + (panel * A * A + f) * s.output_step(), products + f * s.product_step(), kWidth,
                               false);
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t v = 0; v < width; v += kLane) {
        V made[R][R];
        collect_tile<A, R>(products + c * kWidth + v, s.product_step(), made);
        float *to = target.to + (first + c) * target.channel + v;
        for (int t = 0; t < R * R; ++t, to += target.tap) {
          V &sum = made[t / R][t % R];
          if (add) {
            V old;
            load(old, to);
            sum += old;
          }
          store(to, sum);
        }
      }
  }
};

template <int R>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const Work<R> work(call);
  const Fast &s = work.s;
  const int64_t rows = s.grid.rows();
  const Range units(call, s.units(), first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    const int64_t slice = u / s.ranges, range = u % s.ranges;
    const Part part = {rows * slice / s.slices, rows * (slice + 1) / s.slices, s.panels() * range / s.ranges,
                       s.panels() * (range + 1) / s.ranges};
    for (int64_t row = part.row; row < part.end; row += s.taken) {
      const int64_t end = std::min(row + s.taken, part.end), tiles = (end - row) * s.grid.across(1);
      work.spread_x(row, end);
      work.spread_dy(part, row, end);
      for (int64_t panel = part.panel; panel < part.last; ++panel) {
        Target target = {data<float>(call->out[0]) + panel * kWidth, s.grid.ci * s.grid.co, s.grid.co};
        if (s.slices > 1)
          target = {static_cast<float *>(call->scratch) + slice * s.sums() + panel * s.taps() * s.grid.ci * kWidth,
                    kWidth, s.taps() * kWidth};
        for (int64_t group = 0; group < s.groups(); ++group) work.multiply(group, panel, tiles, target, row > part.row);
      }
    }
  }
  return OW_OK;
}

int32_t finish(const ow_call *call) {
  const Fast &s = *static_cast<const Fast *>(call->state);
  if (s.slices == 1) return OW_OK;
  const float *sums = static_cast<const float *>(call->scratch);
  const int64_t ci = s.grid.ci, co = s.grid.co;
  for (int64_t o = 0; o < co; o += kWidth)
    for (int64_t c = 0; c < ci; ++c)
      for (int64_t t = 0; t < s.taps(); ++t, sums += kWidth) {
        float *to = data<float>(call->out[0]) + (t * ci + c) * co + o;
        for (int64_t v = 0; v < std::min(kWidth, co - o); v += kLane) {
          V sum, more;
          load(sum, sums + v);
          for (int64_t slice = 1; slice < s.slices; ++slice) {
            load(more, sums + slice * s.sums() + v);
            sum += more;
          }
          store(to + v, sum);
        }
      }
  return OW_OK;
}

Geometry geometry(const ow_plan *plan) { return Geometry(plan, plan->in[0], plan->out[0], plan->in[2]); }

int32_t score(const ow_plan *plan) {
  const Geometry g = geometry(plan);
  if (refuse(plan, g)) return 0;
  const Grid grid(g);
  const double ci = static_cast<double>(g.ci), co = static_cast<double>(g.co),
               tiles = static_cast<double>(grid.tiles()),
               frequencies = static_cast<double>((g.filter[1] + kTile - 1) * (g.filter[1] + kTile - 1));
  const double collect = static_cast<double>(g.filter[1] * g.filter[1]) / 2;  // a frequency of a filter, measured
  const double here =
      frequencies * (ci * co * (tiles * (1 + collect / kTiles) + collect) + kSpread * tiles * (ci + co));
  return 2 * kMargin * here < g.flops() ? OW_SCORE_DEFAULT + 2 : OW_SCORE_DEFAULT - 2;
}

int32_t prepare(ow_plan *plan) {
  const Geometry g = geometry(plan);
  if (const int32_t code = refuse(plan, g)) return code;
  Fast *s = state<Fast>(plan, Grid(g), g.filter[1]);
  if (!s) return OW_NO_MEMORY;
  const int64_t across = s->grid.across(1), rows = s->grid.rows(), workers = plan->max_workers;
  const int64_t most = std::min({s->grid.tiles() / kSliceTiles, kMostSums / s->sums(), kMostSlices, rows});
  s->slices = std::max<int64_t>(1, most);
  if (workers > 1) s->ranges = std::clamp<int64_t>(2 * workers / s->slices, 1, std::max<int64_t>(1, g.co / kRange));
  const int64_t tiles = std::clamp(kBlock / (s->frequencies() * (g.ci + g.co)), kFewestTiles, kTiles);
  const int64_t each = (rows + s->slices - 1) / s->slices, blocks = std::max<int64_t>(1, each * across / tiles);
  s->taken = (each + blocks - 1) / blocks;
  s->zeros.resize(static_cast<size_t>(std::max(g.ci, g.co)));
  plan->run = s->filter == 3 ? run<3> : run<5>;
  plan->worker_scratch_bytes = static_cast<uint64_t>(s->scratch()) * sizeof(float);
  if (s->slices > 1) plan->scratch_bytes = static_cast<uint64_t>(s->slices * s->sums()) * sizeof(float);
  plan->flops = 2 * static_cast<double>(s->grid.tiles() * s->frequencies() * g.ci * g.co);
  plan->n_chunks = s->units();
  return OW_OK;
}

OW_REGISTER Kernel("conv_backprop_filter", "float32,*,float32->float32")
    .variant("winograd")
    .score(score)
    .prepare(guarded<prepare>)
    .finish(finish);

}  // namespace

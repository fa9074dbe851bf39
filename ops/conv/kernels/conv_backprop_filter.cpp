// conv_backprop_filter: dw[tap, c, o] = sum over pixels of x[pixel * stride + tap * dilation - padding, c] dy[pixel,
// o].
//
// The pixels are cut into slices, by the sizes alone; each leaves its sum in scratch, and `finish` adds them in order:
// so the result does not depend on the number of workers.
#include "depthwise.hpp"

using namespace opwright;

namespace {

struct Filter {
  Geometry g;
  std::vector<Tap> taps;
  int64_t rows, slices;  // rows: of a group's gradient, (tap, channel)
  bool waits;            // whether sums go to scratch first

  int64_t size() const { return rows * g.co; }
  int64_t blocks() const { return g.depthwise() ? 1 : (rows + gemm::kBand - 1) / gemm::kBand * g.groups; }
  int64_t units() const { return size() ? slices * blocks() : 0; }
  int64_t slice_begin(int64_t slice) const { return g.pixels_out() * slice / slices; }
};

constexpr int64_t kMany = 16;           // units that keep all workers of a machine busy
constexpr int64_t kSlicePixels = 1024;  // so many make up for adding up the slices

template <typename T>
int32_t prepare(ow_plan *plan) {
  using C = compute_t<T>;
  const Geometry g(plan, plan->in[0], plan->out[0], plan->in[2]);
  Filter *s = state<Filter>(plan, g, taps_of(g), g.taps() * g.group_ci(), int64_t{1}, false);
  if (!s) return OW_NO_MEMORY;
  const int64_t wanted = s->blocks() ? (kMany + s->blocks() - 1) / s->blocks() : 1;
  s->slices = std::max<int64_t>(1, std::min(wanted, g.pixels_out() / kSlicePixels));
  s->waits = s->slices > 1 || !std::is_same_v<T, C>;
  if (s->waits) plan->scratch_bytes = static_cast<uint64_t>(s->slices * s->size()) * sizeof(C);
  plan->worker_scratch_bytes =
      Scratch<C>::bytes(g.depthwise() ? 0 : gemm::packed_scratch<C>() + gemm::kDepth * gemm::kBand);
  plan->flops = g.flops();
  divide(plan, s->units(), plan->flops / static_cast<double>(std::max<int64_t>(1, s->units())) / 20);
  return OW_OK;
}

template <typename T>
struct Job {
  const Filter &s;
  const T *x, *dy;
  Scratch<compute_t<T>> scratch;
};

// A slice's sum for filters that read one channel each.
template <typename C, typename T>
void depthwise(const Job<T> &job, int64_t begin, int64_t end, C *dw) {
  const Geometry &g = job.s.g;
  const Source<T> source(job.x, g.in, 0, g.ci, g.ci);
  std::fill_n(dw, job.s.size(), C(0));
  for (; begin < end; begin += kUnit) {
    const int64_t n = std::min(kUnit, end - begin);
    place(g, begin, n, job.scratch.pixels);
    for (int64_t i = 0; i < n; ++i)
      depthwise_pixel_filter(source, job.scratch.pixels[i], job.s.taps, job.dy + (begin + i) * g.co, g.co, dw);
  }
}

// A slice's sum for some rows of a group.
template <typename C, typename T>
void grouped(const Job<T> &job, int64_t begin, int64_t end, int64_t block, C *dw) {
  const Geometry &g = job.s.g;
  const int64_t per_group = job.s.blocks() / g.groups, group = block / per_group, row = block % per_group * gemm::kBand,
                columns = g.group_co();
  const int64_t rows = std::min(gemm::kBand, job.s.rows - row);
  const Source<T> source(job.x, g.in, group, g.group_ci(), g.ci);
  C *packing = job.scratch.rest, *seen = packing + gemm::packed_scratch<C>();
  gemm::blocks<C>(
      rows, columns, end - begin,
      [&](C *to, int64_t i, int64_t from, int64_t n, int64_t depth) {
        place(g, begin + from, depth, job.scratch.pixels);
        gather(seen, n, source, job.scratch.pixels, depth, job.s.taps.data(), row + i, n);
        return gemm::rows_of<C, C>({seen, 1, n}, to, 0, 0, n, depth);
      },
      [&](C *to, int64_t from, int64_t j, int64_t depth, int64_t n) {
        gemm::pack_b<C, T>(to, {job.dy + (begin + from) * g.co + group * columns + j, g.co, 1}, depth, n);
        return to;
      },
      dw + row * g.co + group * columns, g.co, packing);
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Filter &s = *static_cast<const Filter *>(call->state);
  const Job<T> job = {s, data<T>(call->in[0]), data<T>(call->in[2]), Scratch<C>(call)};
  const Range units(call, s.units(), first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    const int64_t slice = u / s.blocks(), begin = s.slice_begin(slice), end = s.slice_begin(slice + 1);
    C *dw = s.waits ? static_cast<C *>(call->scratch) + slice * s.size() : static_cast<C *>(call->out[0]->data);
    if (s.g.depthwise()) depthwise<C>(job, begin, end, dw);
    else grouped<C>(job, begin, end, u % s.blocks(), dw);
  }
  return OW_OK;
}

template <typename T>
int32_t finish(const ow_call *call) {
  using C = compute_t<T>;
  const Filter &s = *static_cast<const Filter *>(call->state);
  if (!s.waits) return OW_OK;
  C *sum = static_cast<C *>(call->scratch);
  const int64_t n = s.size();
  for (int64_t slice = 1; slice < s.slices; ++slice)
    for (int64_t i = 0; i < n; ++i) sum[i] += sum[slice * n + i];
  write_row(data<T>(call->out[0]), sum, n);
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("conv_backprop_filter", signature<T>("T,*,T->T"))
      .variant("portable")
      .prepare(guarded<prepare<T>>)
      .run(run<T>)
      .finish(finish<T>);
});

}  // namespace

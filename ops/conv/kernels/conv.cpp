// conv: y[pixel, o] = sum over taps and channels of x[pixel * stride + tap * dilation - padding, c] w[tap, c, o].
#include "depthwise.hpp"

using namespace opwright;

namespace {

struct Forward {
  Geometry g;
  std::vector<Tap> taps;
  int64_t units() const { return (g.pixels_out() + kUnit - 1) / kUnit; }
};

// Whether products wait in scratch: those of 16-bit floats, which are summed in float32.
template <typename T>
constexpr bool kWaits = !std::is_same_v<T, compute_t<T>>;

template <typename T>
int32_t prepare(ow_plan *plan) {
  using C = compute_t<T>;
  const Geometry g(plan, plan->in[0], plan->in[1], plan->out[0]);
  Forward *s = state<Forward>(plan, g, taps_of(g));
  if (!s) return OW_NO_MEMORY;
  const int64_t waiting = g.depthwise() ? g.co : kWaits<T> ? kUnit * g.group_co() : 0;
  plan->worker_scratch_bytes = Scratch<C>::bytes((g.depthwise() ? 0 : gemm::packed_scratch<C>()) + waiting);
  plan->flops = g.flops();
  divide(plan, s->units(), plan->flops / static_cast<double>(std::max<int64_t>(1, s->units())) / 20);
  return OW_OK;
}

template <typename T>
void depthwise(const Forward &s, const T *x, const T *w, T *y, int64_t n, const Scratch<compute_t<T>> &scratch) {
  const Source<T> source(x, s.g.in, 0, s.g.ci, s.g.ci);
  for (int64_t i = 0; i < n; ++i, y += s.g.co) {
    depthwise_pixel(source, scratch.pixels[i], s.taps, w, s.g.co, scratch.rest);
    write_row(y, scratch.rest, s.g.co);
  }
}

template <typename T>
void grouped(const Forward &s, const T *x, const T *w, T *y, int64_t n, const Scratch<compute_t<T>> &scratch) {
  using C = compute_t<T>;
  const Geometry &g = s.g;
  const int64_t columns = g.group_co(), channels = g.group_ci(), n_taps = static_cast<int64_t>(s.taps.size());
  for (int64_t group = 0; group < g.groups; ++group) {
    const Source<T> source(x, g.in, group, channels, g.ci);
    const Filters<T> filters = {w + group * columns, channels * g.co, g.co, 1};
    T *to = y + group * columns;
    if constexpr (kWaits<T>) {
      C *sums = scratch.rest + gemm::packed_scratch<C>();
      product<C>(source, scratch.pixels, n, s.taps.data(), n_taps, filters, columns, sums, columns, scratch.rest);
      for (int64_t i = 0; i < n; ++i) write_row(to + i * g.co, sums + i * columns, columns);
    } else {
      product<C>(source, scratch.pixels, n, s.taps.data(), n_taps, filters, columns, to, g.co, scratch.rest);
    }
  }
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const Forward &s = *static_cast<const Forward *>(call->state);
  const Scratch<compute_t<T>> scratch(call);
  const Range units(call, s.units(), first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    const int64_t begin = u * kUnit, n = std::min(kUnit, s.g.pixels_out() - begin);
    place(s.g, begin, n, scratch.pixels);
    const T *x = data<T>(call->in[0]), *w = data<T>(call->in[1]);
    T *y = data<T>(call->out[0]) + begin * s.g.co;
    if (s.g.depthwise()) depthwise(s, x, w, y, n, scratch);
    else grouped(s, x, w, y, n, scratch);
    if (!call->post) continue;
    if (const int32_t code = call->post->apply(call->post, y, begin * s.g.co, n * s.g.co, call->worker)) return code;
  }
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("conv", signature<T>("T,T->T")).variant("portable").caps(OW_POST).prepare(guarded<prepare<T>>).run(run<T>);
});

}  // namespace

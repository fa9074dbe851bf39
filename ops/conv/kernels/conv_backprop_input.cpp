// conv_backprop_input: dx, from the filters and dy.
//
// Of a dimension with stride s, input i is reached by the taps k with k * dilation = i + padding modulo s. So the
// inputs fall into phases by that remainder; each phase is a convolution of dy with stride 1 and the taps of its own.
#include "depthwise.hpp"

using namespace opwright;

namespace {

struct Phase {
  int64_t remainder[kSpatial];
  std::vector<Tap> taps;
};

struct Backward {
  Geometry g;
  std::vector<Phase> phases;
  int64_t unit() const { return kUnit * static_cast<int64_t>(phases.size()); }
  int64_t units() const { return (g.pixels_in() + unit() - 1) / unit(); }
  // Whether the products of consecutive pixels belong side by side.
  template <typename T>
  bool in_place() const {
    return phases.size() == 1 && std::is_same_v<T, compute_t<T>>;
  }
};

// The taps of a dimension that reach a phase, so ordered that what they see follows each other.
struct Reach {
  std::vector<int64_t> tap, at;
  Reach(const Geometry &g, int d, int64_t remainder) {
    for (int64_t k = g.filter[d]; k-- > 0;) {
      if ((k * g.dilation[d]) % g.stride[d] != remainder) continue;
      tap.push_back(k);
      at.push_back(-(k * g.dilation[d] - remainder) / g.stride[d]);
    }
  }
};

Phase phase_of(const Geometry &g, int64_t d, int64_t h, int64_t w) {
  Phase made = {{d, h, w}, {}};
  const Reach depth(g, 0, d), height(g, 1, h), width(g, 2, w);
  for (size_t i = 0; i < depth.tap.size(); ++i)
    for (size_t j = 0; j < height.tap.size(); ++j)
      for (size_t k = 0; k < width.tap.size(); ++k)
        made.taps.push_back(
            {{static_cast<int32_t>(depth.at[i]), static_cast<int32_t>(height.at[j]), static_cast<int32_t>(width.at[k])},
             1,
             (depth.tap[i] * g.filter[1] + height.tap[j]) * g.filter[2] + width.tap[k]});
  set_runs(&made.taps);
  return made;
}

template <typename T>
int32_t prepare(ow_plan *plan) {
  using C = compute_t<T>;
  const Geometry g(plan, plan->out[0], plan->in[1], plan->in[2]);
  Backward *s = state<Backward>(plan, g, std::vector<Phase>());
  if (!s) return OW_NO_MEMORY;
  for (int64_t d = 0; d < std::min(g.stride[0], g.in[0]); ++d)
    for (int64_t h = 0; h < std::min(g.stride[1], g.in[1]); ++h)
      for (int64_t w = 0; w < std::min(g.stride[2], g.in[2]); ++w)
        s->phases.push_back(phase_of(g, (d + g.before[0]) % g.stride[0], (h + g.before[1]) % g.stride[1],
                                     (w + g.before[2]) % g.stride[2]));
  if (s->phases.empty()) s->phases.push_back({});  // no pixels either
  const int64_t waiting = g.depthwise() ? g.ci : s->in_place<T>() ? 0 : kUnit * g.group_ci();
  // Where pixels of a phase go, as numbers of elements.
  plan->worker_scratch_bytes = static_cast<uint64_t>(kUnit) * sizeof(int64_t) +
                               Scratch<C>::bytes((g.depthwise() ? 0 : gemm::packed_scratch<C>()) + waiting);
  plan->flops = g.flops();
  divide(plan, s->units(), plan->flops / static_cast<double>(std::max<int64_t>(1, s->units())) / 20);
  return OW_OK;
}

// The members of a phase among the pixels [begin, end) of dx, up to kUnit at a time.
class Members {
 public:
  Members(const Geometry &g, const Phase &phase, int64_t begin, int64_t end)
      : g_(g), phase_(phase), row_(begin / g.in[2]), begin_(begin), end_(end) {
    w_ = first(begin - row_ * g.in[2]);
  }
  // Where they are, and where they read. Returns how many there are; 0: no more.
  int64_t take(int64_t *where, Pixel *pixels) {
    int64_t n = 0;
    for (; row_ * g_.in[2] < end_; ++row_, w_ = first(0)) {
      const int64_t h = row_ % g_.in[1], rest = row_ / g_.in[1], d = rest % g_.in[0];
      if (!belongs(0, d) || !belongs(1, h)) continue;
      const int64_t last = std::min(g_.in[2], end_ - row_ * g_.in[2]);
      for (; w_ < last; w_ += g_.stride[2]) {
        if (n == kUnit) return n;
        where[n] = row_ * g_.in[2] + w_;
        pixels[n++] = {rest / g_.in[0], {at(0, d), at(1, h), at(2, w_)}};
      }
    }
    return n;
  }

 private:
  bool belongs(int d, int64_t i) const { return (i + g_.before[d]) % g_.stride[d] == phase_.remainder[d]; }
  int32_t at(int d, int64_t i) const { return static_cast<int32_t>((i + g_.before[d]) / g_.stride[d]); }
  int64_t first(int64_t from) const {
    const int64_t s = g_.stride[2], ahead = (phase_.remainder[2] - (from + g_.before[2])) % s;
    return from + (ahead < 0 ? ahead + s : ahead);
  }
  const Geometry &g_;
  const Phase &phase_;
  int64_t row_, w_, begin_, end_;
};

template <typename T>
struct Job {
  const T *w, *dy;
  T *dx;
  int64_t *where;
  Scratch<compute_t<T>> scratch;
  explicit Job(const ow_call *call)
      : w(data<T>(call->in[1])), dy(data<T>(call->in[2])), dx(data<T>(call->out[0])), scratch(call) {
    where = reinterpret_cast<int64_t *>(scratch.pixels);
    scratch.pixels = reinterpret_cast<Pixel *>(where + kUnit);
    scratch.rest = reinterpret_cast<compute_t<T> *>(scratch.pixels + kUnit);
  }
};

template <typename T>
void depthwise(const Geometry &g, const Phase &phase, const Job<T> &job, int64_t n) {
  const Source<T> source(job.dy, g.out, 0, g.co, g.co);
  for (int64_t i = 0; i < n; ++i) {
    depthwise_pixel_back(source, job.scratch.pixels[i], phase.taps, job.w, g.ci, job.scratch.rest);
    write_row(job.dx + job.where[i] * g.ci, job.scratch.rest, g.ci);
  }
}

template <typename T>
void grouped(const Backward &s, const Phase &phase, const Job<T> &job, int64_t n) {
  using C = compute_t<T>;
  const Geometry &g = s.g;
  const int64_t columns = g.group_ci(), channels = g.group_co(), n_taps = static_cast<int64_t>(phase.taps.size());
  C *scratch = job.scratch.rest, *sums = scratch + gemm::packed_scratch<C>();
  for (int64_t group = 0; group < g.groups; ++group) {
    const Source<T> source(job.dy, g.out, group, channels, g.co);
    const Filters<T> filters = {job.w + group * channels, columns * g.co, 1, g.co};
    T *to = job.dx + group * columns;
    const auto multiply = [&](C *c, int64_t c_row) {
      product<C>(source, job.scratch.pixels, n, phase.taps.data(), n_taps, filters, columns, c, c_row, scratch);
    };
    if constexpr (std::is_same_v<C, T>)
      if (s.in_place<T>()) {
        multiply(to + job.where[0] * g.ci, g.ci);
        continue;
      }
    multiply(sums, columns);
    for (int64_t i = 0; i < n; ++i) write_row(to + job.where[i] * g.ci, sums + i * columns, columns);
  }
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const Backward &s = *static_cast<const Backward *>(call->state);
  const Job<T> job(call);
  const Range units(call, s.units(), first, last);
  for (int64_t u = units.begin; u < units.end; ++u) {
    const int64_t begin = u * s.unit(), end = std::min(begin + s.unit(), s.g.pixels_in());
    for (const Phase &phase : s.phases) {
      Members members(s.g, phase, begin, end);
      while (const int64_t n = members.take(job.where, job.scratch.pixels)) {
        if (s.g.depthwise()) depthwise(s.g, phase, job, n);
        else grouped(s, phase, job, n);
      }
    }
    if (!call->post) continue;
    const int64_t at = begin * s.g.ci;
    if (const int32_t code = call->post->apply(call->post, job.dx + at, at, (end - begin) * s.g.ci, call->worker))
      return code;
  }
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("conv_backprop_input", signature<T>("*,T,T->T"))
      .variant("portable")
      .caps(OW_POST)
      .prepare(guarded<prepare<T>>)
      .run(run<T>);
});

}  // namespace

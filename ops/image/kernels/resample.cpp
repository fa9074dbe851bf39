// resample: images of another size, each pixel a weighted sum of pixels; resample_grad: the transposed map.
// resize_nearest_neighbor: chosen pixels. Lines are combined first, then the pixels of the combined line.
#include "band.hpp"
#include "image_attributes.h"
#include "opwright/guarded.hpp"

using namespace opwright;

namespace {

struct Lines {
  Band rows, columns;
  int64_t in_h, in_w, out_h, out_w, channels, n;
};

// The attributes come in the order of resample's.
Resize resize_of(const ow_value *attr) {
  return {attr[RESAMPLE_METHOD].v.s, attr[RESAMPLE_ALIGN_CORNERS].v.i != 0, attr[RESAMPLE_HALF_PIXEL_CENTERS].v.i != 0,
          attr[RESAMPLE_ANTIALIAS].v.i != 0};
}

int32_t prepare(ow_plan *plan, const Resize &how, bool transposed) {
  const ow_tensor *x = plan->in[0], *y = plan->out[0];
  Lines *p =
      state<Lines>(plan, Band(), Band(), x->shape[1], x->shape[2], y->shape[1], y->shape[2], x->shape[3], x->shape[0]);
  if (!p) return OW_NO_MEMORY;
  if (transposed) {
    p->rows = band_of(how, p->out_h, p->in_h).transposed(p->out_h);
    p->columns = band_of(how, p->out_w, p->in_w).transposed(p->out_w);
  } else {
    p->rows = band_of(how, p->in_h, p->out_h);
    p->columns = band_of(how, p->in_w, p->out_w);
  }
  const double down = static_cast<double>(p->rows.weight.size()) * static_cast<double>(p->in_w);
  const double along = static_cast<double>(p->columns.weight.size()) * static_cast<double>(p->out_h);
  plan->flops = 2 * (down + along) * static_cast<double>(p->channels * p->n);
  plan->bytes = static_cast<double>(size(x) * itemsize(x) + size(y) * itemsize(y));
  plan->worker_scratch_bytes = static_cast<uint64_t>(p->in_w * p->channels * itemsize(y));
  const int64_t lines = p->n * p->out_h;
  divide(plan, lines, lines > 0 ? plan->flops / static_cast<double>(lines) : 0);
  return OW_OK;
}

// line[i] = the weighted sum of the source lines' elements i.
template <typename T, typename C>
void combine_lines(const T *x, int64_t step, const double *w, int64_t taps, C *line, int64_t n) {
  std::fill_n(line, n, C(0));
  for (int64_t k = 0; k < taps; ++k) {
    const C weight = static_cast<C>(w[k]);
    if (weight == C(0)) continue;
    const T *from = x + k * step;
    OW_IVDEP
    for (int64_t i = 0; i < n; ++i) line[i] += weight * static_cast<C>(from[i]);
  }
}

// The pixels of a line of kChannels (0: p.channels) from those of the combined line.
template <int kChannels, typename C>
void combine_pixels(const Lines &p, const C *line, C *y) {
  const int64_t channels = kChannels ? kChannels : p.channels;
  for (int64_t i = 0; i < p.out_w; ++i, y += channels) {
    const double *w = p.columns.weights(i);
    const int64_t taps = p.columns.taps(i);
    const C *from = line + p.columns.from(i) * channels;
    for (int64_t c = 0; c < channels; ++c) y[c] = C(0);
    for (int64_t k = 0; k < taps; ++k, from += channels) {
      const C weight = static_cast<C>(w[k]);
      if (weight == C(0)) continue;
      for (int64_t c = 0; c < channels; ++c) y[c] += weight * from[c];
    }
  }
}

template <typename T, typename C>
int32_t resample(const ow_call *call, int64_t first, int64_t last) {
  const Lines &p = *static_cast<const Lines *>(call->state);
  const Range lines(call, p.n * p.out_h, first, last);
  const int64_t step = p.in_w * p.channels;
  C *line = static_cast<C *>(call->worker_scratch);
  for (int64_t u = lines.begin; u < lines.end; ++u) {
    const int64_t i = u % p.out_h;
    const T *x = data<const T>(call->in[0]) + (u / p.out_h * p.in_h + p.rows.from(i)) * step;
    combine_lines(x, step, p.rows.weights(i), p.rows.taps(i), line, step);
    C *y = data<C>(call->out[0]) + u * p.out_w * p.channels;
    if (p.channels == 1) combine_pixels<1>(p, line, y);
    else if (p.channels == 3) combine_pixels<3>(p, line, y);
    else combine_pixels<0>(p, line, y);
  }
  return OW_OK;
}

template <bool transposed>
int32_t prepare_resample(ow_plan *plan) {
  return prepare(plan, resize_of(plan->attr), transposed);
}

int32_t prepare_nearest(ow_plan *plan) {
  const Resize how = {"nearest", plan->attr[RESIZE_NEAREST_NEIGHBOR_ALIGN_CORNERS].v.i != 0,
                      plan->attr[RESIZE_NEAREST_NEIGHBOR_HALF_PIXEL_CENTERS].v.i != 0, false};
  const int32_t status = prepare(plan, how, false);
  plan->worker_scratch_bytes = 0;
  return status;
}

int32_t nearest(const ow_call *call, int64_t first, int64_t last) {
  const Lines &p = *static_cast<const Lines *>(call->state);
  const Range lines(call, p.n * p.out_h, first, last);
  const int64_t pixel = p.channels * itemsize(call->in[0]);
  if (pixel == 0) return OW_OK;
  for (int64_t u = lines.begin; u < lines.end; ++u) {
    const int64_t row = u / p.out_h * p.in_h + p.rows.from(u % p.out_h);
    const char *x = data<const char>(call->in[0]) + row * p.in_w * pixel;
    char *y = data<char>(call->out[0]) + u * p.out_w * pixel;
    for (int64_t i = 0; i < p.out_w; ++i)
      std::memcpy(y + i * pixel, x + p.columns.from(i) * pixel, static_cast<size_t>(pixel));
  }
  return OW_OK;
}

OW_REGISTER types<float, half, bfloat16, int8_t, int16_t, int32_t, int64_t, uint8_t>::each([](auto zero) {
  using T = decltype(zero);
  Kernel("resample", signature<T>("T,int32->float32"))
      .prepare(guarded<prepare_resample<false>>)
      .run(resample<T, float>);
});
OW_REGISTER Kernel("resample", "float64,int32->float64")
    .prepare(guarded<prepare_resample<false>>)
    .run(resample<double, double>);
OW_REGISTER wide_floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("resample_grad", signature<T>("T,int32->T")).prepare(guarded<prepare_resample<true>>).run(resample<T, T>);
});
OW_REGISTER Kernel("resize_nearest_neighbor", "*,*->*").prepare(guarded<prepare_nearest>).run(nearest);

}  // namespace

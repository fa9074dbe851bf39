// conv_backprop_filter in float32 on oneDNN: slices of images, whose number depends on the sizes alone, leave their
// sums in scratch; `finish` adds them in order and unpacks the result.
#include "convolution.hpp"

using namespace opwright;

namespace {

struct Sliced {
  explicit Sliced(const Convolution &made) : c(made) {}
  Convolution c;
  int64_t each = 1, n_slices = 1;
  Work whole, rest, unpack;
  Seats seats;           // at the three
  size_t sum_bytes = 0;  // of a slice's packed sum

  int64_t size_of(int64_t slice) const { return std::min(each, c.images - slice * each); }
};

bool make(Work *work, const Convolution &c, int64_t n) {
  const Attributes attributes = user_scratch();
  const Recipe hint = forward_recipe(c, n, attributes);
  const Description x = c.source(n), dw = c.any_filters(), dy = c.target(n);
  dnnl_primitive_desc_t made = nullptr;
  if (hint)
    dnnl_convolution_backward_weights_primitive_desc_create(
        &made, engine(), dnnl_convolution_direct, x.get(), dw.get(), nullptr, dy.get(), c.stride.data(),
        c.gaps().data(), c.before.data(), c.after.data(), hint.get(), attributes.get());
  const Recipe recipe(made);
  return recipe && !is_slow(recipe) &&
         work->make(recipe, {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS},
                    {dnnl_query_src_md, dnnl_query_diff_dst_md, dnnl_query_diff_weights_md});
}

// Slices worth 500 us or more, and so large that adding their sums up does not matter.
int64_t slices_of(const Convolution &c) {
  const int64_t worth = static_cast<int64_t>(c.flops() / 3e7), pixels = c.images * c.pixels_out();
  return std::clamp<int64_t>(std::min(worth, pixels / 400), 1, std::min<int64_t>(c.images, 16));
}

Convolution convolution(const ow_plan *plan) { return Convolution(plan, plan->in[0], plan->out[0], plan->in[2]); }

// oneDNN 3.2's AVX2 kernel writes out of bounds for single taps with strides (its issue 6035).
bool is_broken(const Convolution &c) {
  bool single = true, strided = false;
  for (size_t d = 0; d < static_cast<size_t>(c.rank); ++d) {
    single = single && c.filter[d] == 1;
    strided = strided || c.stride[d] > 1;
  }
  return single && strided;
}

int32_t prepare(ow_plan *plan) {
  const OneThread one;
  const Convolution c = convolution(plan);
  if (c.empty()) return OW_FAIL(plan, OW_UNSUPPORTED, "the convolution must not be empty");
  if (is_broken(c)) return OW_FAIL(plan, OW_UNSUPPORTED, "single taps with strides are not safe in oneDNN");
  if (!engine()) return OW_FAIL(plan, OW_UNSUPPORTED, "oneDNN has no engine for this processor");
  Sliced *s = state<Sliced>(plan, c);
  if (!s) return OW_NO_MEMORY;
  const int64_t wanted = slices_of(c);
  s->each = (c.images + wanted - 1) / wanted;
  s->n_slices = (c.images + s->each - 1) / s->each;
  const int64_t last = s->size_of(s->n_slices - 1);
  if (!make(&s->whole, c, s->each) || (last != s->each && !make(&s->rest, c, last)) ||
      (s->rest && !same(s->whole.descriptions[2], s->rest.descriptions[2])))
    return OW_FAIL(plan, OW_UNSUPPORTED, "oneDNN has no fast weight gradient for these shapes");
  const Description &packed = s->whole.descriptions[2];
  if (!s->unpack.make_reorder(packed, c.plain_filters()) ||
      !s->seats.make(plan->max_workers, {&s->whole, &s->rest, &s->unpack}))
    return OW_FAIL(plan, OW_UNSUPPORTED, "oneDNN has no memory left");
  s->sum_bytes = to_line(bytes_of(packed));
  plan->scratch_bytes = static_cast<uint64_t>(s->n_slices) * s->sum_bytes;
  plan->worker_scratch_bytes =
      std::max(s->whole.scratch_bytes, std::max(s->rest.scratch_bytes, s->unpack.scratch_bytes));
  plan->n_chunks = s->n_slices;
  estimate(plan, c);
  return OW_OK;
}

char *sum_of(const ow_call *call, const Sliced &s, int64_t slice) {
  return static_cast<char *>(call->scratch) + static_cast<size_t>(slice) * s.sum_bytes;
}

int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const OneThread one;
  const Sliced &s = *static_cast<const Sliced *>(call->state);
  const float *x = data<float>(call->in[0]), *dy = data<float>(call->in[2]);
  for (int64_t i = first; i < last; ++i) {
    const int64_t image = i * s.each;
    const void *arguments[] = {x + image * s.c.pixels_in() * s.c.ci, dy + image * s.c.pixels_out() * s.c.co,
                               sum_of(call, s, i), call->worker_scratch};
    if (!s.seats.run(call->worker, s.size_of(i) != s.each, arguments))
      return OW_FAIL(call, OW_INTERNAL, "oneDNN failed to run the weight gradient");
  }
  return OW_OK;
}

int32_t finish(const ow_call *call) {
  const OneThread one;
  const Sliced &s = *static_cast<const Sliced *>(call->state);
  float *sum = reinterpret_cast<float *>(sum_of(call, s, 0));
  const size_t n = bytes_of(s.whole.descriptions[2]) / sizeof(float);
  for (int64_t slice = 1; slice < s.n_slices; ++slice) {
    const float *more = reinterpret_cast<const float *>(sum_of(call, s, slice));
    OW_IVDEP
    for (size_t i = 0; i < n; ++i) sum[i] += more[i];
  }
  const void *arguments[] = {sum, call->out[0]->data, call->worker_scratch};
  return s.seats.run(call->worker, 2, arguments) ? OW_OK
                                                 : OW_FAIL(call, OW_INTERNAL, "oneDNN failed to unpack the gradient");
}

// Of one filter a channel oneDNN takes four times as long for a batch of images.
int32_t score(const ow_plan *plan) {
  const Convolution c = convolution(plan);
  const bool apart = c.groups > 1 && c.groups == c.ci && c.ci == c.co;
  return apart && !c.empty() ? OW_SCORE_DEFAULT - 1 : score_of(plan, c);
}

OW_REGISTER Kernel("conv_backprop_filter", "float32,*,float32->float32")
    .variant("onednn")
    .score(score)
    .prepare(prepare)
    .run(run)
    .finish(finish);

}  // namespace

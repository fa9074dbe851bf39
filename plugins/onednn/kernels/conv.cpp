// conv and conv_backprop_input in float32 on oneDNN, sliced over images, or over rows of few images.
//
// The filters are packed into the layout that oneDNN wants: once if they are constant or the core keeps the copy, else
// by each run for its slices.
#include "convolution.hpp"

using namespace opwright;

namespace {

// Images, or rows of an image, and the convolution of that size that serves them.
struct Slice {
  size_t work;
  int64_t from, to;  // where it starts in what is read and what is written
  int64_t elements;  // that it writes
};

struct Sliced {
  explicit Sliced(const Convolution &made) : c(made) {}
  Convolution c;
  std::vector<std::unique_ptr<Work>> works;
  std::vector<std::array<int64_t, 4>> sizes;  // that the works are for
  std::vector<Slice> slices;
  Work pack;
  std::vector<Aligned> packed;  // constant filters
  Seats seats;                  // at the works, then at the packing
  size_t packed_bytes = 0, scratch_bytes = 0;
  ow_packing packing{};  // of filters whose copy the core keeps
  std::string layout;
};

bool constant_filters(const ow_plan *plan) { return plan->const_in >> 1 & 1; }
bool packed_once(const ow_plan *plan) { return constant_filters(plan) || copy_pays(plan, 1); }

using Recipes = Recipe (*)(const Convolution &, int64_t);

Recipe forwards(const Convolution &c, int64_t n) { return forward_recipe(c, n, user_scratch()); }

Recipe backwards(const Convolution &c, int64_t n) {
  const Attributes attributes = user_scratch();
  const Recipe hint = forward_recipe(c, n, attributes);
  const Description dx = c.source(n), w = c.any_filters(), dy = c.target(n);
  dnnl_primitive_desc_t made = nullptr;
  if (hint)
    dnnl_convolution_backward_data_primitive_desc_create(&made, engine(), dnnl_convolution_direct, dx.get(), w.get(),
                                                         dy.get(), c.stride.data(), c.gaps().data(), c.before.data(),
                                                         c.after.data(), hint.get(), attributes.get());
  return Recipe(made);
}

const std::vector<dnnl_query_t> kForwardQueries = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md};
const std::vector<int> kForwardKinds = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
const std::vector<dnnl_query_t> kBackwardQueries = {dnnl_query_diff_dst_md, dnnl_query_weights_md,
                                                    dnnl_query_diff_src_md};
const std::vector<int> kBackwardKinds = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC};

// The index of the work for a convolution of n images, made if need be; -1: oneDNN has none that is fast.
int work_for(Sliced *s, const Convolution &c, int64_t n, bool forward) {
  const std::array<int64_t, 4> size = {n, c.in[0], c.out[0], c.before[0]};
  for (size_t i = 0; i < s->sizes.size(); ++i)
    if (s->sizes[i] == size) return static_cast<int>(i);
  const Recipe recipe = forward ? forwards(c, n) : backwards(c, n);
  auto work = std::make_unique<Work>();
  if (!recipe || is_slow(recipe) ||
      !work->make(recipe, forward ? kForwardKinds : kBackwardKinds, forward ? kForwardQueries : kBackwardQueries))
    return -1;
  // All must want the filters packed alike.
  if (!s->works.empty() && !same(s->works[0]->descriptions[1], work->descriptions[1])) return -1;
  s->works.push_back(std::move(work));
  s->sizes.push_back(size);
  return static_cast<int>(s->works.size()) - 1;
}

bool slice_images(Sliced *s, int64_t pieces, bool forward) {
  const Convolution &c = s->c;
  const int64_t read = forward ? c.pixels_in() * c.ci : c.pixels_out() * c.co,
                written = forward ? c.pixels_out() * c.co : c.pixels_in() * c.ci;
  const int64_t each = (c.images + pieces - 1) / pieces;
  for (int64_t i = 0; i < c.images; i += each) {
    const int64_t n = std::min(each, c.images - i);
    const int work = work_for(s, c, n, forward);
    if (work < 0) return false;
    s->slices.push_back({static_cast<size_t>(work), i * read, i * written, n * written});
  }
  return true;
}

// Each image in pieces along its first dimension; a piece sees what its rows need of the input.
bool slice_rows(Sliced *s, int64_t pieces) {
  const Convolution &c = s->c;
  const int64_t each = (c.out[0] + pieces - 1) / pieces;
  const int64_t read = c.pixels_in() * c.ci / c.in[0], written = c.pixels_out() * c.co / c.out[0];
  for (int64_t image = 0; image < c.images; ++image)
    for (int64_t row = 0; row < c.out[0]; row += each) {
      Convolution piece = c;
      piece.images = 1;
      piece.out[0] = std::min(each, c.out[0] - row);
      const int64_t start = row * c.stride[0] - c.before[0], end = start + (piece.out[0] - 1) * c.stride[0] + c.span(0);
      const int64_t first = std::max<int64_t>(0, start), last = std::min(c.in[0], end);
      if (first >= last) return false;  // it sees nothing but padding
      piece.in[0] = last - first;
      piece.before[0] = first - start;
      piece.after[0] = end - last;
      const int work = work_for(s, piece, 1, true);
      if (work < 0) return false;
      s->slices.push_back({static_cast<size_t>(work), (image * c.in[0] + first) * read,
                           (image * c.out[0] + row) * written, piece.out[0] * written});
    }
  return true;
}

bool make_slices(Sliced *s, int64_t wanted, bool forward) {
  const int64_t rows = std::min((wanted + s->c.images - 1) / s->c.images, s->c.out[0]);
  if (forward && rows > 1 && slice_rows(s, rows)) return true;
  for (const int64_t pieces : {std::min(wanted, s->c.images), int64_t{1}}) {
    s->works.clear();
    s->sizes.clear();
    s->slices.clear();
    if (slice_images(s, pieces, forward)) return true;
  }
  return false;
}

// The copy of the filters that a plan keeps.
int32_t pack(const ow_call *call, int64_t, int64_t) {
  const OneThread one;
  const Sliced &s = *static_cast<const Sliced *>(call->state);
  const void *data[] = {call->in[0]->data, call->out[0]->data, nullptr};
  if (!s.seats.run(call->worker, s.works.size(), data))
    return OW_FAIL(call, OW_INTERNAL, "oneDNN failed to pack the filters");
  return OW_OK;
}

// Has the core keep the packed filters, if it would. Other nodes may want another layout, so the copy is this one's
// own.
bool ask_to_keep(Sliced *s, ow_plan *plan, size_t bytes) {
  if (!copy_pays(plan, 1) || s->pack.scratch_bytes) return false;
  s->layout = "of " + std::to_string(reinterpret_cast<uintptr_t>(s));
  s->packing = {sizeof(ow_packing), 1, bytes, 1, s->layout.c_str(), pack};
  plan->packing = &s->packing;
  return true;
}

// Packing the filters: at once if they are constant.
bool make_packing(Sliced *s, ow_plan *plan) {
  const Description plain = s->c.plain_filters(), &wanted = s->works[0]->descriptions[1];
  if (same(plain, wanted)) return true;
  if (!s->pack.make_reorder(plain, wanted)) return false;
  if (!constant_filters(plan)) {
    if (!ask_to_keep(s, plan, bytes_of(wanted))) s->packed_bytes = to_line(bytes_of(wanted));
    return true;
  }
  s->packed.emplace_back(bytes_of(wanted));
  const void *data[] = {plan->in[1]->data, s->packed[0].data};
  return s->packed[0].data && run_once(s->pack, data);
}

int32_t prepare(ow_plan *plan, const Convolution &c, bool forward) {
  const OneThread one;
  if (c.empty()) return OW_FAIL(plan, OW_UNSUPPORTED, "the convolution must not be empty");
  if (!engine()) return OW_FAIL(plan, OW_UNSUPPORTED, "oneDNN has no engine for this processor");
  Sliced *s = state<Sliced>(plan, c);
  if (!s) return OW_NO_MEMORY;
  const int64_t wanted = wanted_slices(c, plan->max_workers, packed_once(plan) ? 64 : 256);
  if (!make_slices(s, wanted, forward) || !make_packing(s, plan))
    return OW_FAIL(plan, OW_UNSUPPORTED, "oneDNN has no fast convolution for these shapes");
  std::vector<const Work *> works;
  for (const auto &work : s->works) {
    s->scratch_bytes = std::max(s->scratch_bytes, std::max(work->scratch_bytes, s->pack.scratch_bytes));
    works.push_back(work.get());
  }
  works.push_back(&s->pack);
  if (!s->seats.make(plan->max_workers, works)) return OW_FAIL(plan, OW_UNSUPPORTED, "oneDNN has no memory left");
  plan->worker_scratch_bytes = s->packed_bytes + s->scratch_bytes;
  plan->n_chunks = static_cast<int64_t>(s->slices.size());
  estimate(plan, c);
  return OW_OK;
}

int32_t run(const ow_call *call, int64_t first, int64_t last, const float *from) {
  const OneThread one;
  const Sliced &s = *static_cast<const Sliced *>(call->state);
  char *own = static_cast<char *>(call->worker_scratch), *scratch = own + s.packed_bytes;
  const void *filters = s.packed.empty() ? call->in[1]->data : s.packed[0].data;
  if (s.packed_bytes) {
    const void *data[] = {filters, own, scratch};
    if (!s.seats.run(call->worker, s.works.size(), data))
      return OW_FAIL(call, OW_INTERNAL, "oneDNN failed to pack the filters");
    filters = own;
  }
  float *to = data<float>(call->out[0]);
  for (int64_t i = first; i < last; ++i) {
    const Slice &slice = s.slices[static_cast<size_t>(i)];
    const void *data[] = {from + slice.from, filters, to + slice.to, scratch};
    if (!s.seats.run(call->worker, slice.work, data))
      return OW_FAIL(call, OW_INTERNAL, "oneDNN failed to run the convolution");
    if (!call->post) continue;
    if (const int32_t code = call->post->apply(call->post, to + slice.to, slice.to, slice.elements, call->worker))
      return code;
  }
  return OW_OK;
}

Convolution of_forward(const ow_plan *plan) { return Convolution(plan, plan->in[0], plan->in[1], plan->out[0]); }
Convolution of_backward(const ow_plan *plan) { return Convolution(plan, plan->out[0], plan->in[1], plan->in[2]); }

OW_REGISTER Kernel("conv", "float32,float32->float32")
    .variant("onednn")
    .caps(OW_POST)
    .score([](const ow_plan *plan) { return score_of(plan, of_forward(plan)); })
    .prepare([](ow_plan *plan) { return prepare(plan, of_forward(plan), true); })
    .run([](const ow_call *call, int64_t first, int64_t last) {
      return run(call, first, last, data<float>(call->in[0]));
    });

OW_REGISTER Kernel("conv_backprop_input", "*,float32,float32->float32")
    .variant("onednn")
    .caps(OW_POST)
    .score([](const ow_plan *plan) { return score_of(plan, of_backward(plan)); })
    .prepare([](ow_plan *plan) { return prepare(plan, of_backward(plan), false); })
    .run([](const ow_call *call, int64_t first, int64_t last) {
      return run(call, first, last, data<float>(call->in[2]));
    });

}  // namespace

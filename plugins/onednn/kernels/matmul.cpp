// matmul in float32 on oneDNN: on slices of the rows or, where there are few, of the columns; constant weights are kept
// in oneDNN's packed layout.
#include "onednn.hpp"
#include "opwright/gemm.hpp"

using namespace opwright;

namespace {

Description plain(int64_t rows, int64_t columns, int64_t row, int64_t column) {
  const int64_t dims[] = {rows, columns}, strides[] = {row, column};
  return strided(2, dims, strides);
}

Description any(int64_t rows, int64_t columns) {
  const int64_t dims[] = {rows, columns};
  return tagged(2, dims, dnnl_format_tag_any);
}

// A product of one size.
struct Product : Work {
  const Description &b() const { return descriptions[1]; }

  bool make(int64_t m, int64_t n, int64_t k, const int64_t *steps, bool pack) {
    const Description a = plain(m, k, steps[0], steps[1]), y = plain(m, n, steps[4], 1);
    const Description weights = pack ? any(k, n) : plain(k, n, steps[2], steps[3]);
    const Attributes attributes = user_scratch();
    dnnl_primitive_desc_t made = nullptr;
    if (!a || !weights || !y ||
        dnnl_matmul_primitive_desc_create(&made, engine(), a.get(), weights.get(), nullptr, y.get(),
                                          attributes.get()) != dnnl_success)
      return false;
    return Work::make(Recipe(made), {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                      {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md});
  }
};

// Slices of `each` rows (or columns); the last may be smaller and has a product of its own.
struct Sliced {
  int64_t m, n, k;
  int64_t steps[5];  // of a, b (row, column each), and of y's rows
  bool by_columns;
  int64_t each, n_slices;
  Product whole, rest;
  Seats seats;                  // for whole and rest
  std::vector<Aligned> packed;  // constant weights: of all, or of each slice of columns

  int64_t units() const { return by_columns ? n : m; }
  int64_t size_of(int64_t slice) const { return std::min(each, units() - slice * each); }
  bool is_rest(int64_t slice) const { return size_of(slice) != each; }
};

// matmul's attributes, in the order its signature declares them.
enum { TRANSPOSE_A, TRANSPOSE_B, ADJOINT_A, ADJOINT_B };

bool flag(const ow_plan *plan, int i) { return plan->attr[i].v.i != 0; }

// The product's sizes and strides, if oneDNN can take them. Rows of a in several matrices count as rows of one.
int32_t read(const ow_plan *plan, Sliced *s) {
  const ow_tensor *a = plan->in[0], *b = plan->in[1], *y = plan->out[0];
  const bool ta = flag(plan, TRANSPOSE_A) || flag(plan, ADJOINT_A),
             tb = flag(plan, TRANSPOSE_B) || flag(plan, ADJOINT_B);
  int64_t matrices = 1;
  for (int32_t d = 0; d < b->ndim - 2; ++d) matrices *= b->shape[d];
  if (matrices != 1) return OW_FAIL(plan, OW_UNSUPPORTED, "b must be one matrix, got %lld", (long long)matrices);
  const int64_t *ar = a->strides + a->ndim - 2, *br = b->strides + b->ndim - 2;
  s->n = y->shape[y->ndim - 1];
  s->k = a->shape[a->ndim - (ta ? 2 : 1)];
  s->m = extent(y, 0, y->ndim - 1);
  const int64_t steps[5] = {ar[ta], ar[!ta], br[tb], br[!tb], s->n};
  std::copy_n(steps, 5, s->steps);
  int64_t step = steps[0] * y->shape[y->ndim - 2];
  for (int32_t d = a->ndim - 3; d >= 0; step *= a->shape[d--])
    if (a->shape[d] != 1 && a->strides[d] != step)
      return OW_FAIL(plan, OW_UNSUPPORTED, "the matrices of a must follow each other in memory");
  if (s->m == 0 || s->n == 0 || s->k == 0) return OW_FAIL(plan, OW_UNSUPPORTED, "the product must not be empty");
  const auto takes = [](int64_t row, int64_t column) { return row > 0 && column > 0 && (row == 1 || column == 1); };
  if (!takes(steps[0], steps[1]) || !takes(steps[2], steps[3]))
    return OW_FAIL(plan, OW_UNSUPPORTED,
                   "rows or columns of a and b must be dense, got strides (%lld, %lld), (%lld, %lld)",
                   (long long)steps[0], (long long)steps[1], (long long)steps[2], (long long)steps[3]);
  return OW_OK;
}

bool constant_weights(const ow_plan *plan) { return plan->const_in >> 1 & 1; }

// Slices worth 50 us or more, a few per worker; of the rows if there are many, else every slice would read all of b.
// More slices where they would take long, so that a step can be interrupted between them.
void slice(Sliced *s, int32_t workers) {
  const double work = static_cast<double>(s->m) * static_cast<double>(s->n) * static_cast<double>(s->k);
  s->by_columns = s->m < 128;
  const int64_t unit = s->by_columns ? 64 : 16, most = (s->units() + unit - 1) / unit;
  const int64_t few = workers == 1 ? 1 : std::clamp<int64_t>(static_cast<int64_t>(work / 3e6), 1, 4 * workers);
  const int64_t fine = std::min(static_cast<int64_t>(work / 2.5e8), s->units() / 128);
  const int64_t pieces = std::min(std::max(few, fine), most);
  s->each = ((s->units() + pieces - 1) / pieces + unit - 1) / unit * unit;
  s->each = std::min(s->each, s->units());
  s->n_slices = (s->units() + s->each - 1) / s->each;
}

bool make_products(Sliced *s, bool pack) {
  const int64_t last = s->size_of(s->n_slices - 1);
  const auto make = [&](Product &p, int64_t size) {
    return s->by_columns ? p.make(s->m, size, s->k, s->steps, pack) : p.make(size, s->n, s->k, s->steps, pack);
  };
  if (!make(s->whole, s->each)) return false;
  if (last == s->each) return true;
  if (!make(s->rest, last)) return false;
  // Slices of rows share the weights: both must want the same layout.
  return s->by_columns || !pack || same(s->whole.b(), s->rest.b());
}

// b's columns [from, from + n) into the layout that the product wants.
bool pack_weights(const Sliced &s, const float *b, int64_t from, int64_t n, const Product &p, void *to) {
  Work reorder;
  const void *data[] = {b + from * s.steps[3], to};
  return reorder.make_reorder(plain(s.k, n, s.steps[2], s.steps[3]), p.b()) && run_once(reorder, data);
}

bool pack_all(Sliced *s, const float *b) {
  for (int64_t i = 0; i < (s->by_columns ? s->n_slices : 1); ++i) {
    const Product &p = s->by_columns && s->is_rest(i) ? s->rest : s->whole;
    s->packed.emplace_back(bytes_of(p.b()));
    if (!s->packed.back().data) return false;
    const int64_t from = s->by_columns ? i * s->each : 0, n = s->by_columns ? s->size_of(i) : s->n;
    if (!pack_weights(*s, b, from, n, p, s->packed.back().data)) return false;
  }
  return true;
}

int32_t prepare(ow_plan *plan) {
  const OneThread one;
  if (!engine()) return OW_FAIL(plan, OW_UNSUPPORTED, "oneDNN has no engine for this processor");
  Sliced *s = state<Sliced>(plan);
  if (!s) return OW_NO_MEMORY;
  if (const int32_t code = read(plan, s)) return code;
  slice(s, plan->max_workers);
  const bool pack = constant_weights(plan);
  if (!(pack && make_products(s, true) && pack_all(s, data<float>(plan->in[1])))) {
    s->packed.clear();
    if (!make_products(s, false)) return OW_FAIL(plan, OW_UNSUPPORTED, "oneDNN has no matmul for these shapes");
  }
  if (!s->seats.make(plan->max_workers, {&s->whole, &s->rest}))
    return OW_FAIL(plan, OW_UNSUPPORTED, "oneDNN has no memory left");
  plan->worker_scratch_bytes = std::max(s->whole.scratch_bytes, s->rest.scratch_bytes);
  plan->flops = 2.0 * static_cast<double>(s->m) * static_cast<double>(s->n) * static_cast<double>(s->k);
  plan->bytes = 4.0 * static_cast<double>(s->m * s->k + s->k * s->n + s->m * s->n);
  plan->n_chunks = s->n_slices;
  return OW_OK;
}

int32_t post(const ow_call *call, float *y, int64_t first, int64_t rows, int64_t columns, int64_t row) {
  if (!call->post) return OW_OK;
  if (columns == row) return call->post->apply(call->post, y + first, first, rows * row, call->worker);
  for (int64_t r = 0; r < rows; ++r, first += row)
    if (const int32_t code = call->post->apply(call->post, y + first, first, columns, call->worker)) return code;
  return OW_OK;
}

int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const OneThread one;
  const Sliced &s = *static_cast<const Sliced *>(call->state);
  const float *a = data<float>(call->in[0]), *b = data<float>(call->in[1]);
  float *y = data<float>(call->out[0]);
  for (int64_t i = first; i < last; ++i) {
    const bool is_rest = s.is_rest(i);
    const int64_t from = i * s.each, at = s.by_columns ? from : from * s.n;
    const float *slice_a = s.by_columns ? a : a + from * s.steps[0];
    const void *slice_b = s.by_columns ? b + from * s.steps[3] : b;
    if (!s.packed.empty()) slice_b = s.packed[s.by_columns ? static_cast<size_t>(i) : 0].data;
    const void *arguments[] = {slice_a, slice_b, y + at, call->worker_scratch};
    if (!s.seats.run(call->worker, is_rest, arguments))
      return OW_FAIL(call, OW_INTERNAL, "oneDNN failed to run the product");
    const int64_t rows = s.by_columns ? s.m : s.size_of(i), columns = s.by_columns ? s.size_of(i) : s.n;
    if (const int32_t code = post(call, y, at, rows, columns, s.n)) return code;
  }
  return OW_OK;
}

// Where oneDNN is the faster one, by the measurements in README.md: weights that it can pack once, if they are too many
// to stay in L2 or the product is large, and not so few rows that the portable kernel streams them; and, with AVX-512,
// many weights that some, but not many, rows use.
int32_t score(const ow_plan *plan) {
  Sliced s;
  if (read(plan, &s)) return 0;
  const int64_t weights = s.k * s.n;
  const bool packs =
      constant_weights(plan) && !gemm::pays_to_stream(s.m, weights) && (weights >= 1 << 19 || s.m * weights >= 1 << 24);
  const bool streams = (plan->host->cpu & OW_CPU_AVX512) && weights >= 1 << 20 && s.m > 32 && s.m <= 100;
  return packs || streams ? OW_SCORE_DEFAULT + 1 : OW_SCORE_DEFAULT - 1;
}

OW_REGISTER Kernel("matmul", "float32,float32->float32")
    .variant("onednn")
    .caps(OW_STRIDED | OW_POST)
    .score(score)
    .prepare(prepare)
    .run(run);

}  // namespace

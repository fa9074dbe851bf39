// matmul in float32 on oneDNN's C API. Primitives are made in prepare and run single-threaded inside our chunks, each
// on a slice of the rows or, where there are few, of the columns; constant weights are kept in oneDNN's packed layout.
#include <dnnl.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "opwright/kernel.hpp"

// Of libgomp, which libdnnl brings. Threads are per calling thread there, so setting them here concerns nobody else.
extern "C" {
__attribute__((weak)) void omp_set_num_threads(int);
__attribute__((weak)) int omp_get_max_threads(void);
}

using namespace opwright;

namespace {

struct OneThread {
  int before = omp_get_max_threads ? omp_get_max_threads() : 1;
  OneThread() {
    if (before != 1 && omp_set_num_threads) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before != 1 && omp_set_num_threads) omp_set_num_threads(before);
  }
};

// Owners of oneDNN's objects.
template <typename T, dnnl_status_t (*destroy)(T)>
struct Destroy {
  using pointer = T;
  void operator()(T t) const { destroy(t); }
};
using Description = std::unique_ptr<dnnl_memory_desc, Destroy<dnnl_memory_desc_t, dnnl_memory_desc_destroy>>;
using Primitive = std::unique_ptr<dnnl_primitive, Destroy<dnnl_primitive_t, dnnl_primitive_destroy>>;
using Memory = std::unique_ptr<dnnl_memory, Destroy<dnnl_memory_t, dnnl_memory_destroy>>;
using Stream = std::unique_ptr<dnnl_stream, Destroy<dnnl_stream_t, dnnl_stream_destroy>>;

dnnl_engine_t engine() {
  static const dnnl_engine_t made = [] {
    dnnl_engine_t e = nullptr;
    return dnnl_engine_create(&e, dnnl_cpu, 0) == dnnl_success ? e : nullptr;
  }();
  return made;
}

Description plain(int64_t rows, int64_t columns, int64_t row, int64_t column) {
  const dnnl_dims_t dims = {rows, columns}, strides = {row, column};
  dnnl_memory_desc_t made = nullptr;
  dnnl_memory_desc_create_with_strides(&made, 2, dims, dnnl_f32, strides);
  return Description(made);
}

Description any(int64_t rows, int64_t columns) {
  const dnnl_dims_t dims = {rows, columns};
  dnnl_memory_desc_t made = nullptr;
  dnnl_memory_desc_create_with_tag(&made, 2, dims, dnnl_f32, dnnl_format_tag_any);
  return Description(made);
}

Memory memory(const_dnnl_memory_desc_t description, void *data) {
  dnnl_memory_t made = nullptr;
  dnnl_memory_create(&made, description, engine(), data);
  return Memory(made);
}

// A product of one size, and what it works on.
struct Product {
  Primitive primitive;
  Description a, b, y, scratch;

  bool make(int64_t m, int64_t n, int64_t k, const int64_t *steps, bool pack) {
    a = plain(m, k, steps[0], steps[1]);
    b = pack ? any(k, n) : plain(k, n, steps[2], steps[3]);
    y = plain(m, n, steps[4], 1);
    dnnl_primitive_attr_t attributes = nullptr;
    dnnl_primitive_attr_create(&attributes);
    dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    dnnl_primitive_desc_t description = nullptr;
    dnnl_primitive_t made = nullptr;
    bool ok = a && b && y &&
              dnnl_matmul_primitive_desc_create(&description, engine(), a.get(), b.get(), nullptr, y.get(),
                                                attributes) == dnnl_success &&
              dnnl_primitive_create(&made, description) == dnnl_success;
    primitive.reset(made);
    if (ok) {
      b = copied(dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0));
      scratch = copied(dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0));
    }
    if (description) dnnl_primitive_desc_destroy(description);
    dnnl_primitive_attr_destroy(attributes);
    return ok;
  }

  size_t scratch_bytes() const { return scratch ? dnnl_memory_desc_get_size(scratch.get()) : 0; }

 private:
  static Description copied(const_dnnl_memory_desc_t from) {
    dnnl_memory_desc_t made = nullptr;
    if (from) dnnl_memory_desc_clone(&made, from);
    return Description(made);
  }
};

// The objects a thread needs to run a product: one set for each worker, so that a call makes none.
struct Seat {
  std::atomic<bool> taken{false};
  Stream stream;
  Memory a, b, y, scratch;

  bool make(const Product &p) {
    dnnl_stream_t made = nullptr;
    if (dnnl_stream_create(&made, engine(), dnnl_stream_default_flags) != dnnl_success) return false;
    stream.reset(made);
    a = memory(p.a.get(), DNNL_MEMORY_NONE);
    b = memory(p.b.get(), DNNL_MEMORY_NONE);
    y = memory(p.y.get(), DNNL_MEMORY_NONE);
    if (p.scratch) scratch = memory(p.scratch.get(), DNNL_MEMORY_NONE);
    return a && b && y;
  }

  bool run(const Product &p, const float *from_a, const void *from_b, float *to, void *scratchpad) {
    dnnl_memory_set_data_handle(a.get(), const_cast<float *>(from_a));
    dnnl_memory_set_data_handle(b.get(), const_cast<void *>(from_b));
    dnnl_memory_set_data_handle(y.get(), to);
    if (scratch) dnnl_memory_set_data_handle(scratch.get(), scratchpad);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, a.get()},
                                    {DNNL_ARG_WEIGHTS, b.get()},
                                    {DNNL_ARG_DST, y.get()},
                                    {DNNL_ARG_SCRATCHPAD, scratch.get()}};
    return dnnl_primitive_execute(p.primitive.get(), stream.get(), scratch ? 4 : 3, args) == dnnl_success &&
           dnnl_stream_wait(stream.get()) == dnnl_success;
  }
};

struct Aligned {
  void *data;
  explicit Aligned(size_t bytes) : data(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) {}
  Aligned(Aligned &&other) noexcept : data(std::exchange(other.data, nullptr)) {}
  ~Aligned() { std::free(data); }
};

// Slices of `each` rows (or columns); the last may be smaller and has a product of its own.
struct Sliced {
  int64_t m, n, k;
  int64_t steps[5];  // of a, b (row, column each), and of y's rows
  bool by_columns;
  int64_t each, n_slices;
  Product whole, rest;
  std::vector<std::unique_ptr<Seat>> seats;  // two for each worker: whole, rest
  std::vector<Aligned> packed;               // constant weights: of all, or of each slice of columns

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
void slice(Sliced *s, int32_t workers) {
  const double work = static_cast<double>(s->m) * static_cast<double>(s->n) * static_cast<double>(s->k);
  s->by_columns = s->m < 128;
  const int64_t unit = s->by_columns ? 64 : 16, most = (s->units() + unit - 1) / unit;
  const int64_t want = workers == 1 ? 1 : std::clamp<int64_t>(static_cast<int64_t>(work / 3e6), 1, 4 * workers);
  const int64_t pieces = std::min(want, most);
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
  return s->by_columns || !pack || dnnl_memory_desc_equal(s->whole.b.get(), s->rest.b.get());
}

// b's columns [from, from + n) into the layout that the product wants.
bool pack_weights(const Sliced &s, const float *b, int64_t from, int64_t n, const Product &p, void *to) {
  const Description source = plain(s.k, n, s.steps[2], s.steps[3]);
  dnnl_primitive_desc_t description = nullptr;
  if (dnnl_reorder_primitive_desc_create(&description, source.get(), engine(), p.b.get(), engine(), nullptr) !=
      dnnl_success)
    return false;
  dnnl_primitive_t made = nullptr;
  dnnl_primitive_create(&made, description);
  dnnl_primitive_desc_destroy(description);
  const Primitive reorder(made);
  const Memory in = memory(source.get(), const_cast<float *>(b + from * s.steps[3])), out = memory(p.b.get(), to);
  dnnl_stream_t stream = nullptr;
  if (!made || !in || !out || dnnl_stream_create(&stream, engine(), dnnl_stream_default_flags) != dnnl_success)
    return false;
  const Stream owned(stream);
  const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, in.get()}, {DNNL_ARG_TO, out.get()}};
  return dnnl_primitive_execute(made, stream, 2, args) == dnnl_success && dnnl_stream_wait(stream) == dnnl_success;
}

bool pack_all(Sliced *s, const float *b) {
  for (int64_t i = 0; i < (s->by_columns ? s->n_slices : 1); ++i) {
    const Product &p = s->by_columns && s->is_rest(i) ? s->rest : s->whole;
    s->packed.emplace_back(dnnl_memory_desc_get_size(p.b.get()));
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
  for (int32_t w = 0; w < 2 * plan->max_workers; ++w) {
    const Product &p = w % 2 ? s->rest : s->whole;
    s->seats.push_back(std::make_unique<Seat>());
    if (p.primitive && !s->seats.back()->make(p)) return OW_FAIL(plan, OW_UNSUPPORTED, "oneDNN has no memory left");
  }
  plan->worker_scratch_bytes = std::max(s->whole.scratch_bytes(), s->rest.scratch_bytes());
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
    const Product &p = is_rest ? s.rest : s.whole;
    const int64_t from = i * s.each, at = s.by_columns ? from : from * s.n;
    const float *slice_a = s.by_columns ? a : a + from * s.steps[0];
    const void *slice_b = s.by_columns ? b + from * s.steps[3] : b;
    if (!s.packed.empty()) slice_b = s.packed[s.by_columns ? static_cast<size_t>(i) : 0].data;
    Seat &mine = *s.seats[static_cast<size_t>(2 * call->worker + is_rest)];
    Seat other;  // where another call of this plan sits on ours
    const bool free = !mine.taken.exchange(true, std::memory_order_acquire);
    const bool ok =
        free || other.make(p) ? (free ? mine : other).run(p, slice_a, slice_b, y + at, call->worker_scratch) : false;
    if (free) mine.taken.store(false, std::memory_order_release);
    if (!ok) return OW_FAIL(call, OW_INTERNAL, "oneDNN failed to run the product");
    const int64_t rows = s.by_columns ? s.m : s.size_of(i), columns = s.by_columns ? s.size_of(i) : s.n;
    if (const int32_t code = post(call, y, at, rows, columns, s.n)) return code;
  }
  return OW_OK;
}

// Where oneDNN is the faster one, by the measurements in README.md: weights that it can pack once, if they are too many
// to stay in L2 or the product is large; and many weights that some, but not many, rows use.
int32_t score(const ow_plan *plan) {
  Sliced s;
  if (read(plan, &s)) return 0;
  const int64_t weights = s.k * s.n;
  const bool packs = constant_weights(plan) && (weights >= 1 << 19 || s.m * weights >= 1 << 24);
  const bool streams = weights >= 1 << 20 && s.m > 32 && s.m <= 100;
  return packs || streams ? OW_SCORE_DEFAULT + 1 : OW_SCORE_DEFAULT - 1;
}

OW_REGISTER Kernel("matmul", "float32,float32->float32")
    .variant("onednn")
    .caps(OW_STRIDED | OW_POST)
    .score(score)
    .prepare(prepare)
    .run(run);

}  // namespace

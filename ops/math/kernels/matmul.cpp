// matmul: y[.. i j] = sum over k of a[.. i k] b[.. k j], leading dimensions broadcast, any strides.
#include <limits>
#include <string>

#include "geometry.hpp"
#include "math_attributes.h"
#include "opwright/gemm.hpp"
#include "opwright/guarded.hpp"

using namespace opwright;

namespace {

// 16-bit floats are multiplied and summed in float32; integers as unsigned ones, which wrap around.
template <typename T>
using compute = std::conditional_t<is_float<T>, compute_t<T>, std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>>;

enum class Form { dots, direct, streamed, packed, panels };

// Where an operand's matrices lie, and their rows and columns.
struct Operand {
  Dims batch;
  int64_t row, column;
};

struct Product {
  Form form;
  int32_t first;  // which input a is
  int64_t batches, m, n, k;
  Operand a, b;
  int64_t down, over;     // how many blocks a matrix of y is cut into
  int64_t rows, columns;  // of a block
  ow_packing packing;     // of b for the form `panels`
  std::string layout;
};

Operand operand(const ow_tensor *x, bool transposed, const ow_tensor *y) {
  Operand made;
  const int32_t missing = y->ndim - x->ndim;
  for (int32_t d = 0; d < y->ndim - 2; ++d) {
    const bool repeats = d < missing || x->shape[d - missing] == 1;
    made.batch.push_back({y->shape[d], repeats ? 0 : x->strides[d - missing]});
  }
  made.row = x->strides[x->ndim - 2];
  made.column = x->strides[x->ndim - 1];
  if (transposed) std::swap(made.row, made.column);
  return made;
}

void read(Product *p, const ow_plan *plan) {
  const ow_tensor *a = plan->in[0], *b = plan->in[1], *y = plan->out[0];
  const bool ta = plan->attr[MATMUL_TRANSPOSE_A].v.i || plan->attr[MATMUL_ADJOINT_A].v.i;
  const bool tb = plan->attr[MATMUL_TRANSPOSE_B].v.i || plan->attr[MATMUL_ADJOINT_B].v.i;
  p->m = y->shape[y->ndim - 2];
  p->n = y->shape[y->ndim - 1];
  p->k = a->shape[a->ndim - (ta ? 2 : 1)];
  p->batches = extent(y, 0, y->ndim - 2);
  p->a = operand(a, ta, y);
  p->b = operand(b, tb, y);
  p->first = 0;
  // Dimensions of size 1 may have any stride: give them those of a dense matrix.
  if (p->k == 1) p->a.column = p->b.row = 1;
  if (p->n == 1 && p->b.row != 1) p->b.column = 1;
  if (p->m == 1 && p->a.column != 1) p->a.row = 1;
  if (p->n == 1) {  // a column: the transposed product has long rows
    std::swap(p->a, p->b);
    std::swap(p->a.row, p->a.column);
    std::swap(p->b.row, p->b.column);
    std::swap(p->m, p->n);
    p->first = 1;
  }
}

// Which form serves, by measurements. Packing b pays from some hundred rows on with 32 registers (AVX-512), from some
// twenty with 16 (AVX2: tiles of 6 rows read b more often) unless b stays in L1, and earlier where b does not stay in
// cache and more than a few tiles of rows use it; dot products pay where b runs along k and there are few rows.
template <typename T>
Form choose(const Product &p) {
  constexpr bool wide = kVectorRegisters == 32;
  constexpr int64_t few = 6, some = wide ? 32 : few, many = wide ? 200 : 20, most = wide ? 200 : 96;
  constexpr int64_t in_cache = (2 << 20) / static_cast<int64_t>(sizeof(T)), close = in_cache / 16;
  if (sizeof(T) == 2) return Form::packed;  // they are converted as they are packed
  const int64_t size = p.k * p.n;
  const bool dots = p.m <= few || (p.m <= 2 * few && size > in_cache);
  if (dots && p.a.column == 1 && p.b.row == 1 && p.k >= 8) return Form::dots;
  if (gemm::pays_to_stream(p.m, size) && p.b.column == 1 && p.b.row > 0) return Form::streamed;
  const bool small = p.m <= some || (p.m < many && size <= in_cache) || (p.m < most && size <= close);
  return (small || p.n <= gemm::kNarrow) && p.b.column == 1 && (p.b.row > 0 || p.k == 1) ? Form::direct : Form::packed;
}

int64_t rounded(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Cuts matrices into blocks: one for each worker if they take some 10 us, a few if they take some 200 us; the longer
// side is cut first, and rows where all workers have b's panels in their L2. What takes long is cut further, so that a
// step can be interrupted between blocks, but not to blocks that copy more than they multiply.
void cut(Product *p, int32_t workers, int64_t most_rows, int64_t most_columns) {
  constexpr uint64_t in_l2 = 400 << 10;
  const double work = static_cast<double>(p->m * p->n * p->k);
  const int64_t some = workers == 1 ? 1 : std::max<int64_t>(1, 4 * workers / std::max<int64_t>(1, p->batches));
  const int64_t one = std::clamp(static_cast<int64_t>(work / 3e5), int64_t{1}, std::min<int64_t>(workers, some));
  const int64_t few = std::clamp(static_cast<int64_t>(work / 8e6), one, some);
  const int64_t want = std::max(few, static_cast<int64_t>(work / 2.5e8));
  const int64_t bands = std::max<int64_t>(1, rounded(p->m, gemm::kBand) / gemm::kBand);
  const int64_t strips = std::max<int64_t>(1, rounded(p->n, 128) / 128);
  const bool tall = p->m >= p->n || (p->form == Form::panels && p->packing.bytes <= in_l2 && p->m >= gemm::kBand);
  const int64_t coarse = tall ? p->m / (4 * gemm::kBand) : p->n / gemm::kColumns;
  const int64_t first = std::min(std::max(few, std::min(want, coarse)), tall ? bands : strips);
  const int64_t second = want > few ? std::min(want / first, tall ? strips : bands) : 1;
  const int64_t down = tall ? first : second, over = tall ? second : first;
  p->rows = std::min(rounded((p->m + down - 1) / down, gemm::kRows), most_rows);
  p->columns = std::min(rounded((p->n + over - 1) / over, 64), most_columns);
  p->down = p->m ? rounded(p->m, p->rows) / p->rows : 0;
  p->over = p->n ? rounded(p->n, p->columns) / p->columns : 0;
}

// Makes some of b's panels.
template <typename T>
int32_t pack(const ow_call *call, int64_t first, int64_t last) {
  const Product &p = *static_cast<const Product *>(call->state);
  constexpr int64_t each = 4 * gemm::kPanel<T>;
  const Range strips(call, rounded(p.n, each) / each, first, last);
  const int64_t from = strips.begin * each, to = std::min(strips.end * each, p.n);
  const gemm::Matrix<T> b = {data<const T>(call->in[0]), p.b.row, p.b.column};
  gemm::pack_panels<T, T>(data<T>(call->out[0]), b, p.k, p.n, from, to - from);
  return OW_OK;
}

// Has b packed once if other products read it too.
template <typename T>
void share(ow_plan *plan, Product *p) {
  if constexpr (std::is_same_v<compute<T>, T>) {
    const int32_t in = 1 - p->first;
    if (!copy_pays(plan, in) || p->form != Form::packed || p->batches != 1 || p->n <= gemm::kNarrow || p->k == 0)
      return;
    p->form = Form::panels;
    p->layout = "panels of " + std::to_string(p->k) + "x" + std::to_string(p->n) + " by " + std::to_string(p->b.row) +
                ", " + std::to_string(p->b.column);
    const uint64_t bytes = sizeof(T) * static_cast<uint64_t>(gemm::panels_size<T>(p->k, p->n));
    const auto chunks = std::clamp<int64_t>(static_cast<int64_t>(bytes >> 17), 1, p->n / (4 * gemm::kPanel<T>)+1);
    p->packing = {sizeof(ow_packing), in, bytes, chunks, p->layout.c_str(), pack<T>};
    plan->packing = &p->packing;
  }
}

template <typename T>
int32_t prepare(ow_plan *plan) {
  using C = compute<T>;
  Product *p = state<Product>(plan);
  if (!p) return OW_NO_MEMORY;
  read(p, plan);
  p->form = choose<T>(*p);
  share<T>(plan, p);
  // Sums of 16-bit floats wait in scratch, and must fit there.
  constexpr bool waits = sizeof(C) != sizeof(T);
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  cut(p, plan->max_workers, waits ? gemm::kBand : most, waits ? gemm::kColumns : most);
  if (waits) plan->worker_scratch_bytes = sizeof(C) * static_cast<uint64_t>(gemm::kBand * gemm::kColumns);
  if (p->form == Form::packed || p->form == Form::panels)
    plan->worker_scratch_bytes += sizeof(C) * static_cast<uint64_t>(gemm::packed_scratch<C>());
  plan->flops = 2.0 * static_cast<double>(p->batches * p->m * p->n * p->k);
  const ow_tensor *y = plan->out[0];
  plan->bytes = static_cast<double>((size(plan->in[0]) + size(plan->in[1]) + size(y)) * itemsize(y));
  const int64_t units = p->batches * p->down * p->over;
  divide(plan, units, units ? plan->flops / static_cast<double>(units) / 50 : 0);
  if (p->batches == 1) plan->n_chunks = std::max<int64_t>(1, units);
  return OW_OK;
}

struct Block {
  int64_t batch, i, j, rows, columns;
  Block(const Product &p, int64_t unit)
      : batch(unit / (p.down * p.over)),
        i(unit / p.over % p.down * p.rows),
        j(unit % p.over * p.columns),
        rows(std::min(p.rows, p.m - i)),
        columns(std::min(p.columns, p.n - j)) {}

  Block part(int64_t down, int64_t over, int64_t n, int64_t wide) const {
    Block made = *this;
    made.i += down, made.j += over, made.rows = n, made.columns = wide;
    return made;
  }
};

// One block of y into c. Integers are read as unsigned ones of their size.
template <typename C, typename T, typename Done = gemm::Nobody>
void multiply(const Product &p, const Block &at, const T *a_data, const T *b_data, C *c, int64_t c_row, C *scratch,
              Done done = {}) {
  const gemm::Matrix<T> a = {a_data + at.i * p.a.row, p.a.row, p.a.column};
  const gemm::Matrix<T> b = {b_data + at.j * p.b.column, p.b.row, p.b.column};
  if constexpr (std::is_same_v<C, T>) {
    if (p.form == Form::panels)
      return gemm::with_panels<C>(at.rows, at.columns, p.k, a, b_data, p.n, at.j, c, c_row, scratch, done);
    if (p.form != Form::packed) {
      const int64_t extent_of_b = (p.k - 1) * p.b.row + p.n - at.j;
      if (p.form == Form::dots) gemm::dot_products(at.rows, at.columns, p.k, a, b, c, c_row);
      else if (p.form == Form::streamed) gemm::streamed(at.rows, at.columns, p.k, a, b, c, c_row);
      else gemm::direct(at.rows, at.columns, p.k, a, b, extent_of_b, c, c_row);
      return done(0, 0, at.rows, at.columns);
    }
  }
  gemm::packed<C, T>(at.rows, at.columns, p.k, a, b, c, c_row, scratch, done);
}

// Applies the epilogue to a part of y.
int32_t post(const ow_call *call, const Product &p, const Block &at) {
  if (!call->post) return OW_OK;
  const int64_t start = (at.batch * p.m + at.i) * p.n + at.j, size = itemsize(call->out[0]);
  const bool whole = at.columns == p.n;  // rows follow each other
  for (int64_t r = 0; r < (whole ? 1 : at.rows); ++r) {
    const int64_t from = start + r * p.n, n = whole ? at.rows * p.n : at.columns;
    char *elements = data<char>(call->out[0]) + from * size;
    if (const int32_t code = call->post->apply(call->post, elements, from, n, call->worker)) return code;
  }
  return OW_OK;
}

template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  using C = compute<T>;
  using Read = std::conditional_t<sizeof(C) == sizeof(T), C, T>;
  const Product &p = *static_cast<const Product *>(call->state);
  const Range units(call, p.batches * p.down * p.over, first, last);
  C *scratch = static_cast<C *>(call->worker_scratch);
  int32_t code = OW_OK;
  for (int64_t u = units.begin; u < units.end && code == OW_OK; ++u) {
    const Block at(p, u);
    const Read *a = data<const Read>(call->in[p.first]) + offset_of(p.a.batch, at.batch);
    const Read *b = data<const Read>(call->in[1 - p.first]) + offset_of(p.b.batch, at.batch);
    T *y = data<T>(call->out[0]) + (at.batch * p.m + at.i) * p.n + at.j;
    if constexpr (sizeof(C) == sizeof(T)) {
      multiply<C>(p, at, a, b, reinterpret_cast<C *>(y), p.n, scratch,
                  [&](int64_t i, int64_t j, int64_t rows, int64_t columns) {
                    if (code == OW_OK) code = post(call, p, at.part(i, j, rows, columns));
                  });
    } else {
      multiply<C>(p, at, a, b, scratch, at.columns, scratch + gemm::kBand * gemm::kColumns);
      for (int64_t i = 0; i < at.rows; ++i)
        for (int64_t j = 0; j < at.columns; ++j) y[i * p.n + j] = static_cast<T>(scratch[i * at.columns + j]);
      code = post(call, p, at);
    }
  }
  return code;
}

OW_REGISTER types<float, double, half, bfloat16, int32_t, int64_t>::each([](auto zero) {
  using T = decltype(zero);
  Kernel("matmul", signature<T>("T,T->T"))
      .variant("portable")
      .caps(OW_STRIDED | OW_POST)
      .prepare(guarded<prepare<T>>)
      .run(run<T>);
});

}  // namespace

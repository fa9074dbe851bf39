// matmul on the GPU: y[.. i j] = sum over k of a[.. i k] b[.. k j], leading dimensions broadcast, any strides. A block
// makes a tile of y, a thread 4 x 4 of its elements, from tiles of a and b in shared memory.
#include "math_attributes.h"
#include "opwright/kernel.cuh"

using namespace opwright;

namespace {

constexpr int kTile = 64, kDepth = 16, kEach = 4;  // rows and columns of a tile; of k at a time; of a thread
constexpr int kSide = kTile / kEach;
static_assert(kSide * kSide == kThreads, "every thread has its part of a tile");

// 16-bit floats are multiplied and summed in float32; integers as unsigned ones, which wrap around.
template <typename T>
using compute = std::conditional_t<is_float<T>, compute_t<T>, std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>>;

struct Operand {
  Strided batch;
  int64_t row, column;
};

struct Product {
  Operand a, b;
  int64_t batches, m, n, k, down, over;  // down, over: tiles of a matrix of y
};

Operand operand(const ow_tensor *x, bool transposed, const ow_tensor *y) {
  Operand made = {};
  const int32_t missing = y->ndim - x->ndim;
  made.batch.n = y->ndim - 2;
  for (int32_t d = 0; d < y->ndim - 2; ++d) {
    const bool repeats = d < missing || x->shape[d - missing] == 1;
    made.batch.size[d] = y->shape[d];
    made.batch.stride[d] = repeats ? 0 : x->strides[d - missing];
  }
  made.row = x->strides[x->ndim - 2];
  made.column = x->strides[x->ndim - 1];
  if (transposed) std::swap(made.row, made.column);
  return made;
}

int32_t prepare(ow_plan *plan) {
  Product *p = state<Product>(plan);
  if (!p) return OW_NO_MEMORY;
  const ow_tensor *a = plan->in[0], *b = plan->in[1], *y = plan->out[0];
  const bool ta = plan->attr[MATMUL_TRANSPOSE_A].v.i || plan->attr[MATMUL_ADJOINT_A].v.i;
  const bool tb = plan->attr[MATMUL_TRANSPOSE_B].v.i || plan->attr[MATMUL_ADJOINT_B].v.i;
  p->a = operand(a, ta, y);
  p->b = operand(b, tb, y);
  p->m = y->shape[y->ndim - 2];
  p->n = y->shape[y->ndim - 1];
  p->k = a->shape[a->ndim - (ta ? 2 : 1)];
  p->batches = extent(y, 0, y->ndim - 2);
  p->down = (p->m + kTile - 1) / kTile;
  p->over = (p->n + kTile - 1) / kTile;
  return OW_OK;
}

// Loads kTile x kDepth elements: rows from `row` on, columns from `column` on; zeros beyond. Neighbouring threads take
// neighbouring elements of memory.
template <typename C, typename T>
__device__ void load(C (&tile)[kDepth][kTile + 1], const T *x, int64_t row_step, int64_t column_step, int64_t row,
                     int64_t rows, int64_t column, int64_t columns) {
  const bool along = column_step == 1;
  for (int at = static_cast<int>(threadIdx.x); at < kTile * kDepth; at += kThreads) {
    const int r = along ? at / kDepth : at % kTile, c = along ? at % kDepth : at / kTile;
    const bool inside = row + r < rows && column + c < columns;
    tile[c][r] =
        inside ? static_cast<C>(static_cast<compute_t<T>>(x[(row + r) * row_step + (column + c) * column_step])) : C(0);
  }
}

template <typename T>
__global__ void multiply(const T *a_data, const T *b_data, T *y, Product p) {
  using C = compute<T>;
  __shared__ C a_tile[kDepth][kTile + 1], b_tile[kDepth][kTile + 1];
  const int row = static_cast<int>(threadIdx.x) / kSide, column = static_cast<int>(threadIdx.x) % kSide;
  for (int64_t u = blockIdx.x; u < p.batches * p.down * p.over; u += gridDim.x) {
    const int64_t batch = u / (p.down * p.over), i0 = u / p.over % p.down * kTile, j0 = u % p.over * kTile;
    const T *a = a_data + p.a.batch.offset(batch), *b = b_data + p.b.batch.offset(batch);
    C sum[kEach][kEach] = {};
    for (int64_t k0 = 0; k0 < p.k; k0 += kDepth) {
      load(a_tile, a, p.a.row, p.a.column, i0, p.m, k0, p.k);
      load(b_tile, b, p.b.column, p.b.row, j0, p.n, k0, p.k);
      __syncthreads();
      for (int k = 0; k < kDepth; ++k)
        for (int r = 0; r < kEach; ++r)
          for (int c = 0; c < kEach; ++c) sum[r][c] += a_tile[k][row + r * kSide] * b_tile[k][column + c * kSide];
      __syncthreads();
    }
    for (int r = 0; r < kEach; ++r)
      for (int c = 0; c < kEach; ++c) {
        const int64_t i = i0 + row + r * kSide, j = j0 + column + c * kSide;
        if (i < p.m && j < p.n) y[(batch * p.m + i) * p.n + j] = static_cast<T>(sum[r][c]);
      }
  }
}

template <typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const Product &p = *static_cast<const Product *>(call->state);
  return launch(call, multiply<T>, std::min(p.batches * p.down * p.over, kMostBlocks), data<const T>(call->in[0]),
                data<const T>(call->in[1]), data<T>(call->out[0]), p);
}

OW_REGISTER types<float, double, half, bfloat16, int32_t, int64_t>::each([](auto zero) {
  using T = decltype(zero);
  CudaKernel("matmul", signature<T>("T,T->T")).caps(OW_STRIDED).prepare(prepare).run(run<T>);
});

}  // namespace

// layer_norm: each row by its own moments, in two passes; and its gradient, which takes them anew.
#include "channels.hpp"
#include "norm_attributes.h"

using namespace opwright;

namespace {

// The moments of a row: z = (x - mean) r.
template <typename C>
struct Row {
  C mean, r;
  template <typename T>
  Row(const T *x, int64_t n, double epsilon) {
    mean = static_cast<C>(sum_of<C>(n, [&](int64_t i) { return static_cast<C>(x[i]); }) / static_cast<double>(n));
    const double squares = sum_of<C>(n, [&](int64_t i) {
      const C d = static_cast<C>(x[i]) - mean;
      return d * d;
    });
    r = static_cast<C>(1 / std::sqrt(squares / static_cast<double>(n) + epsilon));
  }
};

int32_t prepare(ow_plan *plan) {
  const ow_tensor *x = plan->in[0];
  const int64_t n = x->shape[x->ndim - 1], rows = extent(x, 0, x->ndim - 1);
  plan->flops = 8.0 * static_cast<double>(size(x));
  plan->bytes = 2.0 * static_cast<double>(size(x) * itemsize(x));
  divide(plan, rows, 10 + 0.5 * static_cast<double>(n));
  return OW_OK;
}

template <typename T>
int32_t layer_norm(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const ow_tensor *in = call->in[0];
  const int64_t n = in->shape[in->ndim - 1];
  const double epsilon = call->attr[LAYER_NORM_EPSILON].v.f;
  const Range rows(call, extent(in, 0, in->ndim - 1), first, last);
  const T *scale = data<const T>(call->in[1]), *offset = data<const T>(call->in[2]);
  T *out = data<T>(call->out[0]);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T *x = data<const T>(in) + row * n;
    T *y = out + row * n;
    const Row<C> m(x, n, epsilon);
    OW_IVDEP
    for (int64_t i = 0; i < n; ++i)
      y[i] =
          static_cast<T>((static_cast<C>(x[i]) - m.mean) * m.r * static_cast<C>(scale[i]) + static_cast<C>(offset[i]));
  }
  const int64_t done = (rows.end - rows.begin) * n;
  if (!call->post || done == 0) return OW_OK;
  return call->post->apply(call->post, out + rows.begin * n, rows.begin * n, done, call->worker);
}

// The gradient's rows are cut into blocks whose number follows from the shape; each sums dscale and doffset for itself.
struct Blocks {
  int64_t n, rows, each, count;
  explicit Blocks(const ow_tensor *x) : n(x->shape[x->ndim - 1]), rows(extent(x, 0, x->ndim - 1)) {
    each = std::max<int64_t>({1, 16384 / std::max<int64_t>(1, n), (rows + 63) / 64});
    count = (rows + each - 1) / each;
  }
};

template <typename T>
int32_t prepare_grad(ow_plan *plan) {
  const Blocks *b = state<Blocks>(plan, plan->in[1]);
  if (!b) return OW_NO_MEMORY;
  plan->flops = 16.0 * static_cast<double>(size(plan->in[1]));
  plan->bytes = 3.0 * static_cast<double>(size(plan->in[1]) * itemsize(plan->in[1]));
  plan->scratch_bytes = static_cast<uint64_t>(2 * b->count * b->n) * sizeof(compute_t<T>);
  divide(plan, b->count, static_cast<double>(b->each) * (20 + 1.5 * static_cast<double>(b->n)));
  return OW_OK;
}

template <typename T>
int32_t layer_norm_grad(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Blocks &b = *static_cast<const Blocks *>(call->state);
  const Range blocks(call, b.count, first, last);
  const double epsilon = call->attr[LAYER_NORM_GRAD_EPSILON].v.f;
  const T *scale = data<const T>(call->in[2]);
  for (int64_t block = blocks.begin; block < blocks.end; ++block) {
    C *dscale = static_cast<C *>(call->scratch) + block * 2 * b.n, *doffset = dscale + b.n;
    std::fill_n(dscale, 2 * b.n, C(0));
    for (int64_t row = block * b.each; row < std::min(b.rows, (block + 1) * b.each); ++row) {
      const T *dy = data<const T>(call->in[0]) + row * b.n, *x = data<const T>(call->in[1]) + row * b.n;
      T *dx = data<T>(call->out[0]) + row * b.n;
      const Row<C> m(x, b.n, epsilon);
      const auto z = [&](int64_t i) { return (static_cast<C>(x[i]) - m.mean) * m.r; };
      const auto g = [&](int64_t i) { return static_cast<C>(dy[i]) * static_cast<C>(scale[i]); };
      const double n = static_cast<double>(b.n);
      const C mean = static_cast<C>(sum_of<C>(b.n, g) / n);
      const C along = static_cast<C>(sum_of<C>(b.n, [&](int64_t i) { return g(i) * z(i); }) / n);
      OW_IVDEP
      for (int64_t i = 0; i < b.n; ++i) {
        const C zi = z(i), slope = static_cast<C>(dy[i]);
        dscale[i] += slope * zi;
        doffset[i] += slope;
        dx[i] = static_cast<T>(m.r * (g(i) - mean - zi * along));
      }
    }
  }
  return OW_OK;
}

template <typename T>
int32_t finish_grad(const ow_call *call) {
  using C = compute_t<T>;
  const Blocks &b = *static_cast<const Blocks *>(call->state);
  const C *sums = static_cast<const C *>(call->scratch);
  for (int32_t which = 0; which < 2; ++which)
    for (int64_t i = 0; i < b.n; ++i) {
      double total = 0;
      for (int64_t block = 0; block < b.count; ++block)
        total += static_cast<double>(sums[(2 * block + which) * b.n + i]);
      data<T>(call->out[1 + which])[i] = static_cast<T>(static_cast<C>(total));
    }
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("layer_norm", signature<T>("T,T,T->T")).caps(OW_POST).prepare(prepare).run(layer_norm<T>);
  Kernel("layer_norm_grad", signature<T>("T,T,T->T,T,T"))
      .prepare(prepare_grad<T>)
      .run(layer_norm_grad<T>)
      .finish(finish_grad<T>);
});

}  // namespace

// Reductions on the GPU: reduce_sum, reduce_mean, reduce_prod, reduce_max, reduce_min, reduce_any, reduce_all,
// reduce_like. The reduced elements of an output are cut into segments that follow from the shape alone; segments are
// combined in order, so that results do not depend on chance.
#include <limits>

#include "geometry.hpp"
#include "opwright/kernel.cuh"

using namespace opwright;

namespace {

// Integers are summed as unsigned ones, which wrap around as those of T would.
template <typename T>
using lane = std::conditional_t<is_float<T>, compute_t<T>, uint64_t>;
template <typename T>
using ordered = std::conditional_t<is_float<T>, compute_t<T>, int64_t>;

template <typename T>
struct Sum {
  using Lane = lane<T>;
  static Lane start() { return 0; }
  __device__ Lane operator()(Lane a, Lane b) const { return a + b; }
  __device__ static T result(Lane total, int64_t) { return static_cast<T>(total); }
};

// The mean of integers is their sum, divided and truncated.
template <typename T>
struct Mean : Sum<T> {
  using Lane = lane<T>;
  __device__ static T result(Lane total, int64_t n) {
    if constexpr (is_float<T>) return static_cast<T>(total / static_cast<Lane>(n));
    else return static_cast<T>(n == 0 ? 0 : static_cast<int64_t>(total) / n);
  }
};

template <typename T>
struct Prod : Sum<T> {
  using Lane = lane<T>;
  static Lane start() { return 1; }
  __device__ Lane operator()(Lane a, Lane b) const { return a * b; }
};

// nan wins, as in NumPy.
template <typename T>
struct Max {
  using Lane = ordered<T>;
  using Limits = std::numeric_limits<T>;
  static Lane start() {
    if constexpr (is_float<T>) return -std::numeric_limits<Lane>::infinity();
    else return Limits::lowest();
  }
  __device__ Lane operator()(Lane a, Lane b) const { return b > a || b != b ? b : a; }
  __device__ static T result(Lane total, int64_t) { return static_cast<T>(total); }
};

template <typename T>
struct Min : Max<T> {
  using Lane = ordered<T>;
  static Lane start() {
    if constexpr (is_float<T>) return std::numeric_limits<Lane>::infinity();
    else return std::numeric_limits<T>::max();
  }
  __device__ Lane operator()(Lane a, Lane b) const { return b < a || b != b ? b : a; }
};

struct Any {
  using Lane = int;
  static Lane start() { return 0; }
  __device__ Lane operator()(Lane a, Lane b) const { return a | b; }
  __device__ static bool result(Lane total, int64_t) { return total != 0; }
};

struct All : Any {
  static Lane start() { return 1; }
  __device__ Lane operator()(Lane a, Lane b) const { return a & b; }
};

struct Reduction {
  Strided kept, reduced;
  int64_t n_out, n_reduced, segment, n_segments;
  bool across;  // a thread per output and segment, else a block
};

// The value of segment u / n_out of output u % n_out, from where there is one segment, its result.
template <typename R, typename T>
__device__ void leave(const Reduction &p, int64_t u, typename R::Lane total, typename R::Lane *partial, T *y) {
  if (p.n_segments == 1) y[u] = R::result(total, p.n_reduced);
  else partial[u] = total;
}

template <typename R, typename T>
__global__ void reduce(const T *x, typename R::Lane *partial, T *y, typename R::Lane start, Reduction p) {
  const int64_t units = p.n_out * p.n_segments, threads = p.across ? 1 : kThreads;
  const int64_t mine = p.across ? 0 : threadIdx.x;
  const int64_t first = p.across ? first_index() : blockIdx.x, step = p.across ? all_threads() : gridDim.x;
  for (int64_t u = first; u < units; u += step) {
    const T *from = x + p.kept.offset(u % p.n_out);
    const int64_t begin = u / p.n_out * p.segment, rest = p.n_reduced - begin;
    const int64_t end = begin + (rest < p.segment ? rest : p.segment);
    typename R::Lane total = start;
    for (int64_t i = begin + mine; i < end; i += threads)
      total = R()(total, static_cast<typename R::Lane>(static_cast<compute_t<T>>(from[p.reduced.offset(i)])));
    if (!p.across) total = block_reduce(total, R());
    if (mine == 0) leave<R>(p, u, total, partial, y);
  }
}

template <typename R, typename T>
__global__ void combine(const typename R::Lane *partial, T *y, Reduction p) {
  for (int64_t i = first_index(); i < p.n_out; i += all_threads()) {
    typename R::Lane total = partial[i];
    for (int64_t s = 1; s < p.n_segments; ++s) total = R()(total, partial[s * p.n_out + i]);
    y[i] = R::result(total, p.n_reduced);
  }
}

template <typename R, typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  using Lane = typename R::Lane;
  const Reduction &p = *static_cast<const Reduction *>(call->state);
  const int64_t units = p.n_out * p.n_segments;
  Lane *partial = static_cast<Lane *>(call->scratch);
  T *y = data<T>(call->out[0]);
  const int64_t blocks = p.across ? blocks_for(units) : std::min(units, kMostBlocks);
  const int32_t status = launch(call, reduce<R, T>, blocks, data<const T>(call->in[0]), partial, y, R::start(), p);
  if (status != OW_OK || p.n_segments == 1) return status;
  return launch(call, combine<R, T>, blocks_for(p.n_out), partial, y, p);
}

Strided strided(const Dims &dims) {
  Strided s = {};
  s.n = static_cast<int32_t>(dims.size());
  for (size_t d = 0; d < dims.size(); ++d) s.size[d] = dims[d].size, s.stride[d] = dims[d].stride;
  return s;
}

// Neighbouring threads read neighbouring elements: along the reduced dimensions, or across the outputs. Segments are as
// many as keep a large GPU busy.
int32_t plan_reduction(ow_plan *plan, const Geometry &g, int64_t lane_bytes) {
  Reduction *p = state<Reduction>(plan);
  if (!p) return OW_NO_MEMORY;
  p->kept = strided(g.kept), p->reduced = strided(g.reduced);
  p->n_out = count(g.kept), p->n_reduced = count(g.reduced);
  const int64_t along = g.reduced.empty() ? 1 : std::llabs(g.reduced.back().stride);
  p->across = p->n_reduced < 32 || (!g.kept.empty() && p->n_out >= 32 && std::llabs(g.kept.back().stride) < along);
  const int64_t outputs = std::max<int64_t>(1, p->n_out), shortest = p->across ? 64 : 8 * kThreads;
  const int64_t wanted = std::max<int64_t>(1, (p->across ? 1 << 16 : 1 << 10) / outputs);
  p->n_segments = std::max<int64_t>(1, std::min((p->n_reduced + shortest - 1) / shortest, wanted));
  p->segment = (p->n_reduced + p->n_segments - 1) / p->n_segments;
  if (p->segment > 0) p->n_segments = std::max<int64_t>(1, (p->n_reduced + p->segment - 1) / p->segment);
  if (p->n_segments > 1) plan->scratch_bytes = static_cast<uint64_t>(p->n_segments * p->n_out * lane_bytes);
  return OW_OK;
}

template <typename R>
int32_t prepare_axes(ow_plan *plan) {
  const ow_tensor *x = plan->in[0];
  const Geometry g(x, [&](int32_t d) { return has_axis(plan->attr[0], d, x->ndim); });
  return plan_reduction(plan, g, sizeof(typename R::Lane));
}

// The dimensions in which the output is smaller than the input.
template <typename R>
int32_t prepare_like(ow_plan *plan) {
  const ow_tensor *x = plan->in[0], *y = plan->out[0];
  const int32_t missing = x->ndim - y->ndim;
  const Geometry g(x, [&](int32_t d) { return d < missing || y->shape[d - missing] != x->shape[d]; });
  return plan_reduction(plan, g, sizeof(typename R::Lane));
}

template <typename R, typename T>
void enter(const char *op, const char *pattern = "T->T", int32_t (*prepare)(ow_plan *) = prepare_axes<R>) {
  CudaKernel(op, signature<T>(pattern)).caps(OW_STRIDED).prepare(prepare).run(run<R, T>);
}

OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  enter<Sum<T>, T>("reduce_sum");
  enter<Sum<T>, T>("reduce_like", "T,*->T", prepare_like<Sum<T>>);
  enter<Mean<T>, T>("reduce_mean");
  enter<Prod<T>, T>("reduce_prod");
  enter<Max<T>, T>("reduce_max");
  enter<Min<T>, T>("reduce_min");
});

OW_REGISTER types<bool>::each([](auto zero) {
  using T = decltype(zero);
  enter<Any, T>("reduce_any");
  enter<All, T>("reduce_all");
});

}  // namespace

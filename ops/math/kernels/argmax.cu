// argmax, argmin on the GPU: a block searches an output's elements. A nan is larger (smaller) than all else.
#include "geometry.hpp"
#include "math_attributes.h"
#include "opwright/kernel.cuh"

using namespace opwright;

namespace {

struct Search {
  Strided kept;
  int64_t n, stride, n_out;
};

int32_t prepare(ow_plan *plan) {
  static_assert(ARGMAX_AXIS == 0 && ARGMIN_AXIS == 0, "one prepare serves both");
  const ow_tensor *x = plan->in[0];
  const ow_value &given = plan->attr[ARGMAX_AXIS];
  const int64_t counted = given.kind == OW_NONE ? 0 : given.v.i;
  const int32_t axis = static_cast<int32_t>(counted < 0 ? counted + x->ndim : counted);
  Search *s = state<Search>(plan);
  if (!s) return OW_NO_MEMORY;
  const Dims kept = Geometry(x, [axis](int32_t d) { return d == axis; }).kept;
  s->kept.n = static_cast<int32_t>(kept.size());
  for (size_t d = 0; d < kept.size(); ++d) s->kept.size[d] = kept[d].size, s->kept.stride[d] = kept[d].stride;
  s->n = x->shape[axis];
  s->stride = x->strides[axis];
  s->n_out = count(kept);
  return OW_OK;
}

template <typename C>
struct Found {
  C value;
  int64_t at;  // -1: nothing
};

// The better of two, of equals the first.
template <bool max, typename C>
struct Better {
  __device__ Found<C> operator()(Found<C> a, Found<C> b) const {
    if (a.at < 0 || b.at < 0) return a.at < 0 ? b : a;
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    const bool equal = a_nan || b_nan ? a_nan && b_nan : a.value == b.value;
    if (equal) return a.at < b.at ? a : b;
    if (a_nan || b_nan) return a_nan ? a : b;
    return (max ? b.value > a.value : b.value < a.value) ? b : a;
  }
};

template <bool max, typename T, typename I>
__global__ void search(const T *x, I *y, Search s) {
  using C = compute_t<T>;
  for (int64_t u = blockIdx.x; u < s.n_out; u += gridDim.x) {
    const T *from = x + s.kept.offset(u);
    Found<C> best = {C(0), -1};
    for (int64_t i = threadIdx.x; i < s.n; i += kThreads)
      best = Better<max, C>()(best, Found<C>{static_cast<C>(from[i * s.stride]), i});
    best = block_reduce(best, Better<max, C>());
    if (threadIdx.x == 0) y[u] = static_cast<I>(best.at);
  }
}

template <bool max, typename T, typename I>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const Search &s = *static_cast<const Search *>(call->state);
  return launch(call, search<max, T, I>, std::min(s.n_out, kMostBlocks), data<const T>(call->in[0]),
                data<I>(call->out[0]), s);
}

OW_REGISTER all_types::each([](auto element) {
  using T = decltype(element);
  indices::each([](auto index) {
    using I = decltype(index);
    const std::string types = signature<T, I>("T->U");
    CudaKernel("argmax", types).caps(OW_STRIDED).prepare(prepare).run(run<true, T, I>);
    CudaKernel("argmin", types).caps(OW_STRIDED).prepare(prepare).run(run<false, T, I>);
  });
});

}  // namespace

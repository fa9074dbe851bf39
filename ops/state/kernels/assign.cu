// assign, assign_add, assign_sub on the GPU, in place.
#include "opwright/kernel.cuh"

using namespace opwright;

namespace {

int32_t assign(const ow_call *call, int64_t, int64_t) {
  return copy(call, call->in[0]->data, call->in[1]->data, size(call->in[1]) * itemsize(call->in[1]));
}

// Integers wrap around, as NumPy's do.
template <typename T, bool add>
__global__ void accumulated(T *ref, const T *value, int64_t n) {
  using C = std::conditional_t<is_float<T>, compute_t<T>, uint64_t>;
  for (int64_t i = first_index(); i < n; i += all_threads()) {
    const C a = static_cast<C>(static_cast<compute_t<T>>(ref[i])),
            b = static_cast<C>(static_cast<compute_t<T>>(value[i]));
    ref[i] = static_cast<T>(add ? a + b : a - b);
  }
}

template <typename T, bool add>
int32_t accumulate(const ow_call *call, int64_t, int64_t) {
  const int64_t n = size(call->in[1]);
  return launch(call, accumulated<T, add>, blocks_for(n), data<T>(call->in[0]), data<const T>(call->in[1]), n);
}

OW_REGISTER CudaKernel("assign", "*,*->*").run(assign);
OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  CudaKernel("assign_add", signature<T>("T,T->T")).run(accumulate<T, true>);
  CudaKernel("assign_sub", signature<T>("T,T->T")).run(accumulate<T, false>);
});

}  // namespace

// add_n on the GPU: the sum of tensors of one shape, from the first to the last, a few at a time.
#include "opwright/kernel.cuh"

using namespace opwright;

namespace {

constexpr int kFew = 16;

template <typename T>
struct Terms {
  const T *x[kFew];
  int n;
};

template <typename T>
__global__ void add(Terms<T> terms, T *y, int64_t size) {
  using Sum = std::conditional_t<is_float<T>, compute_t<T>, uint64_t>;
  for (int64_t i = first_index(); i < size; i += all_threads()) {
    Sum sum = static_cast<Sum>(static_cast<compute_t<T>>(terms.x[0][i]));
    for (int k = 1; k < terms.n; ++k) sum += static_cast<Sum>(static_cast<compute_t<T>>(terms.x[k][i]));
    y[i] = static_cast<T>(sum);
  }
}

template <typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const int64_t n = size(call->out[0]);
  T *y = data<T>(call->out[0]);
  for (int32_t done = 0; done < call->n_in;) {
    Terms<T> terms = {};
    if (done > 0) terms.x[terms.n++] = y;
    while (terms.n < kFew && done < call->n_in) terms.x[terms.n++] = data<const T>(call->in[done++]);
    if (const int32_t status = launch(call, add<T>, blocks_for(n), terms, y, n)) return status;
  }
  return OW_OK;
}

OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  CudaKernel("add_n", signature<T>("T->T")).run(run<T>);
});

}  // namespace

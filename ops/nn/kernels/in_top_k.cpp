// in_top_k: whether fewer than k predictions exceed that of the target, so that ties count in its favour. As
// TensorFlow: false where the target is no class or a prediction is not finite.
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

int32_t prepare(ow_plan *plan) {
  const ow_tensor *predictions = plan->in[1];
  plan->bytes = static_cast<double>(size(predictions) * itemsize(predictions));
  divide(plan, predictions->shape[0], 5 + static_cast<double>(predictions->shape[1]) / 4);
  return OW_OK;
}

template <typename T>
bool in_top(const T *row, int64_t n, int64_t target, int64_t k) {
  using C = compute_t<T>;
  if (target < 0 || target >= n) return false;
  const C mine = static_cast<C>(row[target]);
  int64_t above = 0, odd = 0;
  for (int64_t i = 0; i < n; ++i) {
    const C x = static_cast<C>(row[i]);
    above += x > mine;
    odd += x - x != C(0);  // inf, nan
  }
  return odd == 0 && above < k;
}

template <typename T, typename I>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const Range rows(call, call->in[1]->shape[0], first, last);
  const int64_t n = call->in[1]->shape[1], k = static_cast<int64_t>(*data<const I>(call->in[2]));
  for (int64_t r = rows.begin; r < rows.end; ++r)
    data<bool>(call->out[0])[r] =
        in_top(data<const T>(call->in[1]) + r * n, n, static_cast<int64_t>(data<const I>(call->in[0])[r]), k);
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  indices::each([](auto index) {
    using I = decltype(index);
    Kernel("in_top_k", signature<T, I>("U,T,U->bool")).prepare(prepare).run(run<T, I>);
  });
});

}  // namespace

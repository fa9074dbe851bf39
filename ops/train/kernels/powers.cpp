// update_powers: each variable times its factor. Of Adam's beta1_power and beta2_power, after a step.
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

template <typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  using C = compute_t<T>;
  const int32_t n = call->n_in / 2;
  for (int32_t i = 0; i < n; ++i) {
    T &power = *data<T>(call->in[i]);
    power = static_cast<T>(static_cast<C>(power) * static_cast<C>(*data<T>(call->in[n + i])));
  }
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("update_powers", signature<T>("T,T->")).run(run<T>);
});

}  // namespace

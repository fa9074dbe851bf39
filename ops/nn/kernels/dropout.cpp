// dropout: x / (1 - rate) where a random number reaches the rate, else 0; and the mask, for the gradient.
#include "opwright/philox.hpp"

using namespace opwright;

namespace {

constexpr int64_t kGroup =
    4 * philox::kLanes;  // elements drawn at a time: word w, lane j goes to element w * kLanes + j

template <typename T>
int32_t prepare(ow_plan *plan) {
  const int64_t n = size(plan->in[0]);
  plan->flops = 20.0 * static_cast<double>(n);
  plan->bytes = (2 * sizeof(T) + 1) * static_cast<double>(n);
  divide(plan, (n + kGroup - 1) / kGroup, 40);
  return OW_OK;
}

template <typename T, typename R>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const R rate = *data<const R>(call->in[1]);
  if (!(rate >= R(0) && rate < R(1)))
    return OW_FAIL(call, OW_INVALID, "rate must lie in [0, 1), got %g", static_cast<double>(rate));
  const uint32_t limit = static_cast<uint32_t>(static_cast<double>(rate) * 4294967296.0);
  const C scale = C(1) / (C(1) - static_cast<C>(rate));
  const int64_t n = size(call->in[0]);
  const Range groups(call, (n + kGroup - 1) / kGroup, first, last);
  const philox::Key key(*call->rng);
  for (int64_t g = groups.begin; g < groups.end; ++g) {
    const philox::Lanes random(key, static_cast<uint64_t>(g) * philox::kLanes);
    const uint32_t *draw = random.word[0];
    const T *x = data<const T>(call->in[0]) + g * kGroup;
    T *y = data<T>(call->out[0]) + g * kGroup;
    bool *mask = data<bool>(call->out[1]) + g * kGroup;
    const int64_t here = n - g * kGroup < kGroup ? n - g * kGroup : kGroup;
    OW_IVDEP
    for (int64_t i = 0; i < here; ++i) {
      const bool keep = draw[i] >= limit;
      mask[i] = keep;
      y[i] = static_cast<T>(keep ? static_cast<C>(x[i]) * scale : C(0));
    }
  }
  return OW_OK;
}

template <typename T, typename R>
void grad(void *out, const void *const *in, int64_t n, const void *) {
  using C = compute_t<T>;
  T *dx = static_cast<T *>(out);
  const T *dy = static_cast<const T *>(in[0]);
  const bool *mask = static_cast<const bool *>(in[1]);
  const R *rate = static_cast<const R *>(in[2]);
  OW_IVDEP
  for (int64_t i = 0; i < n; ++i)
    dx[i] = static_cast<T>(mask[i] ? static_cast<C>(dy[i]) * (C(1) / (C(1) - static_cast<C>(rate[i]))) : C(0));
}

constexpr int8_t kOverX[] = {0, 0, -1};

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  wide_floats::each([](auto one) {
    using R = decltype(one);
    Kernel("dropout", signature<T, R>("T,U->T,bool")).prepare(prepare<T>).run(run<T, R>).inplace(kOverX);
    Kernel("dropout_grad", signature<T, R>("T,bool,U->T")).tile(grad<T, R>).scalar("x1 ? x0 / (1 - x2) : 0");
  });
});

}  // namespace

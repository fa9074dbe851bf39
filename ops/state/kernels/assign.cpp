// assign copies, assign_add and assign_sub accumulate, all in place; count_up_to counts.
#include "opwright/kernel.hpp"
#include "state_attributes.h"

using namespace opwright;

namespace {

int32_t prepare(ow_plan *plan) {
  const int64_t n = size(plan->in[1]);
  plan->bytes = 2.0 * static_cast<double>(n * itemsize(plan->in[1]));
  divide(plan, n, static_cast<double>(itemsize(plan->in[1])) / 5);
  return OW_OK;
}

int32_t copy(const ow_call *call, int64_t first, int64_t last) {
  const Range bytes(call, size(call->in[1]) * itemsize(call->in[1]), first, last);
  char *to = data<char>(call->in[0]);
  const char *from = data<char>(call->in[1]);
  if (bytes.end > bytes.begin && to != from)
    std::memcpy(to + bytes.begin, from + bytes.begin, static_cast<size_t>(bytes.end - bytes.begin));
  return OW_OK;
}

// Integers wrap around, as NumPy's do.
template <typename T, bool add>
inline T accumulated(T x, T y) {
  if constexpr (std::is_integral_v<T>) {
    const auto a = static_cast<uint64_t>(x), b = static_cast<uint64_t>(y);
    return static_cast<T>(add ? a + b : a - b);
  } else {
    const auto a = static_cast<compute_t<T>>(x), b = static_cast<compute_t<T>>(y);
    return static_cast<T>(add ? a + b : a - b);
  }
}

template <typename T, bool add>
int32_t accumulate(const ow_call *call, int64_t first, int64_t last) {
  const Range part(call, size(call->in[1]), first, last);
  T *ref = data<T>(call->in[0]);
  const T *value = data<T>(call->in[1]);
  OW_IVDEP
  for (int64_t i = part.begin; i < part.end; ++i) ref[i] = accumulated<T, add>(ref[i], value[i]);
  return OW_OK;
}

template <typename T>
int32_t count(const ow_call *call, int64_t, int64_t) {
  T *ref = data<T>(call->in[0]);
  const long long limit = static_cast<long long>(call->attr[COUNT_UP_TO_LIMIT].v.i);
  if (static_cast<long long>(*ref) >= limit)
    return OW_FAIL(call, OW_OUT_OF_RANGE, "ref must be below the limit of %lld, got %lld", limit,
                   static_cast<long long>(*ref));
  *data<T>(call->out[0]) = (*ref)++;
  return OW_OK;
}

OW_REGISTER Kernel("assign", "*,*->*").prepare(prepare).run(copy);
OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  Kernel("assign_add", signature<T>("T,T->T")).prepare(prepare).run(accumulate<T, true>);
  Kernel("assign_sub", signature<T>("T,T->T")).prepare(prepare).run(accumulate<T, false>);
});
OW_REGISTER indices::each([](auto zero) {
  using T = decltype(zero);
  Kernel("count_up_to", signature<T>("T->T")).run(count<T>);
});

}  // namespace

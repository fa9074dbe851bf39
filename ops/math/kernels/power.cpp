// Powers, roots, lengths.
#include "opwright/vecmath.hpp"
#include "wrapping.hpp"

using namespace opwright;

OW_UNARY(square, numbers, "x0 * x0", wrapping::multiply(x, x))
OW_UNARY(sqrt, floats, "sqrt(x0)", std::sqrt(x))
OW_UNARY(rsqrt, floats, "1 / sqrt(x0)", 1 / std::sqrt(x))
OW_UNARY(cbrt, floats, "cbrt(x0)", std::cbrt(x))
OW_BINARY(pow, floats, "pow(x0, x1)", opwright::pow(x, y))
OW_BINARY(hypot, floats, "hypot(x0, x1)", std::hypot(x, y))

namespace {

// x^y by squaring, y >= 0.
template <typename T>
inline T integer_power(T x, T y) {
  T result = 1;
  for (; y; y = static_cast<T>(y >> 1)) {
    if (y & 1) result = wrapping::multiply(result, x);
    x = wrapping::multiply(x, x);
  }
  return result;
}

// The distance in a tensor between elements whose indices in the output differ by 1 in dimension d; 0 where broadcast.
inline int64_t step_of(const ow_tensor *t, const ow_tensor *out, int32_t d) {
  const int32_t own = d - (out->ndim - t->ndim);
  return own < 0 || t->shape[own] == 1 ? 0 : t->strides[own];
}
inline int64_t offset_of(const ow_tensor *t, const ow_tensor *out, int64_t flat) {
  int64_t offset = 0;
  for (int32_t d = out->ndim - 1; d >= 0; --d) {
    offset += flat % out->shape[d] * step_of(t, out, d);
    flat /= out->shape[d];
  }
  return offset;
}

int32_t prepare(ow_plan *plan) {
  const int64_t n = size(plan->out[0]);
  plan->flops = 10.0 * static_cast<double>(n);
  divide(plan, n, 10);
  return OW_OK;
}

// No tile function: those cannot refuse negative exponents.
template <typename T>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const ow_tensor *x = call->in[0], *y = call->in[1], *z = call->out[0];
  const Range range(call, size(z), first, last);
  for (int64_t i = range.begin; i < range.end; ++i) {
    const T exponent = data<T>(y)[offset_of(y, z, i)];
    if (exponent < 0)
      return OW_FAIL(call, OW_INVALID, "integers must have exponents of at least 0, got %lld; cast to a float dtype",
                     static_cast<long long>(exponent));
    data<T>(z)[i] = integer_power(data<T>(x)[offset_of(x, z, i)], exponent);
  }
  return OW_OK;
}

OW_REGISTER ints::each([](auto zero) {
  using T = decltype(zero);
  Kernel("pow", signature<T>("T,T->T")).caps(OW_STRIDED).prepare(prepare).run(run<T>);
});

}  // namespace

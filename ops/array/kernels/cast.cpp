// cast: every dtype to every other. Floats to integers truncate and saturate; nan becomes 0.
// saturate_cast: values beyond the new dtype's range become its limits. bitcast: the bytes as they are.
#include <algorithm>
#include <limits>

#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

template <typename From, typename To>
inline To convert(From x) {
  using F = compute_t<From>;
  const F value = static_cast<F>(x);
  if constexpr (std::is_same_v<To, bool>) {
    return value != F(0);
  } else if constexpr (std::is_integral_v<To> && is_float<From>) {
    // The limits as doubles: the largest integers are not floats.
    const double wide = static_cast<double>(value);
    constexpr double low = static_cast<double>(std::numeric_limits<To>::min());
    constexpr double high = static_cast<double>(std::numeric_limits<To>::max());
    return wide != wide   ? To(0)
           : wide <= low  ? std::numeric_limits<To>::min()
           : wide >= high ? std::numeric_limits<To>::max()
                          : static_cast<To>(wide);
  } else {
    return static_cast<To>(static_cast<compute_t<To>>(value));
  }
}

template <typename From, typename To>
void tile(void *out, const void *const *in, int64_t n, const void *) {
  To *y = static_cast<To *>(out);
  const From *x = static_cast<const From *>(in[0]);
  // A narrower result written over a wider source is fine from front to back; the planner never lets a wider one.
  for (int64_t i = 0; i < n; ++i) y[i] = convert<From, To>(x[i]);
}

// convert as an expression. An integer type's smallest value has no literal.
template <typename From, typename To>
const char *expression() {
  if constexpr (std::is_same_v<To, bool>) return "x0 != 0";
  else if constexpr (!std::is_integral_v<To> || !is_float<From>) return "x0";
  else if constexpr (sizeof(To) == 8)
    return "x0 != x0 ? 0 : x0 <= -9223372036854775808.0 ? -9223372036854775807LL - 1 : "
           "x0 >= 9223372036854775807.0 ? 9223372036854775807LL : (long long)x0";
  else {
    const std::string low = std::to_string(std::numeric_limits<To>::min() + 1);
    const std::string high = std::to_string(std::numeric_limits<To>::max());
    return (new std::string("x0 != x0 ? 0 : x0 <= " + low + ".0 - 1 ? " + low + " - 1 : x0 >= " + high + ".0 ? " +
                            high + " : (int)x0"))
        ->c_str();
  }
}

OW_REGISTER all_types::each([](auto from) {
  using From = decltype(from);
  all_types::each([](auto to) {
    using To = decltype(to);
    Kernel("cast", signature<From, To>("T->U")).tile(tile<From, To>).scalar(expression<From, To>());
  });
});

// The largest finite value.
template <typename T>
constexpr double largest = static_cast<double>(std::numeric_limits<T>::max());
template <>
constexpr double largest<half> = 65504;
template <>
constexpr double largest<bfloat16> = 3.3895313892515355e38;  // (2 - 2^-7) 2^127

template <typename From, typename To>
inline To saturate(From x) {
  if constexpr (is_float<To>) {
    const double value = static_cast<double>(static_cast<compute_t<From>>(x));
    if constexpr (sizeof(From) > sizeof(To) || std::is_same_v<To, half>) {
      if (value == value) return convert<double, To>(std::min(std::max(value, -largest<To>), largest<To>));
    }
    return convert<From, To>(x);
  } else if constexpr (is_float<From>) {
    return convert<From, To>(x);
  } else {
    constexpr int64_t low = std::numeric_limits<To>::min(), high = std::numeric_limits<To>::max();
    return static_cast<To>(std::min(std::max(static_cast<int64_t>(x), low), high));
  }
}

template <typename From, typename To>
void saturate_tile(void *out, const void *const *in, int64_t n, const void *) {
  To *y = static_cast<To *>(out);
  const From *x = static_cast<const From *>(in[0]);
  for (int64_t i = 0; i < n; ++i) y[i] = saturate<From, To>(x[i]);
}

OW_REGISTER numbers::each([](auto from) {
  using From = decltype(from);
  numbers::each([](auto to) {
    using To = decltype(to);
    Kernel("saturate_cast", signature<From, To>("T->U")).tile(saturate_tile<From, To>);
  });
});

int32_t prepare_bits(ow_plan *plan) {
  const int64_t n = size(plan->in[0]) * itemsize(plan->in[0]);
  plan->bytes = 2.0 * static_cast<double>(n);
  divide(plan, n, 0.1);
  return OW_OK;
}

int32_t copy_bits(const ow_call *call, int64_t first, int64_t last) {
  const Range bytes(call, size(call->in[0]) * itemsize(call->in[0]), first, last);
  if (bytes.end > bytes.begin)
    std::memcpy(data<char>(call->out[0]) + bytes.begin, data<char>(call->in[0]) + bytes.begin,
                static_cast<size_t>(bytes.end - bytes.begin));
  return OW_OK;
}

OW_REGISTER Kernel("bitcast", "*->*").prepare(prepare_bits).run(copy_bits);

}  // namespace

// Sums, differences, products, extremes, and what else takes two numbers. Integers wrap around.
#include "opwright/kernel.hpp"
#include "wrapping.hpp"

using namespace opwright;

OW_BINARY(add, numbers, "x0 + x1", wrapping::add(x, y))
OW_BINARY(subtract, numbers, "x0 - x1", wrapping::subtract(x, y))
OW_BINARY(multiply, numbers, "x0 * x1", wrapping::multiply(x, y))
OW_BINARY(squared_difference, numbers, "(x0 - x1) * (x0 - x1)",
          wrapping::multiply(wrapping::subtract(x, y), wrapping::subtract(x, y)))

// nan wherever one operand is nan.
OW_BINARY(maximum, numbers, "(x0 >= x1 || x0 != x0) ? x0 : x1", x >= y || x != x ? x : y)
OW_BINARY(minimum, numbers, "(x0 <= x1 || x0 != x0) ? x0 : x1", x <= y || x != x ? x : y)
// nan only where both are.
OW_BINARY(fmax, numbers, "(x0 >= x1 || x1 != x1) ? x0 : x1", x >= y || y != y ? x : y)
OW_BINARY(fmin, numbers, "(x0 <= x1 || x1 != x1) ? x0 : x1", x <= y || y != y ? x : y)

OW_BINARY(copysign, floats, "copysign(x0, x1)", std::copysign(x, y))
OW_BINARY(heaviside, floats, "x0 != x0 ? x0 : x0 == 0 ? x1 : x0 > 0", x != x ? x : x == 0 ? y : static_cast<C>(x > 0))

namespace {

template <typename C>
inline int exponent_of(C e) {  // beyond +-5000 every result is 0 or infinite
  return static_cast<int>(e < -5000 ? -5000 : e > 5000 ? 5000 : e);
}

struct Ldexp {
  template <typename C, typename I>
  C operator()(C x, I e) const {
    return std::ldexp(x, exponent_of(e));
  }
};

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  indices::each([](auto exponent) {
    using I = decltype(exponent);
    Kernel("ldexp", signature<T, I>("T,U->T")).tile(tile_of<Ldexp, T, T, I>).scalar("ldexp(x0, (int)x1)");
  });
});

// Euclid's algorithm, on absolute values.
template <typename T>
inline wrapping::unsigned_t<T> common_divisor(T x, T y) {
  wrapping::unsigned_t<T> a = wrapping::magnitude(x), b = wrapping::magnitude(y);
  while (b) {
    const wrapping::unsigned_t<T> rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}
template <typename T>
inline T common_multiple(T x, T y) {
  const wrapping::unsigned_t<T> divisor = common_divisor(x, y);
  return divisor ? static_cast<T>(wrapping::magnitude(x) / divisor * wrapping::magnitude(y)) : T(0);
}

}  // namespace

// Loops, so they have no expression for generated code.
OW_BINARY(gcd, ints, nullptr, static_cast<C>(common_divisor(x, y)))
OW_BINARY(lcm, ints, nullptr, common_multiple(x, y))

namespace {

template <typename T>
constexpr int64_t kInfinity = 0;  // the bits of +infinity
template <>
constexpr int64_t kInfinity<float> = 0x7f800000;
template <>
constexpr int64_t kInfinity<double> = 0x7ff0000000000000;
template <>
constexpr int64_t kInfinity<half> = 0x7c00;
template <>
constexpr int64_t kInfinity<bfloat16> = 0x7f80;

template <size_t bytes>
struct Bits {
  using type = uint64_t;
};
template <>
struct Bits<4> {
  using type = uint32_t;
};
template <>
struct Bits<2> {
  using type = uint16_t;
};

// Numbered by their bits, floats are in order: the next one towards y is the next number. On bits, because denormals
// count as 0 in arithmetic while a step runs.
template <typename T>
T next_after(T x, T y) {
  using U = typename Bits<sizeof(T)>::type;
  constexpr U kSign = static_cast<U>(U(1) << (8 * sizeof(T) - 1));
  const U bx = bit_cast<U>(x), by = bit_cast<U>(y);
  const int64_t mx = static_cast<int64_t>(bx & static_cast<U>(~kSign)),
                my = static_cast<int64_t>(by & static_cast<U>(~kSign));
  if (mx > kInfinity<T>) return x;
  if (my > kInfinity<T>) return y;
  const int64_t from = bx & kSign ? -mx : mx, to = by & kSign ? -my : my;
  if (from == to) return y;
  const int64_t next = from < to ? from + 1 : from - 1;
  const bool negative = next < 0 || (next == 0 && (bx & kSign));
  return bit_cast<T>(static_cast<U>(static_cast<U>(next < 0 ? -next : next) | (negative ? kSign : U(0))));
}

template <typename T>
void next_after_tile(void *out, const void *const *in, int64_t n, const void *) {
  T *z = static_cast<T *>(out);
  const T *x = static_cast<const T *>(in[0]), *y = static_cast<const T *>(in[1]);
  for (int64_t i = 0; i < n; ++i) z[i] = next_after(x[i], y[i]);
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("nextafter", signature<T>("T,T->T"))
      .tile(next_after_tile<T>)
      .scalar(sizeof(T) >= 4 ? "nextafter(x0, x1)" : nullptr);
});

}  // namespace

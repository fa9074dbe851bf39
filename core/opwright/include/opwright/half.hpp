// opwright/half.hpp: the 16-bit floats. Needs no other header where CUDA compiles at run time.
#pragma once
#ifdef __CUDACC_RTC__
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
#else
#include <stdint.h>
#include <string.h>
#endif

// Marks functions that CUDA kernels call as well.
#ifdef __CUDACC__
#define OW_DEVICE __host__ __device__
#else
#define OW_DEVICE
#endif

namespace opwright {

template <typename To, typename From>
OW_DEVICE inline To bit_cast(const From &from) {
  static_assert(sizeof(To) == sizeof(From), "bit_cast needs types of one size");
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

// IEEE binary16. Arithmetic is float32's; every store rounds to nearest even.
struct half {
  uint16_t bits;
  half() = default;
  OW_DEVICE half(float f) : bits(from_float(f)) {}
  OW_DEVICE operator float() const { return to_float(bits); }

  OW_DEVICE static float to_float(uint16_t h) {
    const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16, rest = h & 0x7fffu;
    if (rest >= 0x7c00u) return bit_cast<float>(sign | 0x7f800000u | ((rest & 0x3ffu) << 13));  // inf, nan
    if (rest >= 0x0400u) return bit_cast<float>(sign | ((rest + 0x1c000u) << 13));              // normal
    const float tiny = static_cast<float>(rest) * 5.9604644775390625e-8f;  // subnormal: rest * 2^-24
    return sign ? -tiny : tiny;
  }
  OW_DEVICE static uint16_t from_float(float f) {
    const uint32_t x = bit_cast<uint32_t>(f), sign = (x >> 16) & 0x8000u, abs = x & 0x7fffffffu;
    if (abs > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
    if (abs >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 65536 and up
    if (abs < 0x38800000u) {                                               // subnormal: a sum that rounds to 2^-24
      const float shifted = bit_cast<float>(abs) + 0.5f;
      return static_cast<uint16_t>(sign | (bit_cast<uint32_t>(shifted) - 0x3f000000u));
    }
    const uint32_t rounded = abs - 0x38000000u + 0xfffu + ((abs >> 13) & 1u);
    return static_cast<uint16_t>(sign | (rounded >> 13));
  }
};

// The upper half of a float32, rounded to nearest even.
struct bfloat16 {
  uint16_t bits;
  bfloat16() = default;
  OW_DEVICE bfloat16(float f) {
    const uint32_t x = bit_cast<uint32_t>(f);
    if ((x & 0x7fffffffu) > 0x7f800000u) bits = static_cast<uint16_t>((x >> 16) | 0x40u);  // nan stays nan
    else bits = static_cast<uint16_t>((x + 0x7fffu + ((x >> 16) & 1u)) >> 16);
  }
  OW_DEVICE operator float() const { return bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

}  // namespace opwright

// opwright/philox.hpp: counter-based random numbers, Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC11). No state: a block of four 32-bit words is a function of (seed, stream, run,
// block), so an element's number is the same however the work is cut, and in whatever order it is done.
//
//   key     = low words of (seed, stream)
//   counter = (block, run), 64 bits each; what seed and stream have above 32 bits is mixed into the upper word of run
//
// Element i of a tensor takes word i % 4 of block i / 4 (64-bit elements: words 2 (i % 2), 2 (i % 2) + 1 of block i /
// 2). Samplers that reject numbers give each element a counter space of its own: block + attempt * 2^40.
#pragma once
#include <cmath>

#include "opwright/vecmath.hpp"

namespace opwright {
namespace philox {

constexpr int kLanes = 16;  // blocks made at a time: one AVX-512 register for each of their words
constexpr uint64_t kAttempt = uint64_t{1} << 40;

struct Key {
  uint32_t k0, k1, run_low, run_high;
  Key() = default;
  Key(uint64_t seed, uint64_t stream, uint64_t run)
      : k0(static_cast<uint32_t>(seed)),
        k1(static_cast<uint32_t>(stream)),
        run_low(static_cast<uint32_t>(run)),
        run_high(static_cast<uint32_t>(run >> 32) ^ mix(seed >> 32, stream >> 32)) {}
  explicit Key(const ow_rng &rng) : Key(rng.seed, rng.stream, rng.run) {}

 private:
  // 0 if both are: seeds of 32 bits leave Philox as published.
  static uint32_t mix(uint64_t a, uint64_t b) {
    return static_cast<uint32_t>((a * 0x9e3779b97f4a7c15u + b * 0xc2b2ae3d27d4eb4fu) >> 32);
  }
};

// Ten rounds on one block; branch-free, so that a loop over blocks becomes vector code.
OW_DEVICE inline void rounds(uint32_t k0, uint32_t k1, uint32_t &c0, uint32_t &c1, uint32_t &c2, uint32_t &c3) {
  const auto round = [&] {
    const uint64_t p0 = uint64_t{0xD2511F53} * c0, p1 = uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  };
  round(), round(), round(), round(), round(), round(), round(), round(), round(), round();
}

struct Block {
  uint32_t word[4];
};

// One block, for what cannot be done in lanes.
OW_DEVICE inline Block block(const Key &key, uint64_t number) {
  Block b{{static_cast<uint32_t>(number), static_cast<uint32_t>(number >> 32), key.run_low, key.run_high}};
  rounds(key.k0, key.k1, b.word[0], b.word[1], b.word[2], b.word[3]);
  return b;
}

// kLanes consecutive blocks: word w of block first + j is in word[w][j].
struct Lanes {
  alignas(64) uint32_t word[4][kLanes];

  Lanes(const Key &key, uint64_t first) {
    uint32_t *w0 = word[0], *w1 = word[1], *w2 = word[2], *w3 = word[3];
    const uint32_t low = static_cast<uint32_t>(first), high = static_cast<uint32_t>(first >> 32);
    OW_IVDEP
    for (int j = 0; j < kLanes; ++j) {
      const uint32_t at = low + static_cast<uint32_t>(j);
      uint32_t c0 = at, c1 = high + (at < low ? 1u : 0u), c2 = key.run_low, c3 = key.run_high;
      rounds(key.k0, key.k1, c0, c1, c2, c3);
      w0[j] = c0, w1[j] = c1, w2[j] = c2, w3[j] = c3;
    }
  }
};

// ---- uniform -----------------------------------------------------------------------------------------------------

// [0, 1) as TensorFlow makes it: random mantissa bits under the exponent of [1, 2), minus 1. T says how many bits; the
// value is exact in T.
template <typename T>
OW_DEVICE inline float uniform(uint32_t x) {
  if constexpr (std::is_same_v<T, half>) return static_cast<float>(x & 0x3ffu) * 0.0009765625f;
  else if constexpr (std::is_same_v<T, bfloat16>) return static_cast<float>(x & 0x7fu) * 0.0078125f;
  else return bit_cast<float>((x & 0x7fffffu) | 0x3f800000u) - 1.0f;
}
OW_DEVICE inline double uniform(uint32_t x0, uint32_t x1) {
  return bit_cast<double>((uint64_t{x0 & 0xfffffu} << 32 | x1) | 0x3ff0000000000000u) - 1.0;
}

// ---- normal ------------------------------------------------------------------------------------------------------
// Box and Muller: r = sqrt(-2 ln u), u in (0, 1]; the pair (r sin t, r cos t). The angle t comes as a fraction of a
// turn, so that it is brought into [-pi/4, pi/4) by integer arithmetic, without error.

// sin and cos of t = 2 pi x / 2^32, with the polynomials of Cephes' sinf and cosf (S. Moshier).
OW_DEVICE inline void sincos_turn(uint32_t x, float &s, float &c) {
  const uint32_t quadrant = (x + 0x20000000u) >> 30;
  const float a = static_cast<float>(static_cast<int32_t>(x - (quadrant << 30))) * 1.4629180792671596e-9f;
  const float z = a * a;
  const float sine = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * a + a;
  const float cosine =
      ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
  const float first = quadrant & 1u ? cosine : sine, second = quadrant & 1u ? sine : cosine;
  s = quadrant & 2u ? -first : first;
  c = (quadrant + 1u) & 2u ? -second : second;
}

// The same for t = 2 pi x / 2^64, with those of Cephes' sin and cos.
OW_DEVICE inline void sincos_turn(uint64_t x, double &s, double &c) {
  const uint64_t quadrant = (x + 0x2000000000000000u) >> 62;
  const double a = static_cast<double>(static_cast<int64_t>(x - (quadrant << 62))) * 3.406121580086556e-19;
  const double z = a * a;
  double p = 1.58962301576546568060e-10;
  p = p * z - 2.50507477628578072866e-8;
  p = p * z + 2.75573136213857245213e-6;
  p = p * z - 1.98412698295895385996e-4;
  p = p * z + 8.33333333332211858878e-3;
  p = p * z - 1.66666666666666307295e-1;
  double q = -1.13585365213876817300e-11;
  q = q * z + 2.08757008419747316778e-9;
  q = q * z - 2.75573141792967388112e-7;
  q = q * z + 2.48015872888517045348e-5;
  q = q * z - 1.38888888888730564116e-3;
  q = q * z + 4.16666666666665929218e-2;
  const double sine = p * z * a + a, cosine = q * z * z - 0.5 * z + 1.0;
  const double first = quadrant & 1u ? cosine : sine, second = quadrant & 1u ? sine : cosine;
  s = quadrant & 2u ? -first : first;
  c = (quadrant + 1u) & 2u ? -second : second;
}

// u = (n + 1/2) 2^-31, n the upper 31 bits of x0: |z| goes up to 6.7.
OW_DEVICE inline void normal_pair(uint32_t x0, uint32_t x1, float &a, float &b) {
  const float u = static_cast<float>(static_cast<int32_t>(x0 >> 1)) * 4.656612873077393e-10f + 2.3283064365386963e-10f;
  const float r = std::sqrt(-2.0f * log(u));
  float s, c;
  sincos_turn(x1, s, c);
  a = r * s;
  b = r * c;
}

// u = (n + 1) 2^-53, n the upper 53 bits of x0 x1: |z| goes up to 8.6.
OW_DEVICE inline void normal_pair(uint32_t x0, uint32_t x1, uint32_t x2, uint32_t x3, double &a, double &b) {
  const uint64_t bits = (uint64_t{x0} << 32 | x1) >> 11;
  const double u = (static_cast<double>(static_cast<int64_t>(bits)) + 1.0) * 1.1102230246251565e-16;
  const double r = std::sqrt(-2.0 * std::log(u));
  double s, c;
  sincos_turn(uint64_t{x2} << 32 | x3, s, c);
  a = r * s;
  b = r * c;
}

// ---- distributions -----------------------------------------------------------------------------------------------

template <typename T>
constexpr int kPerBlock = sizeof(compute_t<T>) == 8 ? 2 : 4;  // elements
template <typename T>
constexpr int kGroup = kLanes * kPerBlock<T>;

// lanes(key, number, out) makes the elements of kLanes blocks from block `number` on, in the type that T is computed
// in; one(key, block, number, slot) a single element of one block.
template <typename T>
struct Uniform {
  OW_DEVICE static compute_t<T> one(const Key &, const Block &x, uint64_t, int slot) {
    if constexpr (kPerBlock<T> == 2) return uniform(x.word[2 * slot], x.word[2 * slot + 1]);
    else return uniform<T>(x.word[slot]);
  }
  static void lanes(const Key &key, uint64_t first, compute_t<T> *out) {
    const Lanes x(key, first);
    for (int j = 0; j < kLanes; ++j) {
      if constexpr (kPerBlock<T> == 2) {
        out[2 * j] = uniform(x.word[0][j], x.word[1][j]);
        out[2 * j + 1] = uniform(x.word[2][j], x.word[3][j]);
      } else {
        out[4 * j] = uniform<T>(x.word[0][j]);
        out[4 * j + 1] = uniform<T>(x.word[1][j]);
        out[4 * j + 2] = uniform<T>(x.word[2][j]);
        out[4 * j + 3] = uniform<T>(x.word[3][j]);
      }
    }
  }
};

template <typename T>
struct Normal {
  using C = compute_t<T>;
  static void lanes(const Key &key, uint64_t first, C *out) {
    const Lanes x(key, first);
    for (int j = 0; j < kLanes; ++j) {
      if constexpr (kPerBlock<T> == 2) {
        normal_pair(x.word[0][j], x.word[1][j], x.word[2][j], x.word[3][j], out[2 * j], out[2 * j + 1]);
      } else {
        normal_pair(x.word[0][j], x.word[1][j], out[4 * j], out[4 * j + 1]);
        normal_pair(x.word[2][j], x.word[3][j], out[4 * j + 2], out[4 * j + 3]);
      }
    }
  }
  OW_DEVICE static C one(const Key &, const Block &x, uint64_t, int slot) {
    C a, b;
    if constexpr (kPerBlock<T> == 2) normal_pair(x.word[0], x.word[1], x.word[2], x.word[3], a, b);
    else normal_pair(x.word[slot & 2], x.word[(slot & 2) + 1], a, b);
    return slot & 1 ? b : a;
  }
};

// The normal distribution between -2 and 2: what lies outside is drawn again, from the same block of the next attempt.
template <typename T>
struct TruncatedNormal {
  using C = compute_t<T>;
  // What rounds to 2 in a 16-bit type does not lie inside either.
  static constexpr C kLimit = std::is_same_v<T, half>       ? C(2) - C(0.00048828125)
                              : std::is_same_v<T, bfloat16> ? C(2) - C(0.00390625)
                                                            : C(2);
  OW_DEVICE static bool outside(C z) { return !(std::fabs(z) < kLimit); }
  static void lanes(const Key &key, uint64_t first, C *out) {
    Normal<T>::lanes(key, first, out);
    int left = 0;
    for (int i = 0; i < kGroup<T>; ++i) left += outside(out[i]);
    if (left > 2) {  // of 64 elements 3 are, and a vector of second attempts costs no more than 3 calls
      alignas(64) C second[kGroup<T>];
      Normal<T>::lanes(key, first + kAttempt, second);
      left = 0;
      for (int i = 0; i < kGroup<T>; ++i) {
        out[i] = outside(out[i]) ? second[i] : out[i];
        left += outside(out[i]);
      }
    }
    for (int i = 0; left > 0; ++i) {
      if (!outside(out[i])) continue;
      out[i] = again(key, first + static_cast<uint64_t>(i / kPerBlock<T>), i % kPerBlock<T>);
      --left;
    }
  }
  OW_DEVICE static C again(const Key &key, uint64_t number, int slot) {
    C z;
    do {
      number += kAttempt;
      z = Normal<T>::one(key, block(key, number), number, slot);
    } while (outside(z));
    return z;
  }
  OW_DEVICE static C one(const Key &key, const Block &x, uint64_t number, int slot) {
    const C z = Normal<T>::one(key, x, number, slot);
    return outside(z) ? again(key, number, slot) : z;
  }
};

// Elements [first, first + n) of a tensor of that distribution: fill<Uniform>(key, out, first, n).
template <template <typename> class Distribution, typename T>
inline void fill(const Key &key, T *out, int64_t first, int64_t n) {
  using C = compute_t<T>;
  alignas(64) C buffer[kGroup<T>];
  const int64_t last = first + n;
  for (int64_t group = first / kGroup<T>; group * kGroup<T> < last; ++group) {
    const int64_t begin = group * kGroup<T>;
    const int64_t from = begin < first ? first - begin : 0, to = last - begin < kGroup<T> ? last - begin : kGroup<T>;
    const uint64_t number = static_cast<uint64_t>(group) * kLanes;
    if constexpr (std::is_same_v<T, C>) {
      if (from == 0 && to == kGroup<T>) {
        Distribution<T>::lanes(key, number, out + (begin - first));
        continue;
      }
    }
    Distribution<T>::lanes(key, number, buffer);
    for (int64_t i = from; i < to; ++i) out[begin - first + i] = static_cast<T>(buffer[i]);
  }
}

}  // namespace philox
}  // namespace opwright

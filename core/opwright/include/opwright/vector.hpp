// opwright/vector.hpp: vectors as wide as the processor level's registers, in GCC's and Clang's vector extensions.
#pragma once
#include <utility>

#include "opwright/kernel.hpp"

namespace opwright {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kVectorRegisters = 32;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32, kVectorRegisters = 16;
#elif defined(__aarch64__)
constexpr int kVectorBytes = 16, kVectorRegisters = 32;
#else
constexpr int kVectorBytes = 16, kVectorRegisters = 16;
#endif

template <typename T>
struct vector_type {
  typedef T type __attribute__((vector_size(kVectorBytes)));
};
template <typename T>
using Vector = typename vector_type<T>::type;
template <typename T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

// Loads and stores of any alignment, through references: vectors by value would make an ABI of the processor level.
template <typename T>
inline void load(Vector<T> &v, const T *from) {
  std::memcpy(&v, from, sizeof v);
}
template <typename T>
inline void store(T *to, const Vector<T> &v) {
  std::memcpy(to, &v, sizeof v);
}

// Loads with conversion, from 16-bit floats.
template <typename C, typename T>
inline void load_as(Vector<C> &v, const T *from) {
  if constexpr (std::is_same_v<C, T>) {
    load(v, from);
  } else {
    C lanes[kLanes<C>];
    for (int i = 0; i < kLanes<C>; ++i) lanes[i] = static_cast<C>(from[i]);
    load(v, lanes);
  }
}

// One stage of a transpose by exchanges of blocks of S lanes (S a power of two): lanes of a with bit S set change
// places with lanes of b without it.
template <int S, typename V, size_t... I>
inline void exchange(V &a, V &b, std::index_sequence<I...>) {
  constexpr int n = static_cast<int>(sizeof...(I));
  const V low =
      __builtin_shufflevector(a, b, (static_cast<int>(I) & S ? n + static_cast<int>(I) - S : static_cast<int>(I))...);
  const V high =
      __builtin_shufflevector(a, b, (static_cast<int>(I) & S ? n + static_cast<int>(I) : static_cast<int>(I) + S)...);
  a = low;
  b = high;
}

template <int S, typename T>
inline void exchange_all(Vector<T> *rows) {
  if constexpr (S > 0) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i)
      if (!(i & S)) exchange<S>(rows[i], rows[i + S], std::make_index_sequence<static_cast<size_t>(kLanes<T>)>());
    exchange_all<S / 2, T>(rows);
  }
}

// to[j * to_row + i] = from[i * from_row + j] for a block of kLanes<C> rows and columns.
template <typename C, typename T>
inline void transpose_block(C *to, int64_t to_row, const T *from, int64_t from_row) {
  Vector<C> rows[kLanes<C>];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<C>; ++i) load_as<C>(rows[i], from + i * from_row);
  exchange_all<kLanes<C> / 2, C>(rows);
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<C>; ++i) store(to + i * to_row, rows[i]);
}

}  // namespace opwright

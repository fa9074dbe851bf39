// Copies between two strided layouts of one shape, the loop under concat, slices, pad and tile.
#pragma once
#include "opwright/kernel.hpp"

namespace opwright {

// An index space with a step for each of two operands, in elements; neighbouring dimensions that step alike are one.
class Copy {
 public:
  static constexpr int32_t kMaxDims = 25;

  Copy() = default;
  Copy(const int64_t *shape, const int64_t *from, const int64_t *to, int32_t n, int64_t itemsize) : item_(itemsize) {
    for (int32_t d = 0; d < n; ++d) {
      size_ *= shape[d];
      if (shape[d] == 1) continue;
      if (n_ > 0 && from_[n_ - 1] == from[d] * shape[d] && to_[n_ - 1] == to[d] * shape[d]) {
        shape_[n_ - 1] *= shape[d];
        from_[n_ - 1] = from[d];
        to_[n_ - 1] = to[d];
      } else {
        shape_[n_] = shape[d];
        from_[n_] = from[d];
        to_[n_++] = to[d];
      }
    }
    if (n_ == 0) {
      shape_[0] = from_[0] = to_[0] = 1;
      n_ = 1;
    }
  }

  int64_t size() const { return size_; }

  // Whether both operands lie in one piece, in order.
  bool is_dense() const { return n_ == 1 && from_[0] == 1 && to_[0] == 1; }

  // Elements [begin, end) of the index space in row-major order.
  void run(char *to, const char *from, int64_t begin, int64_t end) const {
    if (begin >= end) return;
    int64_t at[kMaxDims], rest = begin;
    for (int32_t d = n_ - 1; d >= 0; --d) {
      at[d] = rest % shape_[d];
      rest /= shape_[d];
      from += at[d] * from_[d] * item_;
      to += at[d] * to_[d] * item_;
    }
    while (true) {
      const int64_t left = shape_[n_ - 1] - at[n_ - 1], n = left < end - begin ? left : end - begin;
      row(to, from, n);
      begin += n;
      if (begin >= end) return;
      from -= at[n_ - 1] * from_[n_ - 1] * item_;
      to -= at[n_ - 1] * to_[n_ - 1] * item_;
      at[n_ - 1] = 0;
      for (int32_t d = n_ - 2; d >= 0; --d) {
        from += from_[d] * item_;
        to += to_[d] * item_;
        if (++at[d] < shape_[d]) break;
        from -= at[d] * from_[d] * item_;
        to -= at[d] * to_[d] * item_;
        at[d] = 0;
      }
    }
  }

 private:
  void row(char *to, const char *from, int64_t n) const {
    const int64_t s = from_[n_ - 1], t = to_[n_ - 1];
    if (s == 1 && t == 1) std::memcpy(to, from, static_cast<size_t>(n * item_));
    else if (item_ == 4) loop<uint32_t>(to, t, from, s, n);
    else if (item_ == 8) loop<uint64_t>(to, t, from, s, n);
    else if (item_ == 2) loop<uint16_t>(to, t, from, s, n);
    else loop<uint8_t>(to, t, from, s, n);
  }

  template <typename T>
  static void loop(char *to, int64_t t, const char *from, int64_t s, int64_t n) {
    T *y = reinterpret_cast<T *>(to);
    const T *x = reinterpret_cast<const T *>(from);
    if (t == 1 && s == 0) {
      const T value = *x;
      for (int64_t i = 0; i < n; ++i) y[i] = value;
      return;
    }
    OW_IVDEP
    for (int64_t i = 0; i < n; ++i) y[i * t] = x[i * s];
  }

  int64_t shape_[kMaxDims], from_[kMaxDims], to_[kMaxDims];
  int64_t size_ = 1, item_ = 1;
  int32_t n_ = 0;
};

// Calls f with a zero of the unsigned integer of that many bytes: kernels that only move elements need no other types.
template <typename F>
inline int32_t by_size(int64_t itemsize, F f) {
  if (itemsize == 4) return f(uint32_t{});
  if (itemsize == 8) return f(uint64_t{});
  if (itemsize == 2) return f(uint16_t{});
  return f(uint8_t{});
}

// Integer `i` of an int32 or int64 tensor.
inline int64_t integer(const ow_tensor *t, int64_t i) {
  if (t->ndim == 1) i *= t->strides[0];
  return t->dtype.bits == 64 ? data<int64_t>(t)[i] : data<int32_t>(t)[i];
}

}  // namespace opwright

// depthwise.hpp: convolutions whose filters read one channel each, `times` filters a channel. There is nothing to share
// between filters, so pixels are summed tap after tap, all channels at once.
#pragma once
#include "gather.hpp"

namespace opwright {

// f(o, c, n): filters [o, o + n) read channel c.
template <typename F>
inline void each_channel(int64_t channels, int64_t times, F f) {
  for (int64_t c = 0; c < channels; ++c) f(c * times, c, times);
}

// y[o] = sum over taps of x[tap, o / times] w[tap, o], for a pixel.
template <typename C, typename T>
inline void depthwise_pixel(const Source<T> &x, const Pixel &p, const std::vector<Tap> &taps, const T *w, int64_t co,
                            C *y) {
  const int64_t ci = x.all, times = co / ci;
  std::fill_n(y, co, C(0));
  for (const Tap &tap : taps) {
    const T *from = x.see(p, tap, 1), *by = w + tap.matrix * co;
    if (!from) continue;
    if (times == 1)
      for (int64_t c = 0; c < co; ++c) y[c] += static_cast<C>(from[c]) * static_cast<C>(by[c]);
    else
      each_channel(ci, times, [&](int64_t o, int64_t c, int64_t n) {
        for (int64_t k = o; k < o + n; ++k) y[k] += static_cast<C>(from[c]) * static_cast<C>(by[k]);
      });
  }
}

// dx[o / times] = sum over taps and o of dy[tap, o] w[tap, o], for a pixel.
template <typename C, typename T>
inline void depthwise_pixel_back(const Source<T> &dy, const Pixel &p, const std::vector<Tap> &taps, const T *w,
                                 int64_t ci, C *dx) {
  const int64_t co = dy.all, times = co / ci;
  std::fill_n(dx, ci, C(0));
  for (const Tap &tap : taps) {
    const T *from = dy.see(p, tap, 1), *by = w + tap.matrix * co;
    if (!from) continue;
    if (times == 1)
      for (int64_t c = 0; c < ci; ++c) dx[c] += static_cast<C>(from[c]) * static_cast<C>(by[c]);
    else
      each_channel(ci, times, [&](int64_t o, int64_t c, int64_t n) {
        for (int64_t k = o; k < o + n; ++k) dx[c] += static_cast<C>(from[k]) * static_cast<C>(by[k]);
      });
  }
}

// dw[tap, o] += x[tap, o / times] dy[o], for a pixel.
template <typename C, typename T>
inline void depthwise_pixel_filter(const Source<T> &x, const Pixel &p, const std::vector<Tap> &taps, const T *dy,
                                   int64_t co, C *dw) {
  const int64_t ci = x.all, times = co / ci;
  for (const Tap &tap : taps) {
    const T *from = x.see(p, tap, 1);
    C *to = dw + tap.matrix * co;
    if (!from) continue;
    if (times == 1)
      for (int64_t c = 0; c < co; ++c) to[c] += static_cast<C>(from[c]) * static_cast<C>(dy[c]);
    else
      each_channel(ci, times, [&](int64_t o, int64_t c, int64_t n) {
        for (int64_t k = o; k < o + n; ++k) to[k] += static_cast<C>(from[c]) * static_cast<C>(dy[k]);
      });
  }
}

}  // namespace opwright

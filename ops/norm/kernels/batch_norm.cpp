// channel_moments: mean and variance of each channel. channel_sums: Σ dy and Σ dy (x - mean).
//
// Moments are taken of small pieces, in two passes each, and combined by Chan, Golub and LeVeque's formula: means far
// from 0 and outliers cost no digits.
#include "channels.hpp"
#include "norm_attributes.h"

using namespace opwright;

namespace {

// The moments of two sets together: a is the mean, b the sum of squared deviations. n counts the first set.
inline void combine(Pair &all, double n, double mean, double squares, double more) {
  const double delta = mean - all.a;
  all.a += delta * more / (n + more);
  all.b += squares + delta * delta * n * more / (n + more);
}

template <typename T>
Pair moments_along(const T *x, int64_t n) {
  using C = compute_t<T>;
  Pair all{0, 0};
  for (int64_t at = 0; at < n; at += kPiece) {
    const int64_t more = std::min(kPiece, n - at);
    const double mean =
        sum_of<C>(more, [&](int64_t i) { return static_cast<C>(x[at + i]); }) / static_cast<double>(more);
    const C center = static_cast<C>(mean);
    const double squares = sum_of<C>(more, [&](int64_t i) {
      const C d = static_cast<C>(x[at + i]) - center;
      return d * d;
    });
    combine(all, static_cast<double>(at), mean, squares, static_cast<double>(more));
  }
  return all;
}

template <typename T>
void moments_across(const T *x, int64_t stride, int64_t rows, int64_t n, Pair *all) {
  using C = compute_t<T>;
  alignas(64) C mean[kTile], squares[kTile];
  for (int64_t at = 0; at < rows; at += kRows) {
    const int64_t more = std::min(kRows, rows - at);
    const T *from = x + at * stride;
    std::fill_n(mean, n, C(0));
    std::fill_n(squares, n, C(0));
    for (int64_t r = 0; r < more; ++r)
      for (int64_t c = 0; c < n; ++c) mean[c] += static_cast<C>(from[r * stride + c]);
    for (int64_t c = 0; c < n; ++c) mean[c] /= static_cast<C>(more);
    for (int64_t r = 0; r < more; ++r)
      for (int64_t c = 0; c < n; ++c) {
        const C d = static_cast<C>(from[r * stride + c]) - mean[c];
        squares[c] += d * d;
      }
    for (int64_t c = 0; c < n; ++c)
      combine(all[c], static_cast<double>(at), static_cast<double>(mean[c]), static_cast<double>(squares[c]),
              static_cast<double>(more));
  }
}

template <typename T>
int32_t moments(const ow_call *call, int64_t first, int64_t last) {
  const T *x = data<const T>(call->in[0]);
  const int64_t stride = static_cast<const Channels *>(call->state)->channels;
  return each_block(
      call, first, last, [&](int64_t at, int64_t n) { return moments_along(x + at, n); },
      [&](int64_t at, int64_t rows, int64_t n, Pair *pairs) { moments_across(x + at, stride, rows, n, pairs); });
}

template <typename U>
int32_t finish_moments(const ow_call *call) {
  const Channels &p = *static_cast<const Channels *>(call->state);
  const Pair *pairs = static_cast<const Pair *>(call->scratch);
  U *mean = data<U>(call->out[0]), *variance = data<U>(call->out[1]);
  const bool none = p.elements() == 0;
  for (int64_t c = 0; c < p.channels; ++c) {
    Pair all{none ? static_cast<double>(NAN) : 0, 0};
    double n = 0;
    for (int64_t b = 0; b < p.blocks; ++b) {
      const double more = static_cast<double>(p.count(b));
      if (more > 0) combine(all, n, pairs[b * p.channels + c].a, pairs[b * p.channels + c].b, more);
      n += more;
    }
    mean[c] = static_cast<U>(all.a);
    variance[c] = static_cast<U>(all.b / n);
  }
  return OW_OK;
}

template <typename T, typename U>
int32_t sums(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Channels &p = *static_cast<const Channels *>(call->state);
  const T *dy = data<const T>(call->in[0]), *x = data<const T>(call->in[1]);
  const U *means = data<const U>(call->in[2]);
  const auto along = [&](int64_t at, int64_t n) {
    const C mean = static_cast<C>(means[n ? at / n % p.channels : 0]);
    const T *slope = dy + at, *from = x + at;
    return Pair{sum_of<C>(n, [&](int64_t i) { return static_cast<C>(slope[i]); }),
                sum_of<C>(n, [&](int64_t i) { return static_cast<C>(slope[i]) * (static_cast<C>(from[i]) - mean); })};
  };
  const auto across = [&](int64_t at, int64_t rows, int64_t n, Pair *pairs) {
    alignas(64) C mean[kTile], sum[kTile], product[kTile];
    for (int64_t c = 0; c < n; ++c) mean[c] = static_cast<C>(means[at % p.channels + c]);
    for (int64_t done = 0; done < rows; done += kRows) {
      std::fill_n(sum, n, C(0));
      std::fill_n(product, n, C(0));
      for (int64_t r = done; r < std::min(rows, done + kRows); ++r) {
        const T *slope = dy + at + r * p.channels, *from = x + at + r * p.channels;
        for (int64_t c = 0; c < n; ++c) {
          const C s = static_cast<C>(slope[c]);
          sum[c] += s;
          product[c] += s * (static_cast<C>(from[c]) - mean[c]);
        }
      }
      for (int64_t c = 0; c < n; ++c)
        pairs[c].a += static_cast<double>(sum[c]), pairs[c].b += static_cast<double>(product[c]);
    }
  };
  return each_block(call, first, last, along, across);
}

template <typename U>
int32_t finish_sums(const ow_call *call) {
  const Channels &p = *static_cast<const Channels *>(call->state);
  const Pair *pairs = static_cast<const Pair *>(call->scratch);
  U *sum = data<U>(call->out[0]), *product = data<U>(call->out[1]);
  for (int64_t c = 0; c < p.channels; ++c) {
    Pair all{0, 0};
    for (int64_t b = 0; b < p.blocks; ++b) all.a += pairs[b * p.channels + c].a, all.b += pairs[b * p.channels + c].b;
    sum[c] = static_cast<U>(all.a);
    product[c] = static_cast<U>(all.b);
  }
  return OW_OK;
}

int32_t prepare_moments(ow_plan *plan) {
  return prepare_channels(plan, plan->in[0], plan->attr[CHANNEL_MOMENTS_CHANNELS_FIRST].v.i);
}
int32_t prepare_sums(ow_plan *plan) {
  return prepare_channels(plan, plan->in[1], plan->attr[CHANNEL_SUMS_CHANNELS_FIRST].v.i);
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  using U = compute_t<T>;
  Kernel("channel_moments", signature<T, U>("T->U,U"))
      .prepare(prepare_moments)
      .run(moments<T>)
      .finish(finish_moments<U>);
  Kernel("channel_sums", signature<T, U>("T,T,U->U,U")).prepare(prepare_sums).run(sums<T, U>).finish(finish_sums<U>);
});

}  // namespace

// lrn: x / (bias + alpha Σ x²)^beta over windows of channels, its gradient, and the sums themselves.
#include <algorithm>

#include "norm_attributes.h"
#include "opwright/vecmath.hpp"

using namespace opwright;

namespace {

// A row of n channels, with zeros for the neighbours of its ends. Buffers hold whole vectors.
struct Channels {
  int64_t rows, n, radius;
  int64_t whole() const { return (n + 15) / 16 * 16; }
  int64_t length() const { return whole() + (2 * radius + 15) / 16 * 16; }  // with neighbours
};

template <typename T>
int32_t prepare(ow_plan *plan, int64_t radius) {
  const ow_tensor *x = plan->in[0];
  const int64_t n = x->shape[x->ndim - 1];
  const Channels *p =
      state<Channels>(plan, extent(x, 0, x->ndim - 1), n, std::min(radius, std::max<int64_t>(0, n - 1)));
  if (!p) return OW_NO_MEMORY;
  plan->flops = 12.0 * static_cast<double>(size(x));
  plan->bytes = static_cast<double>((plan->n_in + 1) * size(x) * itemsize(x));
  plan->worker_scratch_bytes = static_cast<uint64_t>(3 * p->length()) * sizeof(compute_t<T>);
  divide(plan, p->rows, 10 + 1.5 * static_cast<double>(p->length()));
  return OW_OK;
}

// sums[i] = x[i] + ... + x[i + 2 radius]: 2 radius + 1 is a sum of powers of two, and x becomes the sums of 1, 2, 4 ...
template <typename C>
void window_sums(const Channels &p, C *x, C *sums) {
  const int64_t width = 2 * p.radius + 1, n = p.whole(), length = p.length();
  std::fill_n(sums, n, C(0));
  for (int64_t power = 1, done = 0; done < width; power *= 2) {
    if (width & power) {
      OW_IVDEP
      for (int64_t i = 0; i < n; ++i) sums[i] += x[i + done];
      done += power;
    }
    for (int64_t i = 0; i < length - power; ++i) x[i] += x[i + power];
  }
}

// A row of f(i), i in [0, n), between zeros.
template <typename C, typename F>
void bordered(const Channels &p, C *x, F f) {
  std::fill_n(x, p.length(), C(0));
  for (int64_t i = 0; i < p.n; ++i) x[p.radius + i] = f(i);
}

// Calls f(power), where power(x) is x^-beta.
template <typename C, typename F>
void with_power(double beta, F f) {
  const C b = static_cast<C>(beta);
  if (beta == 0.5) {
    f([](C x) { return 1 / std::sqrt(x); });
  } else if (beta == 0.75) {
    f([](C x) {
      const C root = 1 / std::sqrt(x);
      return root * std::sqrt(root);
    });
  } else if (beta == 1) {
    f([](C x) { return 1 / x; });
  } else if constexpr (std::is_same_v<C, float>) {
    f([b](C x) { return opwright::exp(-b * opwright::log(x)); });
  } else {
    f([b](C x) { return opwright::pow(x, -b); });
  }
}

template <typename T>
int32_t lrn(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Channels &p = *static_cast<const Channels *>(call->state);
  const C bias = static_cast<C>(call->attr[LRN_BIAS].v.f), alpha = static_cast<C>(call->attr[LRN_ALPHA].v.f);
  const Range rows(call, p.rows, first, last);
  C *squares = static_cast<C *>(call->worker_scratch), *sums = squares + p.length();
  with_power<C>(call->attr[LRN_BETA].v.f, [&](auto power) {
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const T *x = data<const T>(call->in[0]) + row * p.n;
      T *y = data<T>(call->out[0]) + row * p.n;
      bordered(p, squares, [&](int64_t i) { return static_cast<C>(x[i]) * static_cast<C>(x[i]); });
      window_sums(p, squares, sums);
      OW_IVDEP
      for (int64_t i = 0; i < p.n; ++i) y[i] = static_cast<T>(static_cast<C>(x[i]) * power(bias + alpha * sums[i]));
    }
  });
  return OW_OK;
}

template <typename T>
int32_t lrn_grad(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Channels &p = *static_cast<const Channels *>(call->state);
  const C bias = static_cast<C>(call->attr[LRN_GRAD_BIAS].v.f), alpha = static_cast<C>(call->attr[LRN_GRAD_ALPHA].v.f);
  const C slope = static_cast<C>(2 * call->attr[LRN_GRAD_ALPHA].v.f * call->attr[LRN_GRAD_BETA].v.f);
  const Range rows(call, p.rows, first, last);
  C *wide = static_cast<C *>(call->worker_scratch), *sums = wide + p.length(), *scales = sums + p.length();
  with_power<C>(call->attr[LRN_GRAD_BETA].v.f, [&](auto power) {
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const T *dy = data<const T>(call->in[0]) + row * p.n, *x = data<const T>(call->in[1]) + row * p.n;
      T *dx = data<T>(call->out[0]) + row * p.n;
      bordered(p, wide, [&](int64_t i) { return static_cast<C>(x[i]) * static_cast<C>(x[i]); });
      window_sums(p, wide, sums);
      OW_IVDEP
      for (int64_t i = 0; i < p.n; ++i) {
        sums[i] = bias + alpha * sums[i];
        scales[i] = power(sums[i]);
      }
      bordered(p, wide, [&](int64_t i) { return static_cast<C>(dy[i]) * static_cast<C>(x[i]) * scales[i] / sums[i]; });
      window_sums(p, wide, sums);
      OW_IVDEP
      for (int64_t i = 0; i < p.n; ++i)
        dx[i] = static_cast<T>(static_cast<C>(dy[i]) * scales[i] - slope * static_cast<C>(x[i]) * sums[i]);
    }
  });
  return OW_OK;
}

template <typename T>
int32_t window_sum(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Channels &p = *static_cast<const Channels *>(call->state);
  const Range rows(call, p.rows, first, last);
  C *wide = static_cast<C *>(call->worker_scratch), *sums = wide + p.length();
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const T *x = data<const T>(call->in[0]) + row * p.n;
    T *y = data<T>(call->out[0]) + row * p.n;
    bordered(p, wide, [&](int64_t i) { return static_cast<C>(x[i]); });
    window_sums(p, wide, sums);
    for (int64_t i = 0; i < p.n; ++i) y[i] = static_cast<T>(sums[i]);
  }
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("lrn", signature<T>("T->T"))
      .prepare([](ow_plan *plan) { return prepare<T>(plan, plan->attr[LRN_DEPTH_RADIUS].v.i); })
      .run(lrn<T>);
  Kernel("lrn_grad", signature<T>("T,T->T"))
      .prepare([](ow_plan *plan) { return prepare<T>(plan, plan->attr[LRN_GRAD_DEPTH_RADIUS].v.i); })
      .run(lrn_grad<T>);
  Kernel("window_sum", signature<T>("T->T"))
      .prepare([](ow_plan *plan) { return prepare<T>(plan, plan->attr[WINDOW_SUM_RADIUS].v.i); })
      .run(window_sum<T>);
});

}  // namespace

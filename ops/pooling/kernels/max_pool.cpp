// max_pool: the largest element of each window; nan counts as largest. The gradient goes to the first of equal
// elements.
#include "windows.hpp"

using namespace opwright;

namespace {

template <typename C>
constexpr C kLowest =
    std::numeric_limits<C>::has_infinity ? -std::numeric_limits<C>::infinity() : std::numeric_limits<C>::lowest();

template <typename T>
int32_t max_pool(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const T *x = data<const T>(call->in[0]);
  T *y = data<T>(call->out[0]);
  return each_output_tile(call, first, last, [&](const Pool &p, const Tile &t) {
    alignas(64) C best[kTile];
    std::fill_n(best, t.size(), kLowest<C>);
    taps_of_tile(p, t, [&](int64_t at, int64_t from, int64_t runs) {
      each_pair(p, t, at, from, runs, [&](int64_t j, int64_t i) {
        const C v = static_cast<C>(x[i]);
        best[j] = (v > best[j]) | (v != v) ? v : best[j];
      });
    });
    store(p, t, best, y);
  });
}

template <typename T>
int32_t max_pool_with_argmax(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const T *x = data<const T>(call->in[0]);
  T *y = data<T>(call->out[0]);
  int64_t *argmax = data<int64_t>(call->out[1]);
  const bool batch = call->attr[MAX_POOL_WITH_ARGMAX_INCLUDE_BATCH_IN_INDEX].v.i;
  return each_output_tile(call, first, last, [&](const Pool &p, const Tile &t) {
    alignas(64) C best[kTile];
    alignas(64) int64_t where[kTile];
    std::fill_n(best, t.size(), kLowest<C>);
    std::fill_n(where, t.size(), int64_t{-1});
    taps_of_tile(p, t, [&](int64_t at, int64_t from, int64_t runs) {
      each_pair(p, t, at, from, runs, [&](int64_t j, int64_t i) {
        const C v = static_cast<C>(x[i]);
        const bool more = (v > best[j]) | ((v != v) & (best[j] == best[j])) | (where[j] < 0);
        best[j] = more ? v : best[j];
        where[j] = more ? i : where[j];
      });
    });
    // An image's own elements are counted from its first; with channels first, an image has shape[1] outer indices.
    if (!batch) {
      const int64_t images = call->in[0]->shape[0], image = images ? size(call->in[0]) / images : 1;
      for (int64_t j = 0; j < t.size(); ++j) where[j] %= image;
    }
    store(p, t, best, y);
    store(p, t, where, argmax);
  });
}

// Whether element v is a maximum of its window, whose largest element is y.
template <typename C>
inline bool is_largest(C v, C y) {
  return (v == y) | (v != v);
}

template <typename T>
int32_t max_pool_grad(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const T *x = data<const T>(call->in[0]);
  return each_tile_of_sums<T>(call, first, last, [&](const Pool &p, const Tile &t, C *sums, int64_t base) {
    alignas(64) C y[kTile], rest[kTile];  // rest: the gradient, until it has found its element
    load(p, t, data<const T>(call->in[1]), y);
    load(p, t, data<const T>(call->in[2]), rest);
    taps_of_tile(p, t, [&](int64_t at, int64_t from, int64_t runs) {
      each_pair(p, t, at, from, runs, [&](int64_t j, int64_t i) {
        const bool found = is_largest(static_cast<C>(x[i]), y[j]);
        sums[i - base] += found ? rest[j] : C(0);
        rest[j] = found ? C(0) : rest[j];
      });
    });
  });
}

template <typename T>
int32_t max_pool_grad_grad(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const T *x = data<const T>(call->in[0]), *ddx = data<const T>(call->in[2]);
  T *out = data<T>(call->out[0]);
  return each_output_tile(call, first, last, [&](const Pool &p, const Tile &t) {
    alignas(64) C y[kTile], picked[kTile];
    alignas(64) C open[kTile];  // 1 until the maximum has been met
    load(p, t, data<const T>(call->in[1]), y);
    std::fill_n(picked, t.size(), C(0));
    std::fill_n(open, t.size(), C(1));
    taps_of_tile(p, t, [&](int64_t at, int64_t from, int64_t runs) {
      each_pair(p, t, at, from, runs, [&](int64_t j, int64_t i) {
        const bool found = is_largest(static_cast<C>(x[i]), y[j]) & (open[j] != C(0));
        picked[j] = found ? static_cast<C>(ddx[i]) : picked[j];
        open[j] = found ? C(0) : open[j];
      });
    });
    store(p, t, picked, out);
  });
}

OW_REGISTER numbers::each([](auto zero) {
  using T = decltype(zero);
  Kernel("max_pool", signature<T>("T->T")).caps(OW_POST).prepare(prepare_outputs).run(max_pool<T>);
});

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("max_pool_with_argmax", signature<T>("T->T,int64")).prepare(prepare_outputs).run(max_pool_with_argmax<T>);
  Kernel("max_pool_grad", signature<T>("T,T,T->T"))
      .prepare([](ow_plan *plan) { return prepare_sums<T>(plan, 2); })
      .run(max_pool_grad<T>);
  Kernel("max_pool_grad_grad", signature<T>("T,T,T->T")).prepare(prepare_outputs).run(max_pool_grad_grad<T>);
});

}  // namespace

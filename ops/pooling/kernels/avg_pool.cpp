// avg_pool: the mean of the elements of each window that lie inside the input, and its gradient.
#include "windows.hpp"

using namespace opwright;

namespace {

// Divides each element of the tile by how many elements its window has.
template <typename C>
void divide_by_counts(const Pool &p, const Tile &t, C *tile) {
  const int64_t plane = p.d.count(t.d) * p.h.count(t.h);
  for (int64_t r = 0; r < t.n; ++r) {
    const C count = static_cast<C>(plane * p.w.count(t.w + r));
    for (int64_t i = 0; i < t.width; ++i) tile[r * t.width + i] /= count;
  }
}

template <typename T>
int32_t avg_pool(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const T *x = data<const T>(call->in[0]);
  T *y = data<T>(call->out[0]);
  return each_output_tile(call, first, last, [&](const Pool &p, const Tile &t) {
    alignas(64) C sum[kTile];
    std::fill_n(sum, t.size(), C(0));
    taps_of_tile(p, t, [&](int64_t at, int64_t from, int64_t runs) {
      each_pair(p, t, at, from, runs, [&](int64_t j, int64_t i) { sum[j] += static_cast<C>(x[i]); });
    });
    divide_by_counts(p, t, sum);
    store(p, t, sum, y);
  });
}

template <typename T>
int32_t avg_pool_grad(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  return each_tile_of_sums<T>(call, first, last, [&](const Pool &p, const Tile &t, C *sums, int64_t base) {
    alignas(64) C share[kTile];
    load(p, t, data<const T>(call->in[1]), share);
    divide_by_counts(p, t, share);
    taps_of_tile(p, t, [&](int64_t at, int64_t from, int64_t runs) {
      each_pair(p, t, at, from, runs, [&](int64_t j, int64_t i) { sums[i - base] += share[j]; });
    });
  });
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("avg_pool", signature<T>("T->T")).caps(OW_POST).prepare(prepare_outputs).run(avg_pool<T>);
  Kernel("avg_pool_grad", signature<T>("int32,T->T"))
      .prepare([](ow_plan *plan) { return prepare_sums<T>(plan, 1); })
      .run(avg_pool_grad<T>);
});

}  // namespace

// matrix_diag, matrix_set_diag, matrix_band_part: matrices of m rows and n columns, one after another.
#include <algorithm>

#include "array_attributes.h"
#include "strided.hpp"

using namespace opwright;

namespace {

constexpr int8_t kInPlace[] = {0, 0, -1};

struct Matrices {
  int64_t count, rows, cols;
  explicit Matrices(const ow_tensor *t)
      : count(extent(t, 0, t->ndim - 2)), rows(t->shape[t->ndim - 2]), cols(t->shape[t->ndim - 1]) {}
  int64_t length(int64_t k) const {
    return std::max<int64_t>(0, std::min(rows + std::min<int64_t>(k, 0), cols - std::max<int64_t>(k, 0)));
  }
  int64_t start(int64_t k) const { return k < 0 ? -k * cols : k; }
};

int32_t prepare(ow_plan *plan) {
  const Matrices m(plan->out[0]);
  plan->bytes = 2.0 * static_cast<double>(size(plan->out[0]) * itemsize(plan->out[0]));
  divide(plan, m.count, static_cast<double>(m.rows * m.cols * itemsize(plan->out[0])) / 5);
  return OW_OK;
}

template <typename T>
void set_diagonal(T *matrix, const T *diagonal, const Matrices &m, int64_t k) {
  for (int64_t i = 0, n = m.length(k), at = m.start(k); i < n; ++i, at += m.cols + 1) matrix[at] = diagonal[i];
}

template <typename T>
int32_t diag(const ow_call *call, int64_t first, int64_t last) {
  const Matrices m(call->out[0]);
  const int64_t k = call->attr[MATRIX_DIAG_K].v.i, n = m.length(k), each = m.rows * m.cols;
  const T padding = static_cast<T>(static_cast<compute_t<T>>(call->attr[MATRIX_DIAG_PADDING_VALUE].v.f));
  const Range range(call, m.count, first, last);
  for (int64_t b = range.begin; b < range.end; ++b) {
    T *y = data<T>(call->out[0]) + b * each;
    std::fill(y, y + each, padding);
    set_diagonal(y, data<T>(call->in[0]) + b * n, m, k);
  }
  return OW_OK;
}

int32_t set_diag(const ow_call *call, int64_t first, int64_t last) {
  return by_size(itemsize(call->out[0]), [=](auto zero) {
    using T = decltype(zero);
    const Matrices m(call->out[0]);
    const int64_t k = call->attr[MATRIX_SET_DIAG_K].v.i, n = m.length(k), each = m.rows * m.cols;
    const Range range(call, m.count, first, last);
    for (int64_t b = range.begin; b < range.end; ++b) {
      const T *x = data<T>(call->in[0]) + b * each;
      T *y = data<T>(call->out[0]) + b * each;
      if (x != y && each) std::memcpy(y, x, static_cast<size_t>(each) * sizeof(T));
      set_diagonal(y, data<T>(call->in[1]) + b * n, m, k);
    }
    return int32_t{OW_OK};
  });
}

// Row i keeps columns [i - lower, i + upper]; a negative number keeps all on that side.
int32_t band(const ow_call *call, int64_t first, int64_t last) {
  return by_size(itemsize(call->out[0]), [=](auto zero) {
    using T = decltype(zero);
    const Matrices m(call->out[0]);
    const int64_t lower = call->attr[MATRIX_BAND_PART_NUM_LOWER].v.i,
                  upper = call->attr[MATRIX_BAND_PART_NUM_UPPER].v.i;
    const Range range(call, m.count, first, last);
    for (int64_t r = range.begin * m.rows; r < range.end * m.rows; ++r) {
      const int64_t i = r % m.rows;
      const int64_t begin = lower < 0 ? 0 : std::min(std::max<int64_t>(i - lower, 0), m.cols);
      const int64_t end = std::max(begin, upper < 0 ? m.cols : std::min(i + upper + 1, m.cols));
      const T *x = data<T>(call->in[0]) + r * m.cols;
      T *y = data<T>(call->out[0]) + r * m.cols;
      std::fill(y, y + begin, T{});
      if (x != y && end > begin) std::memcpy(y + begin, x + begin, static_cast<size_t>(end - begin) * sizeof(T));
      std::fill(y + end, y + m.cols, T{});
    }
    return int32_t{OW_OK};
  });
}

OW_REGISTER all_types::each([](auto zero) {
  using T = decltype(zero);
  Kernel("matrix_diag", signature<T>("T->T")).prepare(prepare).run(diag<T>);
});
OW_REGISTER Kernel("matrix_set_diag", "*,*->*").inplace(kInPlace).prepare(prepare).run(set_diag);
OW_REGISTER Kernel("matrix_band_part", "*->*").inplace(kInPlace).prepare(prepare).run(band);

}  // namespace

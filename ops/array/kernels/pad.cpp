// pad_v2: a border of one value. mirror_pad: of the tensor's own elements; mirror_pad_grad adds them up again.
#include <algorithm>

#include "array_attributes.h"
#include "strided.hpp"

using namespace opwright;

namespace {

// The padded dimensions; those after the last padded one are a block that moves as a whole.
struct Border {
  int32_t n = 0;                             // dimensions up to the last padded one, at least one
  int64_t inner[13], outer[13], before[13];  // sizes without and with padding
  int64_t block = 1, rows = 1;               // rows: the product of the padded sizes but the last
  Border(const ow_tensor *small, const ow_tensor *pads) {
    int32_t last = small->ndim;
    while (last > 1 && integer(pads, 2 * (last - 1)) == 0 && integer(pads, 2 * (last - 1) + 1) == 0) --last;
    for (int32_t d = last; d < small->ndim; ++d) block *= small->shape[d];
    for (int32_t d = 0; d < last; ++d) {
      inner[d] = small->shape[d];
      before[d] = integer(pads, 2 * d);
      outer[d] = inner[d] + before[d] + integer(pads, 2 * d + 1);
      if (d + 1 < last) rows *= outer[d];
    }
    n = last;
    if (n == 0) inner[n] = outer[n] = 1, before[n] = 0, n = 1;
  }
  int32_t last() const { return n - 1; }
};

int32_t prepare(ow_plan *plan) {
  const ow_tensor *out = plan->out[0];
  plan->bytes = 2.0 * static_cast<double>(size(out) * itemsize(out));
  divide(plan, out->ndim ? out->shape[0] : 1,
         plan->bytes / 10 / static_cast<double>(out->ndim && out->shape[0] ? out->shape[0] : 1));
  return OW_OK;
}

// Calls f(row, offset of its source in blocks or -1) for the rows that belong to [first, last) of dimension 0.
template <typename Map, typename F>
void each_row(const Border &b, const Range &range, Map map, F f) {
  const int64_t per = b.n > 1 ? b.rows / std::max<int64_t>(b.outer[0], 1) : 1;
  const int64_t begin = b.n > 1 ? range.begin * per : 0, end = b.n > 1 ? range.end * per : 1;
  for (int64_t r = begin; r < end; ++r) {
    int64_t rest = r, source = 0, step = b.inner[b.last()];
    for (int32_t d = b.last() - 1; d >= 0; --d) {
      const int64_t at = map(rest % b.outer[d] - b.before[d], b.inner[d]);
      rest /= b.outer[d];
      source = at < 0 || source < 0 ? -1 : source + at * step;
      step *= b.inner[d];
    }
    f(r, source);
  }
}

int32_t pad(const ow_call *call, int64_t first, int64_t last) {
  const ow_tensor *in = call->in[0], *out = call->out[0];
  const Border b(in, call->in[1]);
  const Range range(call, out->ndim ? out->shape[0] : 1, first, last);
  if (b.n == 1 && range.begin > 0) return OW_OK;  // one row: the first chunk's
  return by_size(itemsize(out), [&](auto zero) {
    using T = decltype(zero);
    const T value = *data<T>(call->in[2]);
    const int64_t width = b.outer[b.last()] * b.block, left = b.before[b.last()] * b.block;
    const int64_t middle = b.inner[b.last()] * b.block;
    const auto inside = [](int64_t at, int64_t n) { return at < n ? at : int64_t{-1}; };
    each_row(b, range, inside, [&](int64_t r, int64_t source) {
      T *y = data<T>(out) + r * width;
      if (source < 0) {
        std::fill(y, y + width, value);
        return;
      }
      std::fill(y, y + left, value);
      if (middle) std::memcpy(y + left, data<T>(in) + source * b.block, static_cast<size_t>(middle) * sizeof(T));
      std::fill(y + left + middle, y + width, value);
    });
    return int32_t{OW_OK};
  });
}

// The element that stands at a place of a mirrored dimension.
struct Mirror {
  int64_t edge;  // 1: REFLECT leaves the edge out
  explicit Mirror(const ow_value &mode) : edge(mode.v.s[0] == 'R') {}
  int64_t operator()(int64_t at, int64_t n) const {
    if (at < 0) return -at - 1 + edge;
    return at < n ? at : 2 * n - 1 - edge - at;
  }
};

int32_t mirror(const ow_call *call, int64_t first, int64_t last) {
  const ow_tensor *in = call->in[0], *out = call->out[0];
  const Border b(in, call->in[1]);
  const Mirror map(call->attr[MIRROR_PAD_MODE]);
  const Range range(call, out->ndim ? out->shape[0] : 1, first, last);
  if (size(out) == 0 || (b.n == 1 && range.begin > 0)) return OW_OK;
  const int64_t width = b.outer[b.last()], n = b.inner[b.last()], before = b.before[b.last()];
  const int64_t block = b.block * itemsize(in);
  each_row(b, range, map, [&](int64_t r, int64_t source) {
    const char *x = data<char>(in) + source * block;
    char *y = data<char>(out) + r * width * block;
    std::memcpy(y + before * block, x, static_cast<size_t>(n * block));
    for (int64_t i = 0; i < before; ++i)
      std::memcpy(y + i * block, x + map(i - before, n) * block, static_cast<size_t>(block));
    for (int64_t i = before + n; i < width; ++i)
      std::memcpy(y + i * block, x + map(i - before, n) * block, static_cast<size_t>(block));
  });
  return OW_OK;
}

template <typename T>
int32_t mirror_grad(const ow_call *call, int64_t, int64_t) {
  using C = compute_t<T>;
  const ow_tensor *dy = call->in[0], *dx = call->out[0];
  if (size(dx) == 0) return OW_OK;
  const Border b(dx, call->in[1]);
  const Mirror map(call->attr[MIRROR_PAD_GRAD_MODE]);
  T *to = data<T>(dx);
  std::memset(static_cast<void *>(to), 0, static_cast<size_t>(size(dx)) * sizeof(T));
  const int64_t width = b.outer[b.last()], n = b.inner[b.last()], before = b.before[b.last()];
  const Range all(call, b.outer[0], 0, call->n_chunks);
  each_row(b, all, map, [&](int64_t r, int64_t source) {
    for (int64_t i = 0; i < width; ++i) {
      const T *from = data<T>(dy) + (r * width + i) * b.block;
      T *row = to + (source + map(i - before, n)) * b.block;
      OW_IVDEP
      for (int64_t k = 0; k < b.block; ++k) row[k] = static_cast<T>(static_cast<C>(row[k]) + static_cast<C>(from[k]));
    }
  });
  return OW_OK;
}

OW_REGISTER Kernel("pad_v2", "*,*,*->*").prepare(prepare).run(pad);
OW_REGISTER Kernel("mirror_pad", "*,*->*").prepare(prepare).run(mirror);
OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("mirror_pad_grad", signature<T>("T,*->T")).run(mirror_grad<T>);
});

}  // namespace

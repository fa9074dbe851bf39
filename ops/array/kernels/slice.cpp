// slice, strided_slice_at: a part whose place is known only at run time. strided_slice_grad: its way back.
#include "array_attributes.h"
#include "strided.hpp"

using namespace opwright;

namespace {

// A dimension of the whole tensor as it is sliced; dim < 0: a new one.
struct Piece {
  int32_t dim;
  int64_t start, size, step;
  bool shrink;
};

// The attributes that strided_slice_at and strided_slice_grad share, in the same order.
struct Spec {
  const ow_value *attr;
  const ow_tensor *const *values;
  int64_t mask(int32_t which) const { return attr[STRIDED_SLICE_AT_BEGIN_MASK + which].v.i; }
  bool bit(int32_t which, int32_t i) const { return mask(which) >> i & 1; }
  int64_t item(int32_t which, int32_t i) const {
    const ow_value &at = attr[STRIDED_SLICE_AT_AT];
    for (int32_t k = 0; k < at.n; ++k)
      if (at.v.iv[k] == 3 * i + which) return *data<int64_t>(values[k]);
    return attr[which].v.iv[i];
  }
};
enum { kBegin, kEnd, kEllipsis, kNewAxis, kShrink };
constexpr int32_t kMostItems = 24;

int64_t bound(int64_t value, bool masked, int64_t dim, int64_t step, bool is_end) {
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? dim : dim - 1;
  if (masked) return is_end == (step > 0) ? high : low;
  const int64_t v = value < 0 ? value + dim : value;
  return v < low ? low : v > high ? high : v;
}

int32_t one(const ow_call *call, const Spec &spec, int32_t i, int32_t d, int64_t dim, Piece *piece) {
  if (spec.bit(kShrink, i)) {
    const int64_t index = spec.item(0, i);
    if (index < -dim || index >= dim)
      return OW_FAIL(call, OW_OUT_OF_RANGE, "index %lld of dimension %d is not in [%lld, %lld)",
                     static_cast<long long>(index), static_cast<int>(d), static_cast<long long>(-dim),
                     static_cast<long long>(dim));
    *piece = {d, index < 0 ? index + dim : index, 1, 1, true};
    return OW_OK;
  }
  const int64_t step = spec.item(2, i);
  if (step == 0) return OW_FAIL(call, OW_INVALID, "stride %d must not be 0", static_cast<int>(i));
  const int64_t begin = bound(spec.item(0, i), spec.bit(kBegin, i), dim, step, false);
  const int64_t end = bound(spec.item(1, i), spec.bit(kEnd, i), dim, step, true);
  const int64_t size = (end - begin + step - (step > 0 ? 1 : -1)) / step;
  *piece = {d, begin, size > 0 && (end - begin > 0) == (step > 0) ? size : 0, step, false};
  return OW_OK;
}

// The pieces of a tensor of that shape, in order, by TensorFlow's rules for strided slices.
int32_t resolve(const ow_call *call, const Spec &spec, const int64_t *shape, int32_t rank, Piece *pieces, int32_t *n) {
  const int32_t items = spec.attr[0].n;
  int32_t taken = 0, at = 0;
  for (int32_t i = 0; i < items; ++i) taken += !spec.bit(kEllipsis, i) && !spec.bit(kNewAxis, i);
  *n = 0;
  for (int32_t i = 0; i < items; ++i) {
    if (spec.bit(kEllipsis, i)) {
      for (const int32_t end = at + rank - taken; at < end; ++at) pieces[(*n)++] = {at, 0, shape[at], 1, false};
    } else if (spec.bit(kNewAxis, i)) {
      pieces[(*n)++] = {-1, 0, 1, 1, false};
    } else {
      if (int32_t code = one(call, spec, i, at, shape[at], &pieces[*n])) return code;
      ++*n;
      ++at;
    }
  }
  for (; at < rank; ++at) pieces[(*n)++] = {at, 0, shape[at], 1, false};
  return OW_OK;
}

// Where the sliced elements lie in the whole tensor.
struct Place {
  int64_t offset = 0;
  int64_t shape[kMostItems + 12], strides[kMostItems + 12];
  int32_t n = 0;
  Place(const Piece *pieces, int32_t count, const int64_t *whole) {
    for (int32_t i = 0; i < count; ++i) {
      const int64_t stride = pieces[i].dim < 0 ? 0 : whole[pieces[i].dim];
      offset += pieces[i].start * stride;
      if (pieces[i].shrink) continue;
      shape[n] = pieces[i].size;
      strides[n++] = stride * pieces[i].step;
    }
  }
};

int32_t check(ow_plan *plan) {
  const ow_tensor *out = plan->out[0];
  plan->bytes = 2.0 * static_cast<double>(size(out) * itemsize(out));
  if (plan->attr[0].n > kMostItems)
    return OW_FAIL(plan, OW_UNSUPPORTED, "an index has at most %d items", static_cast<int>(kMostItems));
  return OW_OK;
}

void copy(char *to, const int64_t *to_strides, const char *from, const int64_t *from_strides, const int64_t *shape,
          int32_t n, int64_t item) {
  const Copy all(shape, from_strides, to_strides, n, item);
  all.run(to, from, 0, all.size());
}

int32_t strided_slice(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *in = call->in[0], *out = call->out[0];
  Piece pieces[kMostItems + 12];
  int32_t n;
  if (int32_t code = resolve(call, {call->attr, call->in + 1}, in->shape, in->ndim, pieces, &n)) return code;
  const Place place(pieces, n, in->strides);
  int64_t dense[kMostItems + 12], step = 1;
  for (int32_t d = place.n - 1; d >= 0; --d) {
    out->shape[d] = place.shape[d];
    dense[d] = step;
    step *= place.shape[d];
  }
  if (step)
    copy(data<char>(out), dense, data<char>(in) + place.offset * itemsize(in), place.strides, place.shape, place.n,
         itemsize(in));
  return OW_OK;
}

int32_t strided_slice_grad(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *dy = call->in[0], *dx = call->out[0];
  Piece pieces[kMostItems + 12];
  int32_t n;
  if (int32_t code = resolve(call, {call->attr, call->in + 2}, dx->shape, dx->ndim, pieces, &n)) return code;
  const Place place(pieces, n, dx->strides);
  bool fits = place.n == dy->ndim;
  for (int32_t d = 0; fits && d < place.n; ++d) fits = place.shape[d] == dy->shape[d];
  if (!fits) return OW_FAIL(call, OW_INVALID, "dy must have the shape of the slice");
  const int64_t item = itemsize(dx);
  if (size(dx)) std::memset(dx->data, 0, static_cast<size_t>(size(dx) * item));
  if (size(dy))
    copy(data<char>(dx) + place.offset * item, place.strides, data<char>(dy), dy->strides, dy->shape, dy->ndim, item);
  return OW_OK;
}

int32_t slice(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *in = call->in[0], *begin = call->in[1], *sizes = call->in[2], *out = call->out[0];
  int64_t offset = 0, dense[12], step = 1;
  for (int32_t d = in->ndim - 1; d >= 0; --d) {
    const int64_t start = integer(begin, d), wanted = integer(sizes, d), dim = in->shape[d];
    const int64_t n = wanted == -1 ? dim - start : wanted;
    if (start < 0 || start > dim || n < 0 || n > dim - start)
      return OW_FAIL(call, OW_OUT_OF_RANGE, "begin %lld and size %lld of dimension %d are not in [0, %lld]",
                     static_cast<long long>(start), static_cast<long long>(wanted), static_cast<int>(d),
                     static_cast<long long>(dim));
    offset += start * in->strides[d];
    out->shape[d] = n;
    dense[d] = step;
    step *= n;
  }
  if (step)
    copy(data<char>(out), dense, data<char>(in) + offset * itemsize(in), in->strides, out->shape, in->ndim,
         itemsize(in));
  return OW_OK;
}

constexpr uint32_t kCaps = OW_STRIDED | OW_DYNAMIC;
constexpr int32_t kAtShrink = STRIDED_SLICE_AT_SHRINK_AXIS_MASK, kGradShrink = STRIDED_SLICE_GRAD_SHRINK_AXIS_MASK;
static_assert(kAtShrink == kGradShrink && kAtShrink == STRIDED_SLICE_AT_BEGIN_MASK + int32_t{kShrink},
              "Spec reads both");

OW_REGISTER Kernel("strided_slice_at", "*,*->*").caps(kCaps).prepare(check).run(strided_slice);
OW_REGISTER Kernel("strided_slice_grad", "*,*,*->*").caps(OW_STRIDED).prepare(check).run(strided_slice_grad);
OW_REGISTER Kernel("slice", "*,*,*->*").caps(kCaps).run(slice);

}  // namespace

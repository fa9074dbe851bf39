// reverse_sequence, roll, invert_permutation.
#include "array_attributes.h"
#include "indices.hpp"
#include "strided.hpp"

using namespace opwright;

namespace {

int32_t prepare(ow_plan *plan) {
  const ow_tensor *out = plan->out[0];
  plan->bytes = 2.0 * static_cast<double>(size(out) * itemsize(out));
  return OW_OK;
}

int32_t axis_of(const ow_value &attribute, int32_t rank) {
  return static_cast<int32_t>(attribute.v.i < 0 ? attribute.v.i + rank : attribute.v.i);
}

// The dimensions after both axes move as one block.
struct Sequence {
  int32_t seq, batch, rank;
  explicit Sequence(const ow_value *attr, int32_t ndim)
      : seq(axis_of(attr[REVERSE_SEQUENCE_SEQ_AXIS], ndim)),
        batch(axis_of(attr[REVERSE_SEQUENCE_BATCH_AXIS], ndim)),
        rank((seq > batch ? seq : batch) + 1) {}
};

int32_t prepare_sequence(ow_plan *plan) {
  const ow_tensor *out = plan->out[0];
  const Sequence s(plan->attr, out->ndim);
  divide(plan, extent(out, 0, s.rank), 5 + static_cast<double>(extent(out, s.rank, out->ndim) * itemsize(out)) / 5);
  return prepare(plan);
}

int32_t reverse_sequence(const ow_call *call, int64_t first, int64_t last) {
  const ow_tensor *in = call->in[0], *lengths = call->in[1];
  const Sequence s(call->attr, in->ndim);
  const int64_t n = in->shape[s.seq], seq_step = extent(in, s.seq + 1, s.rank),
                batch_step = extent(in, s.batch + 1, s.rank);
  const size_t block = static_cast<size_t>(extent(in, s.rank, in->ndim) * itemsize(in));
  const Range rows(call, extent(in, 0, s.rank), first, last);
  for (int64_t r = rows.begin; r < rows.end && block; ++r) {
    const int64_t b = r / batch_step % in->shape[s.batch], t = r / seq_step % n, length = integer(lengths, b);
    if (length < 0 || length > n)
      return OW_FAIL(call, OW_INVALID, "seq_lengths[%lld] = %lld is not in [0, %lld]", static_cast<long long>(b),
                     static_cast<long long>(length), static_cast<long long>(n));
    const int64_t from = t < length ? r + (length - 1 - 2 * t) * seq_step : r;
    std::memcpy(data<char>(call->out[0]) + static_cast<size_t>(r) * block,
                data<char>(in) + static_cast<size_t>(from) * block, block);
  }
  return OW_OK;
}

// The last rolled axis and what follows it: a row, made of two pieces of the source's.
int32_t last_axis(const ow_value &axes, int32_t rank) {
  int32_t last = 0;
  for (int32_t k = 0; k < axes.n; ++k) {
    const int32_t axis = static_cast<int32_t>(axes.v.iv[k] < 0 ? axes.v.iv[k] + rank : axes.v.iv[k]);
    if (axis > last) last = axis;
  }
  return last;
}

int32_t prepare_roll(ow_plan *plan) {
  const ow_tensor *out = plan->out[0];
  const int32_t last = last_axis(plan->attr[ROLL_AXIS], out->ndim);
  const int64_t rows = out->ndim ? extent(out, 0, last) : 1;
  divide(plan, rows, 10 + static_cast<double>(size(out) / (rows ? rows : 1) * itemsize(out)) / 5);
  return prepare(plan);
}

int32_t roll(const ow_call *call, int64_t first, int64_t last) {
  const ow_tensor *in = call->in[0];
  const ow_value &axes = call->attr[ROLL_AXIS];
  if (size(in) == 0) return OW_OK;
  int64_t shift[12] = {0};
  for (int32_t k = 0; k < axes.n; ++k) {
    const int64_t axis = axes.v.iv[k] < 0 ? axes.v.iv[k] + in->ndim : axes.v.iv[k], n = in->shape[axis];
    shift[axis] = ((shift[axis] + integer(call->in[1], k) % n) % n + n) % n;
  }
  const int32_t end = last_axis(axes, in->ndim);
  const int64_t width = in->ndim ? in->shape[end] : 1, block = extent(in, end + 1, in->ndim) * itemsize(in);
  const size_t head = static_cast<size_t>((in->ndim ? shift[end] : 0) * block),
               row = static_cast<size_t>(width * block);
  const Range rows(call, extent(in, 0, end), first, last);
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    int64_t rest = r, from = 0, step = 1;
    for (int32_t d = end - 1; d >= 0; --d) {
      const int64_t n = in->shape[d], at = rest % n - shift[d];
      from += (at < 0 ? at + n : at) * step;
      rest /= n;
      step *= n;
    }
    const char *x = data<char>(in) + static_cast<size_t>(from) * row;
    char *y = data<char>(call->out[0]) + static_cast<size_t>(r) * row;
    std::memcpy(y, x + row - head, head);
    std::memcpy(y + head, x, row - head);
  }
  return OW_OK;
}

template <typename I>
int32_t invert(const ow_call *call, int64_t, int64_t) {
  const int64_t n = size(call->in[0]);
  const I *x = data<I>(call->in[0]);
  I *y = data<I>(call->out[0]);
  for (int64_t i = 0; i < n; ++i) y[i] = -1;
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] < 0 || x[i] >= n)
      return OW_FAIL(call, OW_INVALID, "x[%lld] = %lld is not in [0, %lld)", static_cast<long long>(i),
                     static_cast<long long>(x[i]), static_cast<long long>(n));
    if (y[x[i]] != -1)
      return OW_FAIL(call, OW_INVALID, "x must be a permutation, got %lld twice", static_cast<long long>(x[i]));
    y[x[i]] = static_cast<I>(i);
  }
  return OW_OK;
}

OW_REGISTER Kernel("reverse_sequence", "*,*->*").prepare(prepare_sequence).run(reverse_sequence);
OW_REGISTER Kernel("roll", "*,*->*").prepare(prepare_roll).run(roll);
OW_REGISTER opwright::indices::each([](auto zero) {
  using I = decltype(zero);
  Kernel("invert_permutation", signature<I>("T->T")).run(invert<I>);
});

}  // namespace

// assert_that: fails with its data in the message. check_numerics: fails on nan and infinity.
#include <algorithm>

#include "array_attributes.h"
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

class Message {
 public:
  void add(const char *text) {
    for (; *text && used_ + 1 < sizeof text_; ++text) text_[used_++] = *text;
    text_[used_] = '\0';
  }
  template <typename... Args>
  void format(const char *pattern, Args... args) {
    char piece[40];
    snprintf(piece, sizeof piece, pattern, args...);
    add(piece);
  }
  const char *c_str() const { return text_; }

 private:
  char text_[500] = "";
  size_t used_ = 0;
};

// The first elements of a vector; `write` writes one.
template <typename T, typename Write>
void add_elements(Message &message, const ow_tensor *values, int64_t limit, Write write) {
  const int64_t n = size(values);
  for (int64_t i = 0; i < n && i < limit; ++i) {
    if (i) message.add(" ");
    write(data<T>(values)[i]);
  }
  if (n > limit) message.add("...");
}

int32_t assert_that(const ow_call *call, int64_t, int64_t) {
  if (*data<uint8_t>(call->in[0])) return OW_OK;
  const int64_t limit = call->attr[ASSERT_THAT_SUMMARIZE].v.i;
  Message message;
  message.add("assertion failed: ");
  const ow_tensor *const *next_int = call->in + 1, *const *next_float = next_int;
  while (next_float < call->in + call->n_in && (*next_float)->dtype.code == OW_INT) ++next_float;
  for (const char *c = call->attr[ASSERT_THAT_TEXT].v.s; *c; ++c) {
    if (*c == '\1') {
      add_elements<int64_t>(message, *next_int++, limit,
                            [&](int64_t v) { message.format("%lld", static_cast<long long>(v)); });
    } else if (*c == '\2') {
      add_elements<double>(message, *next_float++, limit, [&](double v) { message.format("%g", v); });
    } else if (*c == '\3') {
      add_elements<int64_t>(message, *next_int++, limit, [&](int64_t v) { message.add(v ? "True" : "False"); });
    } else {
      const char one[2] = {*c, '\0'};
      message.add(one);
    }
  }
  return call->host->fail(call->err, OW_INVALID, message.c_str());
}

int32_t prepare(ow_plan *plan) {
  const int64_t n = size(plan->in[0]);
  plan->bytes = 2.0 * static_cast<double>(n * itemsize(plan->in[0]));
  divide(plan, n, static_cast<double>(itemsize(plan->in[0])) / 5);
  return OW_OK;
}

template <typename T>
int32_t check_numerics(const ow_call *call, int64_t first, int64_t last) {
  using C = compute_t<T>;
  const Range range(call, size(call->in[0]), first, last);
  const T *x = data<T>(call->in[0]);
  T *y = data<T>(call->out[0]);
  int32_t bad = 0;
  for (int64_t i = range.begin; i < range.end; ++i) {
    const C v = static_cast<C>(x[i]);
    bad |= !(v - v == C(0));  // infinity - infinity and nan - nan are nan
    y[i] = x[i];
  }
  if (!bad) return OW_OK;
  bool nan = false, infinity = false;
  for (int64_t i = range.begin; i < range.end; ++i) {
    const C v = static_cast<C>(x[i]);
    nan |= v != v;
    infinity |= v == v && !(v - v == C(0));
  }
  return OW_FAIL(call, OW_INVALID, "%.400s : Tensor had %s values", call->attr[CHECK_NUMERICS_MESSAGE].v.s,
                 nan && infinity ? "Inf and NaN"
                 : nan           ? "NaN"
                                 : "Inf");
}

constexpr int8_t kInPlace[] = {0, 0, -1};

OW_REGISTER Kernel("assert_that", "bool,*,*->").run(assert_that);
OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  Kernel("check_numerics", signature<T>("T->T")).inplace(kInPlace).prepare(prepare).run(check_numerics<T>);
});

}  // namespace

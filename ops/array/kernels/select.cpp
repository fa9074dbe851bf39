// select_v2: x where the condition is true, else y. where_true: the places where it is.
#include "strided.hpp"

using namespace opwright;

namespace {

template <typename T>
void select(void *out, const void *const *in, int64_t n, const void *) {
  const uint8_t *c = static_cast<const uint8_t *>(in[0]);
  const T *x = static_cast<const T *>(in[1]), *y = static_cast<const T *>(in[2]);
  T *z = static_cast<T *>(out);
  OW_IVDEP
  for (int64_t i = 0; i < n; ++i) z[i] = c[i] ? x[i] : y[i];
}

OW_REGISTER all_types::each([](auto zero) {
  using T = decltype(zero);
  using Bits = std::conditional_t<
      sizeof(T) == 8, uint64_t,
      std::conditional_t<sizeof(T) == 4, uint32_t, std::conditional_t<sizeof(T) == 2, uint16_t, uint8_t>>>;
  Kernel("select_v2", signature<T>("bool,T,T->T")).tile(select<Bits>).scalar("x0 ? x1 : x2");
});

template <typename T>
int32_t where(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *in = call->in[0], *out = call->out[0];
  const T *x = data<T>(in);
  int64_t *to = data<int64_t>(out), rows = 0;
  const int64_t n = size(in);
  for (int64_t i = 0; i < n; ++i) {
    if (static_cast<compute_t<T>>(x[i]) == compute_t<T>(0)) continue;
    int64_t rest = i;
    for (int32_t d = in->ndim - 1; d >= 0; --d) {
      to[d] = rest % in->shape[d];
      rest /= in->shape[d];
    }
    to += in->ndim;
    ++rows;
  }
  out->shape[0] = rows;
  return OW_OK;
}

OW_REGISTER all_types::each([](auto zero) {
  using T = decltype(zero);
  Kernel("where_true", signature<T>("T->int64")).caps(OW_DYNAMIC).run(where<T>);
});

}  // namespace

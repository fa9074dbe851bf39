// tile: each dimension as (multiple, size), read with a stride of 0 along the multiple.
#include "strided.hpp"

using namespace opwright;

namespace {

int32_t prepare(ow_plan *plan) {
  const ow_tensor *in = plan->in[0], *out = plan->out[0];
  int64_t shape[Copy::kMaxDims], from[Copy::kMaxDims], to[Copy::kMaxDims];
  for (int32_t d = 0; d < in->ndim; ++d) {
    const int64_t n = in->shape[d];
    shape[2 * d] = n ? out->shape[d] / n : 0;
    shape[2 * d + 1] = n;
    from[2 * d] = 0;
    from[2 * d + 1] = in->strides[d];
    to[2 * d] = n * out->strides[d];
    to[2 * d + 1] = out->strides[d];
  }
  if (!state<Copy>(plan, shape, from, to, 2 * in->ndim, itemsize(in))) return OW_NO_MEMORY;
  plan->bytes = 2.0 * static_cast<double>(size(out) * itemsize(out));
  divide(plan, size(out), static_cast<double>(itemsize(out)) / 5);
  return OW_OK;
}

int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const Copy &copy = *static_cast<const Copy *>(call->state);
  const Range range(call, copy.size(), first, last);
  copy.run(data<char>(call->out[0]), data<char>(call->in[0]), range.begin, range.end);
  return OW_OK;
}

OW_REGISTER Kernel("tile", "*,*->*").caps(OW_STRIDED).prepare(prepare).run(run);

}  // namespace

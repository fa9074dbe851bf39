// embedding_lookup_in_parts: rows of a matrix whose rows lie in several tensors.
#include "nn_attributes.h"
#include "opwright/guarded.hpp"
#include "opwright/kernel.hpp"

using namespace opwright;

namespace {

struct Parts {
  bool interleaved;  // "mod": row k lies in part k % n
  int64_t row_bytes;
  std::vector<int64_t> first;  // "div": the number of rows before each part, and before the end
};

int32_t prepare(ow_plan *plan) {
  Parts *parts = state<Parts>(plan);
  if (!parts) return OW_NO_MEMORY;
  const int32_t n = plan->n_in - 1;
  parts->interleaved = std::strcmp(plan->attr[EMBEDDING_LOOKUP_IN_PARTS_PARTITION_STRATEGY].v.s, "mod") == 0;
  parts->row_bytes = extent(plan->in[0], 1, plan->in[0]->ndim) * itemsize(plan->in[0]);
  parts->first.push_back(0);
  for (int32_t k = 0; k < n; ++k) parts->first.push_back(parts->first.back() + plan->in[k]->shape[0]);
  const int64_t rows = size(plan->in[n]);
  plan->bytes = 2.0 * static_cast<double>(rows * parts->row_bytes);
  divide(plan, rows, 10 + static_cast<double>(parts->row_bytes) / 8);
  return OW_OK;
}

// The part and the row in it of an id; part n if there is none.
template <typename I>
std::pair<int64_t, int64_t> find(const Parts &parts, const ow_tensor *const *in, I id, int64_t n) {
  const int64_t k = static_cast<int64_t>(id);
  if (k < 0) return {n, 0};
  if (parts.interleaved) {
    const int64_t part = k % n, row = k / n;
    return {row < in[part]->shape[0] ? part : n, row};
  }
  int64_t part = 0;
  while (part < n && k >= parts.first[static_cast<size_t>(part) + 1]) ++part;
  return {part, part < n ? k - parts.first[static_cast<size_t>(part)] : 0};
}

template <typename I>
int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const Parts &parts = *static_cast<const Parts *>(call->state);
  const int64_t n = call->n_in - 1;
  const ow_tensor *ids = call->in[n];
  const Range range(call, size(ids), first, last);
  for (int64_t i = range.begin; i < range.end; ++i) {
    const I id = data<const I>(ids)[i];
    const auto [part, row] = find(parts, call->in, id, n);
    if (part == n)
      return OW_FAIL(call, OW_OUT_OF_RANGE, "ids must be rows of params, of which there are %lld, got %lld",
                     static_cast<long long>(parts.first.back()), static_cast<long long>(id));
    std::memcpy(data<char>(call->out[0]) + i * parts.row_bytes,
                data<const char>(call->in[part]) + row * parts.row_bytes, static_cast<size_t>(parts.row_bytes));
  }
  return OW_OK;
}

OW_REGISTER Kernel("embedding_lookup_in_parts", "*,int32->*").prepare(guarded<prepare>).run(run<int32_t>);
OW_REGISTER Kernel("embedding_lookup_in_parts", "*,int64->*").prepare(guarded<prepare>).run(run<int64_t>);

}  // namespace

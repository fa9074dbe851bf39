// dynamic_partition deals rows out, undo_partition takes them back in order; dynamic_stitch puts rows at indices.
#include "indices.hpp"
#include "strided.hpp"

using namespace opwright;

namespace {

// Bytes of one row of a part.
size_t row_bytes(const ow_tensor *part) { return static_cast<size_t>(extent(part, 1, part->ndim) * itemsize(part)); }

int32_t partition(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *numbers = call->in[1];
  const size_t row = row_bytes(call->out[0]);
  const int64_t n = size(numbers);
  for (int32_t k = 0; k < call->n_out; ++k) call->out[k]->shape[0] = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t k = data<int32_t>(numbers)[i];
    if (k < 0 || k >= call->n_out)
      return OW_FAIL(call, OW_OUT_OF_RANGE, "partitions[%lld] = %lld is not in [0, %d)", static_cast<long long>(i),
                     static_cast<long long>(k), static_cast<int>(call->n_out));
    const ow_tensor *part = call->out[k];
    const size_t at = static_cast<size_t>(part->shape[0]++);
    if (row) std::memcpy(data<char>(part) + at * row, data<char>(call->in[0]) + static_cast<size_t>(i) * row, row);
  }
  return OW_OK;
}

int32_t prepare_undo(ow_plan *plan) {
  plan->scratch_bytes = sizeof(int64_t) * static_cast<uint64_t>(plan->n_in);
  return OW_OK;
}

int32_t undo(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *numbers = call->in[0];
  const int64_t n = size(numbers);
  const size_t row = row_bytes(call->in[1]);
  int64_t *taken = static_cast<int64_t *>(call->scratch);  // of each part
  for (int64_t i = 0; i < n; ++i) {
    const int64_t k = data<int32_t>(numbers)[i];
    if (k < 0 || k + 1 >= call->n_in || taken[k] >= call->in[k + 1]->shape[0])
      return OW_FAIL(call, OW_OUT_OF_RANGE, "partitions[%lld] = %lld does not name a row of a part",
                     static_cast<long long>(i), static_cast<long long>(k));
    const size_t at = static_cast<size_t>(taken[k]++);
    if (row)
      std::memcpy(data<char>(call->out[0]) + static_cast<size_t>(i) * row, data<char>(call->in[k + 1]) + at * row, row);
  }
  for (int32_t k = 1; k < call->n_in; ++k)
    if (taken[k - 1] < call->in[k]->shape[0])
      return OW_FAIL(call, OW_INVALID, "partitions must name all %lld rows of part %d, got %lld of them",
                     static_cast<long long>(call->in[k]->shape[0]), static_cast<int>(k - 1),
                     static_cast<long long>(taken[k - 1]));
  return OW_OK;
}

// Rows that no index names are zero.
int32_t stitch(const ow_call *call, int64_t, int64_t) {
  const ow_tensor *out = call->out[0];
  const size_t row = row_bytes(out);
  const int32_t half = call->n_in / 2;
  if (size(out)) std::memset(out->data, 0, static_cast<size_t>(size(out) * itemsize(out)));
  for (int32_t k = 0; k < half; ++k) {
    const int64_t n = size(call->in[k]);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t to = data<int32_t>(call->in[k])[i];
      if (to < 0 || to >= out->shape[0]) return index_error(call, call->in[k], i, to, out->shape[0]);
      if (row)
        std::memcpy(data<char>(out) + static_cast<size_t>(to) * row,
                    data<char>(call->in[half + k]) + static_cast<size_t>(i) * row, row);
    }
  }
  return OW_OK;
}

OW_REGISTER Kernel("dynamic_partition", "*,int32->*").caps(OW_DYNAMIC).run(partition);
OW_REGISTER Kernel("undo_partition", "int32,*->*").caps(OW_ZEROED_SCRATCH).prepare(prepare_undo).run(undo);
OW_REGISTER Kernel("dynamic_stitch", "int32,*->*").run(stitch);

}  // namespace

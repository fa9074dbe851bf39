// concat_v2 and stack: the rows of each input, side by side. Inputs may be views.
#include "array_attributes.h"
#include "opwright/guarded.hpp"
#include "strided.hpp"

using namespace opwright;

namespace {

struct Part {
  Copy copy;
  int64_t offset;  // in the output, bytes
  int64_t first;   // how many elements lie in the parts before
};

struct Plan {
  std::vector<Part> parts;
  std::vector<int64_t> within;  // where each part begins that is dense in the output too, or -1
};

// The output's strides for the dimensions that an input has: stack adds one.
int32_t prepare_along(ow_plan *plan, int32_t axis, bool adds) {
  const ow_tensor *out = plan->out[0];
  Plan *made = state<Plan>(plan);
  if (!made) return OW_NO_MEMORY;
  int64_t at = 0, total = 0;
  for (int32_t i = 0; i < plan->n_in; ++i) {
    const ow_tensor *in = plan->in[i];
    int64_t to[Copy::kMaxDims];
    for (int32_t d = 0; d < in->ndim; ++d) to[d] = out->strides[adds && d >= axis ? d + 1 : d];
    const Copy copy(in->shape, in->strides, to, in->ndim, itemsize(out));
    made->parts.push_back({copy, at * out->strides[axis] * itemsize(out), total});
    made->within.push_back(copy.is_dense() ? made->parts.back().offset : -1);
    total += copy.size();
    at += adds ? 1 : in->shape[axis];
  }
  if (OW_HAS(plan, within)) plan->within = made->within.data();
  plan->bytes = 2.0 * static_cast<double>(total * itemsize(out));
  divide(plan, total, static_cast<double>(itemsize(out)) / 5);
  return OW_OK;
}

int32_t axis_of(int64_t given, int32_t rank) { return static_cast<int32_t>(given < 0 ? given + rank : given); }

int32_t prepare_concat(ow_plan *plan) {
  return prepare_along(plan, axis_of(plan->attr[CONCAT_V2_AXIS].v.i, plan->out[0]->ndim), false);
}

int32_t prepare_stack(ow_plan *plan) {
  return prepare_along(plan, axis_of(plan->attr[STACK_AXIS].v.i, plan->out[0]->ndim), true);
}

int32_t run(const ow_call *call, int64_t first, int64_t last) {
  const std::vector<Part> &parts = static_cast<const Plan *>(call->state)->parts;
  const Range range(call, parts.back().first + parts.back().copy.size(), first, last);
  for (size_t i = 0; i < parts.size(); ++i) {
    const Part &p = parts[i];
    char *to = data<char>(call->out[0]) + p.offset;
    const char *from = data<char>(call->in[i]);
    if (from == to) continue;  // written there by the node that made it
    const int64_t begin = range.begin > p.first ? range.begin - p.first : 0;
    const int64_t end = range.end - p.first < p.copy.size() ? range.end - p.first : p.copy.size();
    p.copy.run(to, from, begin, end);
  }
  return OW_OK;
}

OW_REGISTER Kernel("concat_v2", "*->*").caps(OW_STRIDED).prepare(guarded<prepare_concat>).run(run);
OW_REGISTER Kernel("stack", "*->*").caps(OW_STRIDED).prepare(guarded<prepare_stack>).run(run);

}  // namespace

// Branches and loops: nodes that run plans of their own. Nothing is allocated; a loop's state goes to and fro between
// two memories, or is worked on in place.
#include <cstring>

#include "plan.h"

namespace {

char *bytes(void *data) { return static_cast<char *>(data); }

char *memory(const owr_patch &patch, const ow_call *call, owr_loop *loop) {
  switch (patch.what) {
    case OWR_INPUT:
    case OWR_ROW_IN:
      return bytes(call->in[patch.index]->data);
    case OWR_OUTPUT:
    case OWR_ROW_OUT:
      return bytes(call->out[patch.index]->data);
    case OWR_STATE:
      return loop->states[patch.index].memory[loop->states[patch.index].now];
    case OWR_NEXT:
      return loop->states[patch.index].memory[1 - loop->states[patch.index].now];
    default:
      return reinterpret_cast<char *>(&loop->test);
  }
}

void place(const owr_patch *patches, int32_t n, const ow_call *call, owr_loop *loop) {
  int64_t row = 0;
  if (loop) row = loop->reverse ? loop->limit - 1 - loop->iteration : loop->iteration;
  for (const owr_patch *patch = patches; patch < patches + n; ++patch)
    patch->tensor->data = memory(*patch, call, loop) + patch->offset + patch->stride * row;
}

int64_t integer(const ow_tensor *tensor) {
  if (tensor->dtype.bits == 64) return *static_cast<const int64_t *>(tensor->data);
  if (tensor->dtype.bits == 32) return *static_cast<const int32_t *>(tensor->data);
  return *static_cast<const uint8_t *>(tensor->data);  // a bool
}

int32_t begin(owr_loop *loop, const ow_call *call) {
  loop->limit = integer(call->in[0]);
  if (loop->length >= 0 && loop->limit > loop->length)
    return OW_FAIL(call, OW_INVALID, "a loop over %lld rows must have no more iterations, got %lld",
                   static_cast<long long>(loop->length), static_cast<long long>(loop->limit));
  loop->iteration = 0;
  loop->in_body = loop->inside = 0;
  for (owr_state *state = loop->states; state < loop->states + loop->n_states; ++state) {
    state->now = 0;
    state->memory[0] = bytes(call->out[state->out]->data);
    if (state->in_place) state->memory[1] = state->memory[0];
    const void *start = call->in[state->in]->data;
    if (state->nbytes && start != state->memory[0])
      std::memcpy(state->memory[0], start, static_cast<size_t>(state->nbytes));
  }
  place(loop->condition.once, loop->condition.n_once, call, loop);
  place(loop->body.once, loop->body.n_once, call, loop);
  return OW_OK;
}

void end(owr_loop *loop, const ow_call *call) {
  for (owr_state *state = loop->states; state < loop->states + loop->n_states; ++state)
    if (state->now && state->nbytes && !state->in_place)
      std::memcpy(state->memory[0], state->memory[1], static_cast<size_t>(state->nbytes));
  for (const owr_rows *rows = loop->rows; rows < loop->rows + loop->n_rows; ++rows) {
    const int64_t left = (loop->length - loop->iteration) * rows->stride;
    if (left > 0)
      std::memset(bytes(call->out[rows->out]->data) + loop->iteration * rows->stride, 0, static_cast<size_t>(left));
  }
  *static_cast<int64_t *>(call->out[call->n_out - 1]->data) = loop->iteration;
}

// Runs the condition or the body, from its start or from where it has yielded.
int32_t run(owr_loop *loop, const owr_part &part, const ow_call *call) {
  if (!loop->inside) place(part.each, part.n_each, call, loop);
  const int32_t code = owr::walk(part.plan, loop->inside != 0);
  loop->inside = code == OWR_YIELD;
  return code;
}

int32_t iterate(owr_loop *loop, const ow_call *call) {
  const owr_plan *root = loop->body.plan->root;
  for (;;) {
    if (!loop->in_body) {
      if (loop->iteration >= loop->limit) return OW_OK;
      if (loop->condition.plan) {
        if (int32_t code = run(loop, loop->condition, call)) return code;
        if (!loop->test) return OW_OK;
      }
      loop->in_body = 1;
    }
    if (int32_t code = run(loop, loop->body, call)) return code;
    for (owr_state *state = loop->states; state < loop->states + loop->n_states; ++state) state->now ^= 1;
    ++loop->iteration;
    loop->in_body = 0;
    if (root->cancel) return OW_CANCELLED;
    if (owr::late(root)) return OWR_YIELD;
  }
}

}  // namespace

int32_t owr_loop_run(const ow_call *call, int64_t, int64_t) {
  owr_loop *loop = static_cast<owr_loop *>(const_cast<void *>(call->state));
  const uint64_t epoch = loop->body.plan->root->epoch;
  if (!loop->running || loop->epoch != epoch)
    if (int32_t code = begin(loop, call)) return code;
  loop->epoch = epoch;
  const int32_t code = iterate(loop, call);
  loop->running = code == OWR_YIELD;
  if (code == OW_OK) end(loop, call);
  return code;
}

int32_t owr_branch_run(const ow_call *call, int64_t, int64_t) {
  owr_branches *branches = static_cast<owr_branches *>(const_cast<void *>(call->state));
  const uint64_t epoch = branches->parts[0].plan->root->epoch;
  const bool resume = branches->running >= 0 && branches->epoch == epoch;
  if (!resume) {
    const int64_t index = integer(call->in[0]);
    branches->running = static_cast<int32_t>(index >= 0 && index < branches->n ? index : branches->n - 1);
    branches->epoch = epoch;
    const owr_part &chosen = branches->parts[branches->running];
    place(chosen.once, chosen.n_once, call, nullptr);
  }
  const int32_t code = owr::walk(branches->parts[branches->running].plan, resume);
  if (code != OWR_YIELD) branches->running = -1;
  return code;
}

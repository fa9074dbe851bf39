// One kernel for all variables of a step: chunks are runs of pieces, a piece is a run of elements of one variable.
#pragma once
#include "update.hpp"

namespace train {

constexpr int64_t kPiece = 4096;  // elements: with 3 slots of float32 they fill half of an L2 cache

struct Piece {
  int32_t tensor;
  int64_t first, count;
};

struct Pieces {
  int32_t tensors;
  std::vector<Piece> pieces;
};

template <typename Rule>
int32_t prepare_dense(ow_plan *plan) {
  Pieces *p = state<Pieces>(plan);
  if (!p) return OW_NO_MEMORY;
  p->tensors = plan->arg[1];
  int64_t elements = 0;
  for (int32_t t = 0; t < p->tensors; ++t) {
    const int64_t n = size(plan->in[t]);
    elements += n;
    for (int64_t at = 0; at < n; at += kPiece) p->pieces.push_back({t, at, n - at < kPiece ? n - at : kPiece});
  }
  const double width = p->tensors ? static_cast<double>(itemsize(plan->in[0])) : 0;
  plan->bytes = static_cast<double>(elements) * width * (3 + 2 * Rule::kSlots);  // all but the gradient: read, written
  plan->flops = static_cast<double>(elements) * (4 + 8 * Rule::kSlots);
  const int64_t units = static_cast<int64_t>(p->pieces.size());
  if (units) divide(plan, units, plan->bytes / 8 / static_cast<double>(units));
  return OW_OK;
}

template <typename Rule, typename T>
int32_t run_dense(const ow_call *call, int64_t first, int64_t last) {
  const Pieces &p = *static_cast<const Pieces *>(call->state);
  const Rule rule = rule_of<Rule, T>(call);
  const Range mine(call, static_cast<int64_t>(p.pieces.size()), first, last);
  for (int64_t i = mine.begin; i < mine.end; ++i) {
    const Piece &piece = p.pieces[static_cast<size_t>(i)];
    T *slots[Rule::kSlots + 1];
    for (int k = 0; k < Rule::kSlots; ++k)
      slots[k] = data<T>(call->in[(k + 1) * p.tensors + piece.tensor]) + piece.first;
    const T *gradient = data<T>(call->in[(Rule::kSlots + 1) * p.tensors + piece.tensor]) + piece.first;
    update(rule, data<T>(call->in[piece.tensor]) + piece.first, slots, gradient, piece.count);
  }
  return OW_OK;
}

}  // namespace train

// The loop of a Rule over a run of elements.
#pragma once
#include "rule.hpp"

namespace train {

// The loop over n elements. G is T, or the type T is computed in.
template <typename Rule, typename T, typename G>
OW_DEVICE inline void update(const Rule &rule, T *w, T *const *slots, const G *g, int64_t n) {
  using C = compute_t<T>;
  if constexpr (Rule::kSlots == 0) {
    OW_IVDEP
    for (int64_t i = 0; i < n; ++i) {
      C x = static_cast<C>(w[i]);
      rule(x, static_cast<C>(g[i]));
      w[i] = static_cast<T>(x);
    }
  } else if constexpr (Rule::kSlots == 1) {
    T *a = slots[0];
    OW_IVDEP
    for (int64_t i = 0; i < n; ++i) {
      C x = static_cast<C>(w[i]), p = static_cast<C>(a[i]);
      rule(x, p, static_cast<C>(g[i]));
      w[i] = static_cast<T>(x), a[i] = static_cast<T>(p);
    }
  } else if constexpr (Rule::kSlots == 2) {
    T *a = slots[0], *b = slots[1];
    OW_IVDEP
    for (int64_t i = 0; i < n; ++i) {
      C x = static_cast<C>(w[i]), p = static_cast<C>(a[i]), q = static_cast<C>(b[i]);
      rule(x, p, q, static_cast<C>(g[i]));
      w[i] = static_cast<T>(x), a[i] = static_cast<T>(p), b[i] = static_cast<T>(q);
    }
  } else {
    T *a = slots[0], *b = slots[1], *c = slots[2];
    OW_IVDEP
    for (int64_t i = 0; i < n; ++i) {
      C x = static_cast<C>(w[i]), p = static_cast<C>(a[i]), q = static_cast<C>(b[i]), r = static_cast<C>(c[i]);
      rule(x, p, q, r, static_cast<C>(g[i]));
      w[i] = static_cast<T>(x), a[i] = static_cast<T>(p), b[i] = static_cast<T>(q), c[i] = static_cast<T>(r);
    }
  }
}

// The rule of a call: its hyper-parameters are the last kScalars inputs.
template <typename Rule, typename T>
inline Rule rule_of(const ow_call *call) {
  using C = compute_t<T>;
  C scalars[Rule::kScalars];
  for (int k = 0; k < Rule::kScalars; ++k)
    scalars[k] = static_cast<C>(*data<T>(call->in[call->n_in - Rule::kScalars + k]));
  return Rule(scalars);
}

}  // namespace train

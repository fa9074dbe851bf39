// Registers the kernels of an optimizer, dense and sparse, for every floating dtype.
#pragma once
#include "dense.hpp"
#include "opwright/guarded.hpp"
#include "sparse.hpp"

namespace train {

// "T,T,T->" with n names in front of the arrow.
template <typename T>
std::string arguments(int before, const char *middle, int after) {
  std::string s;
  const auto add = [&](const char *name) { s += (s.empty() ? "" : ",") + std::string(name); };
  for (int i = 0; i < before; ++i) add(name_of<T>);
  if (middle) add(middle);
  for (int i = 0; i < after; ++i) add(name_of<T>);
  return s + "->";
}

template <template <typename> class Rule, typename T>
void enter_dense(const char *op) {
  using R = Rule<compute_t<T>>;
  Kernel(op, arguments<T>(2 + R::kSlots, nullptr, R::kScalars)).prepare(guarded<prepare_dense<R>>).run(run_dense<R, T>);
}

template <template <typename> class Rule, typename T, bool all>
void enter_sparse(const char *op) {
  using R = Rule<compute_t<T>>;
  indices::each([&](auto zero) {
    using I = decltype(zero);
    Kernel(op, arguments<T>(2 + R::kSlots, name_of<I>, R::kScalars))
        .prepare(guarded<prepare_sparse<R, T, all>>)
        .run(run_sparse<R, T, I, all>);
  });
}

// all: see prepare_sparse.
template <template <typename> class Rule, bool all = false>
int enter(const char *dense, const char *sparse) {
  return floats::each([&](auto zero) {
    using T = decltype(zero);
    enter_dense<Rule, T>(dense);
    enter_sparse<Rule, T, all>(sparse);
  });
}

}  // namespace train

// Optimizers on the GPU, for dense gradients: one kernel updates many variables.
#include "adaptive.hpp"
#include "ftrl.hpp"
#include "gradient_descent.hpp"
#include "opwright/kernel.cuh"
#include "update.hpp"

using namespace train;

namespace {

constexpr int32_t kMany = 24;          // tensors whose addresses go into a kernel's parameters
constexpr int64_t kBlocksEach = 1024;  // of a tensor

template <typename Rule, typename T>
struct Tensors {
  int32_t count;
  T *w[kMany], *slots[Rule::kSlots + 1][kMany];
  const T *gradient[kMany], *scalars[Rule::kScalars];
  int64_t size[kMany];
};

template <typename Rule, typename T>
__global__ void update_all(Tensors<Rule, T> p) {
  using C = compute_t<T>;
  C scalars[Rule::kScalars];
  for (int k = 0; k < Rule::kScalars; ++k) scalars[k] = static_cast<C>(*p.scalars[k]);
  const Rule rule(scalars);
  const int64_t t = blockIdx.x % p.count, step = static_cast<int64_t>(gridDim.x / p.count) * kThreads;
  for (int64_t i = blockIdx.x / p.count * kThreads + threadIdx.x; i < p.size[t]; i += step) {
    T *slots[Rule::kSlots + 1];
    for (int k = 0; k < Rule::kSlots; ++k) slots[k] = p.slots[k][t] + i;
    update(rule, p.w[t] + i, slots, p.gradient[t] + i, 1);
  }
}

int32_t prepare(ow_plan *plan) {
  int32_t *tensors = state<int32_t>(plan, plan->arg[1]);
  return tensors ? OW_OK : OW_NO_MEMORY;
}

template <typename Rule, typename T>
int32_t run(const ow_call *call, int64_t, int64_t) {
  const int32_t all = *static_cast<const int32_t *>(call->state);
  for (int32_t first = 0; first < all; first += kMany) {
    Tensors<Rule, T> p = {};
    p.count = std::min(kMany, all - first);
    int64_t largest = 0;
    for (int32_t t = 0; t < p.count; ++t) {
      const ow_tensor *const *in = call->in + first + t;
      p.w[t] = data<T>(in[0]);
      for (int k = 0; k < Rule::kSlots; ++k) p.slots[k][t] = data<T>(in[(k + 1) * all]);
      p.gradient[t] = data<const T>(in[(Rule::kSlots + 1) * all]);
      p.size[t] = size(in[0]);
      largest = std::max(largest, p.size[t]);
    }
    for (int k = 0; k < Rule::kScalars; ++k) p.scalars[k] = data<const T>(call->in[call->n_in - Rule::kScalars + k]);
    const int64_t blocks = p.count * std::min(blocks_for(largest), kBlocksEach);
    if (const int32_t status = launch(call, update_all<Rule, T>, blocks, p)) return status;
  }
  return OW_OK;
}

template <template <typename> class Rule>
int enter(const char *op) {
  return floats::each([&](auto zero) {
    using T = decltype(zero);
    using R = Rule<compute_t<T>>;
    std::string types = name_of<T>;
    for (int i = 1; i < 2 + R::kSlots + R::kScalars; ++i) types += std::string(",") + name_of<T>;
    CudaKernel(op, types + "->").prepare(prepare).run(run<R, T>);
  });
}

OW_REGISTER enter<GradientDescent>("apply_gradient_descent");
OW_REGISTER enter<Momentum>("apply_momentum");
OW_REGISTER enter<Nesterov>("apply_nesterov_momentum");
OW_REGISTER enter<ProximalGradientDescent>("apply_proximal_gradient_descent");
OW_REGISTER enter<ProximalAdagrad>("apply_proximal_adagrad");
OW_REGISTER enter<Adagrad>("apply_adagrad");
OW_REGISTER enter<AdagradDA>("apply_adagrad_da");
OW_REGISTER enter<Adadelta>("apply_adadelta");
OW_REGISTER enter<RmsProp>("apply_rms_prop");
OW_REGISTER enter<CenteredRmsProp>("apply_centered_rms_prop");
OW_REGISTER enter<Adam>("apply_adam");
OW_REGISTER enter<Root>("apply_ftrl");
OW_REGISTER enter<Power>("apply_ftrl_power");

// Each variable times its factor.
template <typename T>
__global__ void multiply(T *power, const T *factor) {
  using C = compute_t<T>;
  if (first_index() == 0) *power = static_cast<T>(static_cast<C>(*power) * static_cast<C>(*factor));
}

template <typename T>
int32_t update_powers(const ow_call *call, int64_t, int64_t) {
  const int32_t n = call->n_in / 2;
  for (int32_t i = 0; i < n; ++i)
    if (const int32_t status = launch(call, multiply<T>, 1, data<T>(call->in[i]), data<const T>(call->in[n + i])))
      return status;
  return OW_OK;
}

OW_REGISTER floats::each([](auto zero) {
  using T = decltype(zero);
  CudaKernel("update_powers", signature<T>("T,T->")).run(update_powers<T>);
});

}  // namespace

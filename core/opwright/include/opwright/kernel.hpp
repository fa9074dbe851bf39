// opwright/kernel.hpp: kernel.h in C++17. Types, the registration of kernels, and the loops every kernel needs.
//
//   OW_REGISTER Kernel("square", "float32->float32").tile(tile).scalar("x0 * x0");
//
// Everything is inline and hidden: a library that includes it still exports ow_library_v1 alone.
#pragma once
#include <cmath>
#include <cstring>
#include <deque>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "opwright/half.hpp"
#include "opwright/kernel.h"

// Tells the compiler that iterations of the next loop are independent although pointers may be equal.
#if defined(__clang__)
#define OW_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define OW_IVDEP _Pragma("GCC ivdep")
#else
#define OW_IVDEP
#endif

#define OW_CONCAT_(a, b) a##b
#define OW_CONCAT(a, b) OW_CONCAT_(a, b)
#define OW_REGISTER [[maybe_unused]] static const auto OW_CONCAT(ow_registered_, __COUNTER__) =

namespace opwright {

// ---- types -------------------------------------------------------------------------------------------------------

template <typename T>
constexpr const char *name_of = nullptr;
template <>
inline constexpr const char *name_of<float> = "float32";
template <>
inline constexpr const char *name_of<double> = "float64";
template <>
inline constexpr const char *name_of<half> = "float16";
template <>
inline constexpr const char *name_of<bfloat16> = "bfloat16";
template <>
inline constexpr const char *name_of<int8_t> = "int8";
template <>
inline constexpr const char *name_of<int16_t> = "int16";
template <>
inline constexpr const char *name_of<int32_t> = "int32";
template <>
inline constexpr const char *name_of<int64_t> = "int64";
template <>
inline constexpr const char *name_of<uint8_t> = "uint8";
template <>
inline constexpr const char *name_of<bool> = "bool";

// The type arithmetic is done in: the 16-bit floats widen to float32.
template <typename T>
using compute_t = std::conditional_t<std::is_same_v<T, half> || std::is_same_v<T, bfloat16>, float, T>;
template <typename T>
constexpr bool is_float = std::is_floating_point_v<compute_t<T>>;

template <typename... Ts>
struct types {
  // Calls f(zero) with a value of each type: types<float, double>::each([](auto zero) { using T = decltype(zero); });
  template <typename F>
  static int each(F f) {
    (f(Ts{}), ...);
    return 0;
  }
};
using floats = types<float, double, half, bfloat16>;
using wide_floats = types<float, double>;
using ints = types<int8_t, int16_t, int32_t, int64_t, uint8_t>;
using signed_ints = types<int8_t, int16_t, int32_t, int64_t>;
using indices = types<int32_t, int64_t>;
using numbers = types<float, double, half, bfloat16, int8_t, int16_t, int32_t, int64_t, uint8_t>;
using signed_numbers = types<float, double, half, bfloat16, int8_t, int16_t, int32_t, int64_t>;
using all_types = types<float, double, half, bfloat16, int8_t, int16_t, int32_t, int64_t, uint8_t, bool>;

// "T,T->bool" with each T replaced by the name of T, and each U by that of U.
template <typename T, typename U = T>
std::string signature(const char *pattern) {
  std::string s;
  for (const char *c = pattern; *c; ++c) {
    if (*c == 'T') s += name_of<T>;
    else if (*c == 'U') s += name_of<U>;
    else s += *c;
  }
  return s;
}

// ---- registration ------------------------------------------------------------------------------------------------

inline std::vector<const ow_kernel *> &kernels() {
  static auto *all = new std::vector<const ow_kernel *>;  // lives as long as the process
  return *all;
}

// Describes a kernel and enters it in the library's table. Chain the members it has.
class Kernel {
 public:
  Kernel(const char *op, const std::string &signature) : kernel_(*new ow_kernel{}) {
    kernel_.struct_size = sizeof(ow_kernel);
    kernel_.op = op;
    kernel_.device = "cpu";
    kernel_.signature = (new std::string(signature))->c_str();
    kernels().push_back(&kernel_);
  }
  const Kernel &device(const char *d) const { return kernel_.device = d, *this; }
  const Kernel &variant(const char *v) const { return kernel_.variant = v, *this; }
  const Kernel &caps(uint32_t c) const { return kernel_.caps |= c, *this; }
  const Kernel &inplace(const int8_t *pairs) const { return kernel_.inplace = pairs, *this; }
  const Kernel &score(int32_t (*f)(const ow_plan *)) const { return kernel_.score = f, *this; }
  const Kernel &prepare(int32_t (*f)(ow_plan *)) const { return kernel_.prepare = f, *this; }
  const Kernel &run(ow_run_fn f) const { return kernel_.run = f, *this; }
  const Kernel &finish(ow_finish_fn f) const { return kernel_.finish = f, *this; }
  const Kernel &tile(ow_tile_fn f) const { return kernel_.tile = f, *this; }
  const Kernel &scalar(const char *expression) const { return kernel_.scalar = expression, *this; }

 private:
  ow_kernel &kernel_;
};

// ---- elementwise -------------------------------------------------------------------------------------------------

template <typename F, typename R, typename... T>
inline void loop(R *out, int64_t n, const T *...in) {
  OW_IVDEP
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<R>(F{}(static_cast<compute_t<T>>(in[i])...));
}
template <typename F, typename R, typename... T, size_t... I>
inline void loop_over(void *out, const void *const *in, int64_t n, std::index_sequence<I...>) {
  loop<F, R, T...>(static_cast<R *>(out), n, static_cast<const T *>(in[I])...);
}
// The tile function out = R(F{}(in0, in1, ...)) for inputs of types T..., computed in compute_t.
template <typename F, typename R, typename... T>
void tile_of(void *out, const void *const *in, int64_t n, const void *) {
  loop_over<F, R, T...>(out, in, n, std::index_sequence_for<T...>());
}

// An elementwise op from an expression, for each of some types:
//   OW_UNARY(square, numbers, "x0 * x0", x * x)       T -> T        the text is the expression for generated GPU code
//   OW_BINARY(add, numbers, "x0 + x1", x + y)         T, T -> T
//   OW_PREDICATE(isnan, floats, "isnan(x0)", x != x)  T -> bool
//   OW_COMPARISON(less, numbers, "x0 < x1", x < y)    T, T -> bool
#define OW_ELEMENTWISE_(op, TYPES, pattern, text, params, RESULT, SOURCES, ...) \
  struct op##_functor {                                                         \
    template <typename C>                                                       \
    auto operator() params const {                                              \
      return __VA_ARGS__;                                                       \
    }                                                                           \
  };                                                                            \
  OW_REGISTER TYPES::each([](auto zero) {                                       \
    using T = decltype(zero);                                                   \
    ::opwright::Kernel(#op, ::opwright::signature<T>(pattern))                  \
        .tile(::opwright::tile_of<op##_functor, RESULT, SOURCES>)               \
        .scalar(text);                                                          \
  });
#define OW_TWICE_(T) T, T
#define OW_UNARY(op, TYPES, text, ...) OW_ELEMENTWISE_(op, TYPES, "T->T", text, (C x), T, T, __VA_ARGS__)
#define OW_BINARY(op, TYPES, text, ...) \
  OW_ELEMENTWISE_(op, TYPES, "T,T->T", text, (C x, C y), T, OW_TWICE_(T), __VA_ARGS__)
#define OW_PREDICATE(op, TYPES, text, ...) OW_ELEMENTWISE_(op, TYPES, "T->bool", text, (C x), bool, T, __VA_ARGS__)
#define OW_COMPARISON(op, TYPES, text, ...) \
  OW_ELEMENTWISE_(op, TYPES, "T,T->bool", text, (C x, C y), bool, OW_TWICE_(T), __VA_ARGS__)

// ---- tensors and work --------------------------------------------------------------------------------------------

template <typename T>
inline T *data(const ow_tensor *t) {
  return static_cast<T *>(t->data);
}

inline int64_t size(const ow_tensor *t) {
  int64_t n = 1;
  for (int32_t d = 0; d < t->ndim; ++d) n *= t->shape[d];
  return n;
}
// The product of dims [from, to).
inline int64_t extent(const ow_tensor *t, int32_t from, int32_t to) {
  int64_t n = 1;
  for (int32_t d = from; d < to; ++d) n *= t->shape[d];
  return n;
}
inline int64_t itemsize(const ow_tensor *t) { return (t->dtype.bits + 7) / 8; }

// Declares as many chunks as `units` pieces of `ns` nanoseconds each are worth: about 20 us a chunk, at most `units`.
inline void divide(ow_plan *plan, int64_t units, double ns) {
  const double want = static_cast<double>(units) * ns / 20e3;
  plan->n_chunks = want < 1 ? 1 : want > 4096 ? 4096 : static_cast<int64_t>(want);
  if (plan->n_chunks > units) plan->n_chunks = units > 0 ? units : 1;
}

// Which of `units` pieces chunks [first, last) are.
struct Range {
  int64_t begin, end;
  Range(const ow_call *call, int64_t units, int64_t first, int64_t last)
      : begin(cut(units, first, call->n_chunks)), end(cut(units, last, call->n_chunks)) {}

 private:
  static int64_t cut(int64_t units, int64_t at, int64_t n) { return units / n * at + units % n * at / n; }
};

// Makes a State for prepare: state<Rows>(plan, rows, cols). nullptr (and a failure on record): no memory.
template <typename State, typename... Args>
inline State *state(ow_plan *plan, Args &&...args) {
  State *made = new (std::nothrow) State{std::forward<Args>(args)...};
  if (!made) {
    plan->host->fail(plan->err, OW_NO_MEMORY, "no memory for the kernel's state");
    return nullptr;
  }
  plan->state = made;
  plan->free_state = [](void *s) { delete static_cast<State *>(s); };
  return made;
}

// Whether prepare may ask for a copy of an input in its own order: plan.packing.
inline bool copy_pays(const ow_plan *plan, int32_t in) { return OW_HAS(plan, packing) && plan->reused_in >> in & 1; }

}  // namespace opwright

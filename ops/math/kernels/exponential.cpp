// Exponentials, logarithms, and the sigmoidal functions made of them.
#include "flushed.hpp"
#include "opwright/vecmath.hpp"

using namespace opwright;

OW_UNARY(exp, floats, "exp(x0)", opwright::exp(x))
OW_UNARY(exp2, floats, "exp2(x0)", std::exp2(x))
OW_UNARY(expm1, floats, "expm1(x0)", std::expm1(x))
OW_UNARY(log, floats, "log(x0)", opwright::log(x))
OW_UNARY(log2, floats, "log2(x0)", std::log2(opwright::flushed(x)))
OW_UNARY(log10, floats, "log10(x0)", std::log10(x))
OW_UNARY(log1p, floats, "log1p(x0)", std::log1p(x))
OW_UNARY(tanh, floats, "tanh(x0)", opwright::tanh(x))
OW_UNARY(sigmoid, floats, "1 / (1 + exp(-x0))", opwright::sigmoid(x))
OW_UNARY(softsign, floats, "x0 / (1 + fabs(x0))", x / (1 + std::fabs(x)))

OW_BINARY(xlogy, floats, "x0 == 0 ? 0 : x0 * log(x1)", x == 0 ? C(0) : x * opwright::log(y))
OW_BINARY(xlog1py, floats, "x0 == 0 ? 0 : x0 * log1p(x1)", x == 0 ? C(0) : x * std::log1p(y))

namespace {

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), in which nothing overflows.
template <typename C>
inline C soft_plus(C x) {
  return (x > 0 ? x : 0) + std::log1p(opwright::exp(-std::fabs(x)));
}

// log(e^x + e^y) likewise. The test keeps inf - inf out.
template <typename C>
inline C log_add(C x, C y) {
  if (x == y) return x + static_cast<C>(0.693147180559945309417);
  return (x > y ? x : y) + std::log1p(opwright::exp(-std::fabs(x - y)));
}
template <typename C>
inline C log_add2(C x, C y) {
  if (x == y) return x + 1;
  return (x > y ? x : y) + std::log1p(std::exp2(-std::fabs(x - y))) * static_cast<C>(1.44269504088896340736);
}

}  // namespace

OW_UNARY(softplus, floats, "(x0 > 0 ? x0 : 0) + log1p(exp(-fabs(x0)))", soft_plus(x))
OW_BINARY(logaddexp, floats,
          "x0 == x1 ? x0 + 0.693147180559945309417 : (x0 > x1 ? x0 : x1) + log1p(exp(-fabs(x0 - x1)))", log_add(x, y))
OW_BINARY(logaddexp2, floats,
          "x0 == x1 ? x0 + 1 : (x0 > x1 ? x0 : x1) + log1p(exp2(-fabs(x0 - x1))) * 1.44269504088896340736",
          log_add2(x, y))

// sigmoid_cross_entropy_with_logits: max(x, 0) - x z + log(1 + exp(-|x|)), which does not overflow.
#include "opwright/vecmath.hpp"

using namespace opwright;

namespace {

// log(1 + e), e in [0, 1]: the logarithm of the rounded sum, and what rounding took away over its derivative.
template <typename C>
inline C log_one_plus(C e) {
  const C sum = C(1) + e;
  return opwright::log(sum) + (e - (sum - C(1))) / sum;
}

OW_BINARY(sigmoid_cross_entropy_with_logits, floats, "fmax(x1, 0.0) - x1 * x0 + log1p(exp(-fabs(x1)))",
          (y > C(0) ? y : C(0)) - y * x + log_one_plus(opwright::exp(-std::fabs(y))))

}  // namespace

// Negation, absolute value, sign.
#include "opwright/kernel.hpp"
#include "wrapping.hpp"

using namespace opwright;

OW_UNARY(negative, numbers, "-x0", wrapping::negative(x))
namespace floating {
OW_UNARY(abs, floats, "fabs(x0)", std::fabs(x))
}
namespace integral {
OW_UNARY(abs, ints, "x0 < 0 ? -x0 : x0", x < 0 ? wrapping::negative(x) : x)
}
OW_UNARY(sign, numbers, "x0 != x0 ? x0 : (x0 > 0) - (x0 < 0)", x != x ? x : static_cast<C>((x > 0) - (x < 0)))

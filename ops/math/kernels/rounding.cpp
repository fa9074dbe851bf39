// Rounding to integers; ties go to even ones.
#include "opwright/kernel.hpp"

using namespace opwright;

OW_UNARY(floor, floats, "floor(x0)", std::floor(x))
OW_UNARY(ceil, floats, "ceil(x0)", std::ceil(x))
OW_UNARY(rint, floats, "rint(x0)", std::rint(x))
OW_UNARY(trunc, floats, "trunc(x0)", std::trunc(x))
OW_UNARY(frac, floats, "x0 - trunc(x0)", x - std::trunc(x))

namespace floating {
OW_UNARY(round, floats, "rint(x0)", std::rint(x))
}
namespace integral {
OW_UNARY(round, ints, "x0", x)
}

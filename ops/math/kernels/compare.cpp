// Comparisons.
#include "opwright/kernel.hpp"

using namespace opwright;

OW_COMPARISON(equal, all_types, "x0 == x1", x == y)
OW_COMPARISON(not_equal, all_types, "x0 != x1", x != y)
OW_COMPARISON(less, numbers, "x0 < x1", x < y)
OW_COMPARISON(less_equal, numbers, "x0 <= x1", x <= y)
OW_COMPARISON(greater, numbers, "x0 > x1", x > y)
OW_COMPARISON(greater_equal, numbers, "x0 >= x1", x >= y)

OW_PREDICATE(isnan, floats, "isnan(x0)", x != x)
OW_PREDICATE(isinf, floats, "isinf(x0)", std::fabs(x) == static_cast<C>(INFINITY))
OW_PREDICATE(isfinite, floats, "isfinite(x0)", std::fabs(x) < static_cast<C>(INFINITY))
OW_PREDICATE(signbit, floats, "signbit(x0)", std::copysign(C(1), x) < 0)

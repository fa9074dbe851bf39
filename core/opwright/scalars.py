"""Constants of math.h that the scalar expressions of kernels (kernel.h, `scalar`) may name."""

import math

CONSTANTS = {
    "INFINITY": math.inf, "NAN": math.nan, "M_1_PI": 1 / math.pi, "M_2_PI": 2 / math.pi,
    "M_2_SQRTPI": 2 / math.sqrt(math.pi), "M_E": math.e, "M_LN10": math.log(10), "M_LN2": math.log(2),
    "M_LOG10E": math.log10(math.e), "M_LOG2E": math.log2(math.e), "M_PI": math.pi, "M_PI_2": math.pi / 2,
    "M_PI_4": math.pi / 4, "M_SQRT1_2": math.sqrt(0.5), "M_SQRT2": math.sqrt(2),
}  # fmt: skip

"""moments(mean, variance, x): running mean and variance of x's columns, kept in two variables.

mean <- decay * mean + (1 - decay) * the mean of x's rows, and variance likewise, of the rows' distances from their mean.
"""

from opwright import OpDef, dtypes

moments = OpDef(
    "running::moments(mean: ref[T['n']], variance: ref[T['n']], x: T['b n'], decay: float = 0.99)"
    " -> (new_mean: ref[T['n']], new_variance: ref[T['n']])",
    T=dtypes.wide_floats,
    gradient=None,
)


@moments.shape
def _shape(c):
    c.require(0 <= c.attr.decay <= 1, "decay must lie between 0 and 1", c.attr.decay)
    c.require(c.shape("x").dims is None or c.shape("x").dims[0] != 0, "x must have a row", c.shape("x"))
    return c.shape("mean"), c.shape("variance")

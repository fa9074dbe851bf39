"""{{ cookiecutter.name }}(mean, x): mean <- decay * mean + (1 - decay) * the mean of x's rows. It writes a variable."""

from opwright import OpDef, dtypes

{{ cookiecutter.name }} = OpDef(
    "{{ cookiecutter.__op }}(mean: ref[T['n']], x: T['b n'], decay: float = 0.99) -> (y: ref[T['n']])",
    T=dtypes.wide_floats,
    gradient=None,
)


@{{ cookiecutter.name }}.shape
def _shape(c):
    c.require(0 <= c.attr.decay <= 1, "decay must lie between 0 and 1", c.attr.decay)
    c.require(c.shape("x").dims is None or c.shape("x").dims[0] != 0, "x must have a row", c.shape("x"))
    return c.shape("mean")

"""{{ cookiecutter.name }}(x, shift): the last axis moved on by `shift`, with zeros where nothing comes from."""

from opwright import OpDef, dtypes

{{ cookiecutter.name }} = OpDef(
    "{{ cookiecutter.__op }}(x: T['*b n'], shift: int = 1) -> (y: T['*b n'])",
    T=dtypes.any_type,
)


@{{ cookiecutter.name }}.shape
def _shape(c):
    shape = c.shape("x")  # sizes may be unknown while a graph is built, and are known when it runs
    if shape.dims and shape.dims[-1] is not None:
        c.require(abs(c.attr.shift) <= shape.dims[-1], f"shift must be at most {shape.dims[-1]}", c.attr.shift)
    return shape


@{{ cookiecutter.name }}.gradient
def _gradient(node, dy):
    return {{ cookiecutter.name }}(dy, -node.attr.shift)

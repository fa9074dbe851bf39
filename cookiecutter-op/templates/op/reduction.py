"""{{ cookiecutter.name }}(x): the sum of squares along the last axis. Its gradient is an op with a kernel too."""

from opwright import OpDef, dtypes, ops

{{ cookiecutter.name }} = OpDef(
    "{{ cookiecutter.__op }}(x: T['*b n']) -> (y: T['*b'])",
    T=dtypes.floats,
)
{{ cookiecutter.name }}_grad = OpDef(
    "{{ cookiecutter.__op }}_grad(dy: T['*b'], x: T['*b n']) -> (dx: T['*b n'])",
    T=dtypes.floats,
)


@{{ cookiecutter.name }}.gradient
def _gradient(node, dy):
    return {{ cookiecutter.name }}_grad(dy, node.input("x"))


@{{ cookiecutter.name }}_grad.gradient
def _second(node, ddx):
    # dx = 2 x dy is linear in both: what the derivative of a derivative needs.
    dy, x = node.input("dy"), node.input("x")
    return ops.reduce_sum(2 * x * ddx, axis=-1), 2 * ops.expand_dims(dy, -1) * ddx

"""assign, assign_add, assign_sub: writing a variable as a whole; count_up_to. The first three return the variable, with
its new value."""

from __future__ import annotations

from opwright import OpDef, Shape, dtypes

assign = OpDef(
    "assign(ref: ref[T], value: T, validate_shape: bool | None = True, use_locking: bool | None = True) -> (y: ref[T])",
    T=dtypes.any_type,
    gradient=None,
    initializes=True,
)


@assign.shape
def _assign_shape(c):
    ref, value = c.shape("ref"), c.shape("value")
    if c.attr.validate_shape is not False:
        c.require(ref.is_compatible_with(value), f"value must have the variable's shape {ref}", value)
        return ref.merge(value)
    # A variable made with validate_shape=False has got memory of the new shape by now; others have what they had.
    c.require(
        not c.final or ref == value,
        f"value must have the shape {ref} that the variable was made with (validate_shape=False there leaves it open)",
        value,
    )
    return value if c.final else Shape(None)


assign_add = OpDef(
    "assign_add(ref: ref[T['*s']], value: T['*s'], use_locking: bool | None = False) -> (y: ref[T['*s']])",
    T=dtypes.numbers,
    gradient=None,
)
assign_sub = OpDef(
    "assign_sub(ref: ref[T['*s']], value: T['*s'], use_locking: bool | None = False) -> (y: ref[T['*s']])",
    T=dtypes.numbers,
    gradient=None,
)
count_up_to = OpDef("count_up_to(ref: ref[T['']], limit: int) -> (y: T[''])", T=dtypes.indices, gradient=None)

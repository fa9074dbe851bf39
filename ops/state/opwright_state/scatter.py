"""Writing slices of a variable in place. Each op returns the variable; a bad index leaves it as it was.

With a slice named twice, updates are done in the order of the indices.
"""

from __future__ import annotations

from opwright import OpDef, Shape, dtypes

scatter_update = OpDef(
    "scatter_update(ref: ref[T], indices: I, updates: T, use_locking: bool | None = True) -> (y: ref[T])",
    T=dtypes.any_type,
    I=dtypes.indices,
    gradient=None,
)
scatter_add = OpDef(
    "scatter_add(ref: ref[T], indices: I, updates: T, use_locking: bool | None = False) -> (y: ref[T])",
    T=dtypes.numbers,
    I=dtypes.indices,
    gradient=None,
)
scatter_sub = OpDef(
    "scatter_sub(ref: ref[T], indices: I, updates: T, use_locking: bool | None = False) -> (y: ref[T])",
    T=dtypes.numbers,
    I=dtypes.indices,
    gradient=None,
)
scatter_mul = OpDef(
    "scatter_mul(ref: ref[T], indices: I, updates: T, use_locking: bool | None = False) -> (y: ref[T])",
    T=dtypes.numbers,
    I=dtypes.indices,
    gradient=None,
)
scatter_div = OpDef(
    "scatter_div(ref: ref[T], indices: I, updates: T, use_locking: bool | None = False) -> (y: ref[T])",
    T=dtypes.numbers,
    I=dtypes.indices,
    gradient=None,
)
scatter_min = OpDef(
    "scatter_min(ref: ref[T], indices: I, updates: T, use_locking: bool | None = False) -> (y: ref[T])",
    T=dtypes.numbers,
    I=dtypes.indices,
    gradient=None,
)
scatter_max = OpDef(
    "scatter_max(ref: ref[T], indices: I, updates: T, use_locking: bool | None = False) -> (y: ref[T])",
    T=dtypes.numbers,
    I=dtypes.indices,
    gradient=None,
)

for _op in (scatter_update, scatter_add, scatter_sub, scatter_mul, scatter_div, scatter_min, scatter_max):

    @_op.shape
    def _shape(c):
        ref, indices, updates = c.shape("ref"), c.shape("indices"), c.shape("updates")
        c.require(ref.rank != 0, "ref must have at least 1 dimension", ref)
        if updates.rank != 0 and ref.dims is not None:
            want = indices.concatenate(Shape(ref.dims[1:]))
            c.require(updates.is_compatible_with(want), f"updates must have shape {want}, or none", updates)
        return ref


scatter_nd_update = OpDef(
    "scatter_nd_update(ref: ref[T], indices: I, updates: T, use_locking: bool | None = True) -> (y: ref[T])",
    T=dtypes.any_type,
    I=dtypes.indices,
    gradient=None,
)
scatter_nd_add = OpDef(
    "scatter_nd_add(ref: ref[T], indices: I, updates: T, use_locking: bool | None = False) -> (y: ref[T])",
    T=dtypes.numbers,
    I=dtypes.indices,
    gradient=None,
)
scatter_nd_sub = OpDef(
    "scatter_nd_sub(ref: ref[T], indices: I, updates: T, use_locking: bool | None = False) -> (y: ref[T])",
    T=dtypes.numbers,
    I=dtypes.indices,
    gradient=None,
)

for _op in (scatter_nd_update, scatter_nd_add, scatter_nd_sub):

    @_op.shape
    def _nd_shape(c):
        ref, indices, updates = c.shape("ref"), c.shape("indices"), c.shape("updates")
        c.require(indices.rank != 0, "indices must have at least 1 dimension", indices)
        if ref.dims is None or indices.dims is None or indices.dims[-1] is None:
            return ref
        depth = indices.dims[-1]
        c.require(depth <= len(ref.dims), f"indices must name at most {len(ref.dims)} dimensions of ref", depth)
        want = Shape(indices.dims[:-1] + ref.dims[depth:])
        c.require(updates.is_compatible_with(want), f"updates must have shape {want}", updates)
        return ref

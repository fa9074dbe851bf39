"""matmul: products of matrices."""

from __future__ import annotations

from opwright import OpDef, Shape, dtypes, ops
from opwright.errors import ShapeError
from opwright.shapes import broadcast

matmul = OpDef(
    "matmul(a: T, b: T, transpose_a: bool = False, transpose_b: bool = False, adjoint_a: bool = False, "
    "adjoint_b: bool = False, a_is_sparse: bool = False, b_is_sparse: bool = False) -> (y: T)",
    T=(*dtypes.floats, *dtypes.indices),
)


@matmul.shape
def _shape(c):
    for which in "ab":
        both = getattr(c.attr, f"transpose_{which}") and getattr(c.attr, f"adjoint_{which}")
        c.require(not both, f"transpose_{which} and adjoint_{which} must not both be true", "both")
    a, b = _turned(c, "a"), _turned(c, "b")
    if a.dims is None or b.dims is None:
        return Shape(None)
    inner, other = a[-1], b[-2]
    c.require(
        inner is None or other is None or inner == other,
        "the inner dimensions of a and b must be equal",
        f"shapes {_both(c)}",
    )
    try:
        batch = broadcast(Shape(a[:-2]), Shape(b[:-2]))
    except ShapeError:
        c.require(False, "the leading dimensions of a and b must broadcast", f"shapes {_both(c)}")
    return Shape([*batch, a[-2], b[-1]])


def _both(c):
    turns = [w for w in "ab" if getattr(c.attr, f"transpose_{w}") or getattr(c.attr, f"adjoint_{w}")]
    return f"{c.shape('a')} and {c.shape('b')}" + (f" with {' and '.join(turns)} transposed" if turns else "")


def _turned(c, which):
    shape = c.shape(which)
    if shape.dims is None:
        return shape
    c.require(
        len(shape) >= 2, f"{which} must have at least 2 dimensions; matvec and tensordot take fewer", f"shape {shape}"
    )
    turn = getattr(c.attr, f"transpose_{which}") or getattr(c.attr, f"adjoint_{which}")
    return Shape([*shape[:-2], shape[-1], shape[-2]]) if turn else shape


@matmul.gradient
def _gradient(node, dy):
    a, b = node.input("a"), node.input("b")
    ta, tb = node.attr.transpose_a or node.attr.adjoint_a, node.attr.transpose_b or node.attr.adjoint_b
    da = matmul(b, dy, tb, True) if ta else matmul(dy, b, False, not tb)
    db = matmul(dy, a, True, ta) if tb else matmul(a, dy, not ta, False)
    if len(a.shape.dims or (0, 0, 0)) == len(b.shape.dims or (0, 0, 0)) == 2:
        return da, db
    return ops.sum_like(da, a), ops.sum_like(db, b)


@matmul.rewrite
def _rewrite(node, make):
    """A transposed operand becomes a flag, a product of two numbers a multiplication."""
    if all(value.shape == node.outputs[0].shape and value.size == 1 for value in node.inputs):
        return _single(*node.inputs, make)
    flags = dict(node.attributes)
    inputs, found = list(node.inputs), False
    for i, which in enumerate("ab"):
        inner = inputs[i].node
        if inner is not None and inner.definition is not None and _swaps_matrix(inner):
            inputs[i] = inner.inputs[0]
            turned = flags[f"transpose_{which}"] or flags[f"adjoint_{which}"]
            flags[f"transpose_{which}"], flags[f"adjoint_{which}"] = not turned, False
            found = True
    return make("matmul", inputs, **flags) if found else None


def _single(a, b, make):
    """The product of two numbers, before they were made matrices if they were."""
    if not (_reshaped(a) and _reshaped(b) and a.node.inputs[0].shape == b.node.inputs[0].shape):
        return make("multiply", [a, b])
    (product,) = make("multiply", [a.node.inputs[0], b.node.inputs[0]])
    return make("reshape", [product, a.node.inputs[1]])


def _reshaped(value):
    return value.node is not None and value.node.definition is not None and value.node.definition.name == "reshape"


def _swaps_matrix(node):
    if node.definition.name != "transpose_dims":
        return False
    perm = node.attributes["perm"]
    n = len(perm)
    return n >= 2 and perm == (*range(n - 2), n - 1, n - 2)


@matmul.part
def _part(node, make, axis, start, size):
    """Rows of a product are those of a times b, columns a times those of b."""
    rank = len(node.outputs[0].shape)
    if axis < rank - 2:
        return None
    which = axis - (rank - 2)
    turned = node.attributes["transpose_" + "ab"[which]] or node.attributes["adjoint_" + "ab"[which]]
    inputs = list(node.inputs)
    x = inputs[which]
    along = len(x.shape) - (2 if turned == (which == 1) else 1)
    begin, end = [0] * len(x.shape), list(x.shape)
    begin[along], end[along] = start, start + size
    (inputs[which],) = make("strided_view", [x], begin=tuple(begin), end=tuple(end), strides=(1,) * len(begin))
    return make("matmul", inputs, **node.attributes)

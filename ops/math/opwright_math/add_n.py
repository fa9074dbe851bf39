"""add_n(inputs): the sum of tensors of one shape."""

from __future__ import annotations

from opwright import OpDef, dtypes

add_n = OpDef("add_n(inputs: list[T['*s']]) -> (y: T['*s'])", T=dtypes.numbers)

FEW = 8  # tensors that are added by nodes of their own, which fuse with what surrounds them


@add_n.shape
def _shape(c):
    shapes = c.shapes("inputs")
    c.require(len(shapes) > 0, "inputs must hold at least one tensor", "none")
    merged = shapes[0]
    for shape in shapes[1:]:
        merged = merged.merge(shape)
    return merged


@add_n.gradient
def _gradient(node, dy):
    return ([dy] * len(node.input_list("inputs")),)


@add_n.rewrite
def _rewrite(node, make):
    stacked = _one_product(node, make)
    if stacked is not None:
        return stacked
    total, *rest = node.inputs
    if len(rest) >= FEW or (rest and total.dtype.name not in ("float32", "float64", "int32", "int64")):
        return None  # the kernel rounds 16-bit floats once, at the end
    for x in rest:
        (total,) = make("add", [total, x])
    return [total]


def _one_product(node, make):
    """Sum over i of a_i^T b_i: the product of the a_i stacked and the b_i stacked, as of a weight that many products
    share. None where stacking would move more than the products' own results are."""
    products = [v.node for v in node.inputs if make.readers[v] == 1 and _is_stackable(v.node)]
    if len(products) < 2:
        return None
    m, n = node.outputs[0].shape
    if sum(p.inputs[0].shape[0] for p in products) * (m + n) > 2 * m * n * len(products):
        return None
    a, b = (make("concat_v2", [[p.inputs[i] for p in products]], axis=0)[0] for i in range(2))
    rest = [v for v in node.inputs if v.node not in products]
    (total,) = make("matmul", [a, b], transpose_a=True)
    return make("add_n", [[*rest, total]]) if rest else [total]


def _is_stackable(node):
    if node is None or node.definition is None or node.definition.name != "matmul" or node.after:
        return False
    a, b = node.inputs
    turned = node.attributes["transpose_a"] or node.attributes["adjoint_a"]
    straight = not (node.attributes["transpose_b"] or node.attributes["adjoint_b"])
    return turned and straight and len(a.shape) == len(b.shape) == 2

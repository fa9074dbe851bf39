"""What a cluster runs over: an index space, and the rows in it where reductions are read by the cluster's own nodes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

from opwright.layouts import Dims, dense_strides
from opwright.plan.ir import Node, Value
from opwright.plan.select import Prepared
from opwright.runtime import lib

LONGEST_ROW = 1 << 12  # elements


class Space(NamedTuple):
    """An index space; `row` consecutive elements of it are a row, of which there may be a number. 0: there are none."""

    shape: Dims
    row: int


def space(nodes: Collection[Node], folds: Mapping[Node, Prepared]) -> Space | None:
    """What nodes run over as one cluster, `folds` among them; None if they cannot.

    Some work on elements, others on numbers of rows: what reductions make and elementwise nodes make of it. These are
    read as they are by their like, and spread over their rows by those that work on elements.
    """
    nodes = frozenset(nodes)
    shape = max({(n.inputs if n in folds else n.outputs)[0].shape for n in nodes}, key=math.prod)
    edges = [(n, v) for n in nodes for v in n.inputs]
    inner = [(v.node, v) for _, v in edges if v.node is not None and v.node in nodes]
    low = {n for n in nodes if n.outputs[0].shape != shape and n not in folds}
    makers = low.union(maker for maker, _ in inner if maker in folds)  # of numbers that are read
    if len(edges) + 2 * len(nodes) > lib.OWR_MAX_REGS:
        return None
    if not makers:
        return Space(shape, 0) if all(v in maker.outputs for maker, v in inner) else None
    size = math.prod(shape)
    row = size // max(1, next(iter(makers)).outputs[0].size)
    even = all(n.outputs[0].size * row == size and (n in low or folds[n].plan.fold_size == row) for n in makers)
    if not even or not 1 < row <= LONGEST_ROW:
        return None

    def reads(node: Node, value: Value) -> bool:
        maker, theirs = value.node, node.outputs[0].shape
        if maker is None or maker not in nodes:
            dense = node not in low or value.size == 1 or repeats(value, theirs) == 1
            return dense and (node not in folds or value.shape == shape)
        if maker in makers:
            same = value.layout.offset == 0 and value.dtype.size == maker.outputs[0].dtype.size
            return same and node not in folds and repeats(value, theirs) == (1 if node in low else row)
        return node not in low and value in maker.outputs

    return Space(shape, row) if all(reads(n, v) for n, v in edges) else None


def repeats(value: Value, shape: Dims) -> int:
    """How often each element of a value is repeated where it is read over a larger index space that has them in order;
    0 if it has not."""
    strides = value.layout.broadcast(shape).strides
    times = math.prod(n for n, stride in zip(shape, strides, strict=True) if not stride)
    steps = zip(shape, strides, dense_strides(shape), strict=True)
    return 0 if any(n > 1 and stride != dense // max(1, times) for n, stride, dense in steps) else times

"""What `x[1, ..., ::2, None]` means: TensorFlow's strided-slice specification, resolved against a shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from opwright import Layout

Size = int | None
Require = Callable[[bool, str, Any], None]


@dataclass(frozen=True)
class Spec:
    """An item for each part of the index. Bit i of a mask says what item i is or leaves out; of a `begin`, `end` or
    stride that is only known at run time the number is None."""

    begin: tuple[Size, ...]
    end: tuple[Size, ...]
    strides: tuple[Size, ...]
    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0

    def takes(self, i: int) -> bool:
        """Whether item i stands for one dimension of the tensor."""
        return not (self.ellipsis_mask | self.new_axis_mask) >> i & 1


@dataclass(frozen=True)
class Piece:
    """A dimension of the tensor as it is sliced, or (dim None) a new one of size 1. None: not known."""

    dim: int | None
    start: Size = 0
    size: Size = 1
    step: Size = 1
    shrink: bool = False


def resolve(spec: Spec, dims: Sequence[Size], require: Require) -> list[Piece]:
    """The pieces of a tensor of shape `dims`, in order. Raises, through `require`, what does not fit."""
    taken = sum(spec.takes(i) for i in range(len(spec.begin)))
    require(taken <= len(dims), f"at most {len(dims)} dimensions can be indexed", taken)
    require(spec.ellipsis_mask.bit_count() <= 1, "an index may hold one ellipsis", spec.ellipsis_mask.bit_count())
    pieces: list[Piece] = []
    at = 0
    for i in range(len(spec.begin)):
        if spec.ellipsis_mask >> i & 1:
            pieces += [Piece(d, 0, dims[d]) for d in range(at, at + len(dims) - taken)]
            at += len(dims) - taken
        elif spec.new_axis_mask >> i & 1:
            pieces.append(Piece(None))
        else:
            one = _index if spec.shrink_axis_mask >> i & 1 else _range
            pieces.append(one(spec, i, at, dims[at], require))
            at += 1
    return pieces + [Piece(d, 0, dims[d]) for d in range(at, len(dims))]


def _index(spec: Spec, i: int, at: int, dim: Size, require: Require) -> Piece:
    index = spec.begin[i]
    if index is None or dim is None:
        return Piece(at, None, 1, 1, True)
    require(-dim <= index < dim, f"an index of dimension {at} must lie in [{-dim}, {dim})", index)
    return Piece(at, index % dim, 1, 1, True)


def _range(spec: Spec, i: int, at: int, dim: Size, require: Require) -> Piece:
    step = spec.strides[i]
    require(step != 0, "a stride must not be 0", step)
    whole = spec.begin_mask >> i & 1 and spec.end_mask >> i & 1
    if whole and step == 1:
        return Piece(at, 0, dim)
    begin = _bound(spec.begin[i], spec.begin_mask >> i & 1, dim, step, 0)
    end = _bound(spec.end[i], spec.end_mask >> i & 1, dim, step, 1)
    if begin is None or end is None or step is None:
        return Piece(at, begin, None, step)
    size = (end - begin + step - (1 if step > 0 else -1)) // step
    return Piece(at, begin, max(size, 0), step)


def _bound(value: Size, masked: int, dim: Size, step: Size, is_end: int) -> Size:
    """A begin or end counted from the front and inside the dimension."""
    if dim is None or step is None or (value is None and not masked):
        return None
    low, high = (0, dim) if step > 0 else (-1, dim - 1)
    if masked:
        return high if is_end == (step > 0) else low
    assert value is not None
    return min(max(value + dim if value < 0 else value, low), high)


def shape_of(pieces: Sequence[Piece]) -> list[Size]:
    """The sliced tensor's dimensions."""
    return [p.size for p in pieces if not p.shrink]


def layout_of(pieces: Sequence[Piece], layout: Layout) -> Layout:
    """The sliced tensor's layout in the whole one's memory."""
    offset, shape, strides = layout.offset, [], []
    for p in pieces:
        stride = 0 if p.dim is None else layout.strides[p.dim]
        offset += (p.start or 0) * stride
        if not p.shrink:
            shape.append(p.size or 0)
            strides.append(stride * (p.step or 1))
    return Layout(tuple(shape), tuple(strides), layout.offset if 0 in shape else offset)

"""Static shapes: a tuple of dimensions, each an int or None for unknown, or no tuple at all for an unknown rank."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from opwright.errors import ShapeError

Dim = int | None


class Shape:
    """An immutable static shape. `Shape(None)` has unknown rank, `Shape([None, 3])` an unknown first dimension."""

    __slots__ = ("dims",)
    dims: tuple[Dim, ...] | None

    def __init__(self, dims: Iterable[Any] | int | None = None) -> None:
        if dims is None:
            checked = None
        elif isinstance(dims, Shape):
            checked = dims.dims
        elif type(dims) is tuple and all([type(d) is int and d >= 0 for d in dims]):  # as nearly always
            checked = dims
        else:
            checked = tuple(_dim(d) for d in ((dims,) if isinstance(dims, int) else dims))
        object.__setattr__(self, "dims", checked)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Shape does not change; make a new one")

    @property
    def rank(self) -> int | None:
        return None if self.dims is None else len(self.dims)

    ndims = rank

    def as_list(self) -> list[Dim]:
        """The dimensions as a list; raises ShapeError if the rank is unknown."""
        return list(self.known_rank())

    def known_rank(self) -> tuple[Dim, ...]:
        """The dimensions as a tuple; raises ShapeError if the rank is unknown."""
        if self.dims is None:
            raise ShapeError("a shape of known rank is needed here, got one of unknown rank; give the tensor a shape")
        return self.dims

    @property
    def is_known(self) -> bool:
        """Whether the rank and every dimension are known."""
        return self.dims is not None and None not in self.dims

    def is_fully_defined(self) -> bool:
        return self.is_known

    def num_elements(self) -> int | None:
        return math.prod(self.known()) if self.is_known else None

    def known(self) -> tuple[int, ...]:
        """The dimensions, all known; raises ShapeError otherwise."""
        if self.dims is None or None in self.dims:
            raise ShapeError(f"a fully known shape is needed here, got {self}")
        return self.dims  # type: ignore[return-value]

    def is_compatible_with(self, other: Any) -> bool:
        """Whether some tensor could have both shapes."""
        theirs = as_shape(other).dims
        if self.dims is None or theirs is None:
            return True
        if len(self.dims) != len(theirs):
            return False
        return all(a is None or b is None or a == b for a, b in zip(self.dims, theirs, strict=True))

    def merge(self, other: Any) -> Shape:
        """What is known from both shapes together; raises ShapeError if they contradict each other."""
        theirs = as_shape(other)
        if not self.is_compatible_with(theirs):
            raise ShapeError(f"shapes must be compatible, got {self} and {theirs}")
        if self.dims is None:
            return theirs
        if theirs.dims is None:
            return self
        return Shape(b if a is None else a for a, b in zip(self.dims, theirs.dims, strict=True))

    merge_with = merge

    def concatenate(self, other: Any) -> Shape:
        theirs = as_shape(other)
        return Shape(None) if self.dims is None or theirs.dims is None else Shape(self.dims + theirs.dims)

    def __len__(self) -> int:
        return len(self.known_rank())

    def __iter__(self) -> Iterator[Dim]:
        return iter(self.known_rank())

    def __getitem__(self, key: int | slice) -> Any:
        picked = self.known_rank()[key]
        return Shape(picked) if isinstance(picked, tuple) else picked

    def __bool__(self) -> bool:
        return self.dims is not None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Shape):
            return self.dims == other.dims
        if isinstance(other, (tuple, list)):
            return self.dims == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.dims)

    def __reduce__(self) -> tuple[type, tuple[Any]]:
        return Shape, (self.dims,)

    def __str__(self) -> str:
        if self.dims is None:
            return "<unknown>"
        inner = ", ".join("?" if d is None else str(d) for d in self.dims)
        return f"({inner},)" if len(self.dims) == 1 else f"({inner})"

    def __repr__(self) -> str:
        return f"Shape({None if self.dims is None else list(self.dims)})"


def _dim(value: Any) -> Dim:
    value = getattr(value, "value", value)  # TensorFlow 1's Dimension
    if value is None:
        return None
    try:
        dim = int(value.__index__())
    except AttributeError:
        raise ShapeError(f"a dimension must be an int or None, got {value!r}") from None
    if dim < -1:
        raise ShapeError(f"a dimension must not be negative, got {dim}")
    return None if dim == -1 else dim


def as_shape(value: Any) -> Shape:
    return value if isinstance(value, Shape) else Shape(value)


UNKNOWN = Shape(None)


def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of a NumPy broadcast of both; raises ShapeError if there is none."""
    if a.dims is None or b.dims is None:
        return UNKNOWN
    short, long = sorted((a.dims, b.dims), key=len)
    padded = (1,) * (len(long) - len(short)) + short
    try:
        return Shape(_broadcast_dim(m, n) for m, n in zip(padded, long, strict=True))
    except ShapeError:
        raise ShapeError(f"shapes must broadcast, got {a} and {b}") from None


def _broadcast_dim(m: Dim, n: Dim) -> Dim:
    if m == 1:
        return n
    if n == 1:
        return m
    if m is None:
        return n  # whatever m is, it must be 1 or n, and n is not 1
    if n is None or m == n:
        return m
    raise ShapeError("")


def normalize_axis(axis: int, rank: int, op: str) -> int:
    """The axis counted from the front; raises ShapeError if a tensor of that rank has none such."""
    if not -rank <= axis < rank:
        raise ShapeError(f"[{op}] axis must lie in [{-rank}, {rank}), got {axis}")
    return axis % rank


def normalize_axes(axes: int | Iterable[int] | None, rank: int, op: str) -> tuple[int, ...]:
    """The axes, sorted and counted from the front; None means all. Raises ShapeError on a bad or repeated axis."""
    if axes is None:
        return tuple(range(rank))
    listed = [normalize_axis(a, rank, op) for a in ((axes,) if isinstance(axes, int) else axes)]
    if len(set(listed)) != len(listed):
        raise ShapeError(f"[{op}] axes must differ from each other, got {axes}")
    return tuple(sorted(listed))

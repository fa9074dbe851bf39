"""unique, unique_with_counts, setdiff1d, searchsorted: vectors as sets, and places in sorted ones."""

from __future__ import annotations

from typing import Any, NamedTuple

from opwright import OpDef, Shape, dtypes, export

unique_values = OpDef(
    "unique_values(x: T['n'], out_idx: dtype = 'int32') -> (y: T['m'], idx: out_idx['n'], count: out_idx['m'])",
    T=dtypes.any_type,
    gradient=None,
)


@unique_values.shape
def _unique_shape(c):
    n = c.shape("x").dims[0] if c.shape("x").dims else None
    none = n if n == 0 else None
    return Shape([none]), Shape([n]), Shape([none])


@unique_values.bound
def _unique_bound(c):
    return (c.shape("x"),) * 3


class Unique(NamedTuple):
    """Different elements in the order they first occur, and for each element the place of its equal among them."""

    y: Any
    idx: Any


class UniqueWithCounts(NamedTuple):
    """Different elements, the place of each element's equal among them, and how often each occurs."""

    y: Any
    idx: Any
    count: Any


@export("unique")
def unique(x: Any, out_idx: Any = "int32", name: str | None = None) -> Unique:
    """The different elements `y` of a vector, in the order they first occur, and `idx` with x = y[idx]."""
    return Unique(*unique_values(x, out_idx, name=name)[:2])


@export("unique_with_counts")
def unique_with_counts(x: Any, out_idx: Any = "int32", name: str | None = None) -> UniqueWithCounts:
    """The different elements `y` of a vector, `idx` with x = y[idx], and the `count` of each."""
    return UniqueWithCounts(*unique_values(x, out_idx, name=name))


difference = OpDef(
    "difference(x: T['n'], y: T['k'], index_dtype: dtype = 'int32') -> (out: T['m'], idx: index_dtype['m'])",
    T=dtypes.any_type,
    gradient=None,
)


@difference.shape
def _difference_shape(c):
    return Shape([None]), Shape([None])


@difference.bound
def _difference_bound(c):
    return c.shape("x"), c.shape("x")


class ListDiff(NamedTuple):
    """Elements of one vector that another lacks, and their indices."""

    out: Any
    idx: Any


@export("setdiff1d", "listdiff")
def setdiff1d(x: Any, y: Any, index_dtype: Any = "int32", name: str | None = None) -> ListDiff:
    """The elements of x that are not in y, in order and as often as they occur, and their indices in x."""
    return ListDiff(*difference(x, y, index_dtype, name=name))


searchsorted = OpDef(
    "searchsorted(sorted_sequence: T['*b n'], values: T['*b k'], side: str = 'left', out_type: dtype = 'int32')"
    " -> (y: out_type['*b k'])",
    T=dtypes.numbers,
    gradient=None,
)


@searchsorted.shape
def _searchsorted_shape(c):
    c.require(c.attr.side in ("left", "right"), "side must be 'left' or 'right'", repr(c.attr.side))
    return c.shape("values")


@export("lower_bound")
def lower_bound(sorted_sequence: Any, values: Any, out_type: Any = "int32", name: str | None = None) -> Any:
    """The first place in each row at which the value could stand: searchsorted from the left."""
    return searchsorted(sorted_sequence, values, "left", out_type, name=name)


@export("upper_bound")
def upper_bound(sorted_sequence: Any, values: Any, out_type: Any = "int32", name: str | None = None) -> Any:
    """The last place in each row at which the value could stand: searchsorted from the right."""
    return searchsorted(sorted_sequence, values, "right", out_type, name=name)

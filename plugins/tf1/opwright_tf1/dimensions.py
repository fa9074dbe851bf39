"""TensorFlow 1's shapes: get_shape() gives dimensions that have a `value`, None where it is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opwright import Shape, Tensor


class Dimension(int):
    """A known size: the int itself, whose `value` it is."""

    @property
    def value(self) -> int:
        return int(self)


class Unknown:
    """A size that is not known. It equals nothing but None and others like it, and is no number."""

    value = None

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Unknown)

    def __hash__(self) -> int:
        return hash(None)

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "Dimension(None)"


UNKNOWN = Unknown()


class Dimensions(Shape):
    """A Shape whose elements are dimensions. as_list() gives ints and None."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        picked = super().__getitem__(key)
        return Dimensions(picked) if isinstance(picked, Shape) else dimension(picked)

    def __iter__(self) -> Iterator[Any]:
        return map(dimension, self.known_rank())


def dimension(value: Any) -> Any:
    """`tf.Dimension`: of an int, or of None."""
    return UNKNOWN if value is None or isinstance(value, Unknown) else Dimension(value)


def get_shape(self: Tensor) -> Dimensions:
    """A tensor's static shape, as the tensors of a program that imports this package give it."""
    return Dimensions(self.shape)

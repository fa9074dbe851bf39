"""Python's operators on tensors. Each asks the registry for the op, so the core names none but through here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import ops


def _binary(op: str) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    def forward(self: Any, other: Any) -> Any:
        return getattr(ops, op)(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return getattr(ops, op)(other, self)

    return forward, reflected


def _unary(op: str) -> Callable[[Any], Any]:
    def method(self: Any) -> Any:
        return getattr(ops, op)(self)

    return method


class Operators:
    """The operators of tensors and variables."""

    __array_priority__ = 100  # NumPy arrays leave mixed expressions to us
    __slots__ = ()

    __add__, __radd__ = _binary("add")
    __sub__, __rsub__ = _binary("subtract")
    __mul__, __rmul__ = _binary("multiply")
    __truediv__, __rtruediv__ = _binary("truediv")
    __floordiv__, __rfloordiv__ = _binary("floordiv")
    __mod__, __rmod__ = _binary("floormod")
    __pow__, __rpow__ = _binary("pow")
    __matmul__, __rmatmul__ = _binary("matmul")
    __and__, __rand__ = _binary("bitwise_or_logical_and")
    __or__, __ror__ = _binary("bitwise_or_logical_or")
    __xor__, __rxor__ = _binary("bitwise_or_logical_xor")
    __lt__, _ = _binary("less")
    __le__, _ = _binary("less_equal")
    __gt__, _ = _binary("greater")
    __ge__, _ = _binary("greater_equal")
    __neg__ = _unary("negative")
    __pos__ = _unary("identity")
    __abs__ = _unary("abs")
    __invert__ = _unary("bitwise_or_logical_not")

    def __getitem__(self, key: Any) -> Any:
        return ops.getitem(self, key)

    @property
    def T(self) -> Any:
        """The tensor with its dimensions in reverse order."""
        return ops.transpose(self)

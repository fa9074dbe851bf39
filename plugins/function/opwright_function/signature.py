"""What a function is traced for: the dtypes and shapes of its tensors, the values of its other arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from opwright import EagerTensor, Tensor, as_dtype, convert_to_tensor, export
from opwright.errors import ArgumentError
from opwright.shapes import Shape, as_shape

_VALUES = (type(None), bool, int, float, complex, str, bytes)


@export("TensorSpec")
class TensorSpec:
    """The dtype and shape (None: any) of a tensor that a function takes."""

    def __init__(self, shape: Any = None, dtype: Any = "float32", name: str | None = None) -> None:
        self.shape = as_shape(shape)
        self.dtype = as_dtype(dtype)
        self.name = name

    @classmethod
    def from_tensor(cls, tensor: Any, name: str | None = None) -> TensorSpec:
        """The spec that just fits a tensor."""
        return cls(tensor.shape, tensor.dtype, name or getattr(tensor, "name", None))

    def is_compatible_with(self, other: Any) -> bool:
        """Whether a tensor or spec fits."""
        return other.dtype is self.dtype and self.shape.is_compatible_with(other.shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype.name}, name={self.name!r})"


class Signature:
    """A Python function's parameters, and an input signature for its tensors if there is one."""

    def __init__(self, function: Callable[..., Any], specs: Any = None) -> None:
        self.name = getattr(function, "__name__", type(function).__name__)
        self.parameters = inspect.signature(function)
        self.specs = None if specs is None else tuple(specs)
        parameters = list(self.parameters.parameters.values())
        self._plain = all(p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for p in parameters)
        self._defaults = [p.default for p in parameters]

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments in one form, whichever way they were given. Raises TypeError as the function would."""
        if self._plain and not kwargs:
            rest = self._defaults[len(args) :]
            if len(args) + len(rest) == len(self._defaults) and inspect.Parameter.empty not in rest:
                return (*args, *rest), {}
        bound = self.parameters.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args, bound.kwargs

    def conform(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments as the input signature wants them. Raises ArgumentError where they do not fit it."""
        assert self.specs is not None
        if len(args) != len(self.specs):
            raise ArgumentError(
                f"[function] {self.name!r} must be called with the {len(self.specs)} tensors of its input_signature, "
                f"got {len(args)} arguments"
            )
        return tuple(self._fit(spec, value, i) for i, (spec, value) in enumerate(zip(self.specs, args, strict=True)))

    def _fit(self, spec: Any, value: Any, number: int) -> Any:
        if isinstance(spec, dict):
            return {key: self._fit(spec[key], value[key], number) for key in spec}
        if isinstance(spec, (list, tuple)):
            return type(spec)(self._fit(s, v, number) for s, v in zip(spec, value, strict=True))
        if not isinstance(spec, TensorSpec):
            return value
        if isinstance(value, (Tensor, TensorSpec)):
            made = value
        else:
            known = isinstance(value, EagerTensor) or hasattr(value, "__opwright_tensor__")
            made = convert_to_tensor(value, None if known else spec.dtype)
        if not spec.is_compatible_with(made):
            raise ArgumentError(
                f"[function] argument {number} of {self.name!r} must have dtype {spec.dtype.name} and shape "
                f"{spec.shape}, as its input_signature says, got dtype {made.dtype.name} and shape {made.shape}"
            )
        return made


def describe(value: Any, tensors: list[Any], held: list[Any]) -> Any:
    """What of an argument a trace depends on: of tensors (added to `tensors`) dtype and shape, of plain values the
    value, of other things which they are (they are added to `held`)."""
    if isinstance(value, EagerTensor) and not value.is_ref:
        tensors.append(value)
        return value.kind
    if isinstance(value, TensorSpec):
        tensors.append(value)
        return value.dtype, value.shape
    if isinstance(value, (np.ndarray, np.generic)):
        return describe(convert_to_tensor(value), tensors, held)
    if isinstance(value, _VALUES):
        return type(value), value
    if isinstance(value, (list, tuple)):
        return type(value), tuple([describe(item, tensors, held) for item in value])
    if isinstance(value, dict):
        return dict, tuple([(key, describe(item, tensors, held)) for key, item in sorted(value.items(), key=str)])
    held.append(value)
    return id(value)


def replaced(value: Any, stand_in: Callable[[Any], Any]) -> Any:
    """The argument with its tensors (in the order of `describe`) replaced."""
    if (isinstance(value, EagerTensor) and not value.is_ref) or isinstance(value, (TensorSpec, np.ndarray, np.generic)):
        return stand_in(value)
    if isinstance(value, (list, tuple)):
        made = [replaced(item, stand_in) for item in value]
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    if isinstance(value, dict):
        made_items = {key: replaced(item, stand_in) for key, item in sorted(value.items(), key=str)}
        return type(value)((key, made_items[key]) for key in value)
    return value


def widened(specs: list[Any], known: list[Any]) -> list[TensorSpec] | None:
    """Specs that fit two lists of tensors of the same dtypes and ranks; None if there are none."""
    if len(specs) != len(known) or any(a.dtype is not b.dtype for a, b in zip(specs, known, strict=True)):
        return None
    return [TensorSpec(_wider(a.shape, b.shape), a.dtype) for a, b in zip(specs, known, strict=True)]


def _wider(a: Shape, b: Shape) -> Shape:
    if a.rank is None or a.rank != b.rank:
        return Shape(None)
    return Shape(m if m == n else None for m, n in zip(a.known_rank(), b.known_rank(), strict=True))

"""TensorFlow's ways of saying how a convolution moves, made uniform: data formats, strides, dilations, paddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from opwright import ops
from opwright.errors import ArgumentError

_FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}


@dataclass(frozen=True)
class Arguments:
    """How a convolution moves, and where its tensors have their channels."""

    rank: int  # spatial dimensions
    channels_first: bool
    attributes: dict[str, Any]

    def inwards(self, x: Any) -> Any:
        """A tensor with its channels last."""
        last = self.rank + 1
        return ops.transpose(x, (0, *range(2, last + 1), 1)) if self.channels_first else x

    def outwards(self, y: Any) -> Any:
        """A result with its channels where the caller has them."""
        last = self.rank + 1
        return ops.transpose(y, (0, last, *range(1, last))) if self.channels_first else y

    def sizes(self, sizes: Any) -> Any:
        """A shape, given in the caller's order, with the channels last."""
        if not self.channels_first:
            return sizes
        n, channels, *spatial = sizes if isinstance(sizes, (list, tuple)) else ops.unstack(sizes, self.rank + 2)
        return ops.stack([n, *spatial, channels])


def arguments(
    op: str, rank: int, strides: Any, padding: Any, data_format: str | None, dilations: Any, depthwise: bool = False
) -> Arguments:
    """Raises ArgumentError where a name or a number is none that TensorFlow takes."""
    first = channels_first(op, rank, data_format)
    name, explicit = _padding(op, rank, padding, first)
    attributes = {
        "strides": _steps(op, "strides", strides, rank, first),
        "padding": name,
        "explicit_paddings": explicit,
        "dilations": _steps(op, "dilations", dilations, rank, first),
        "depthwise": depthwise,
    }
    return Arguments(rank, first, attributes)


def channels_first(op: str, rank: int, data_format: str | None) -> bool:
    """Whether a data format has the channels before the spatial dimensions. Raises ArgumentError for other formats."""
    last, first = _FORMATS[rank]
    if data_format not in (None, last, first):
        raise ArgumentError(f"[{op}] data_format must be {last} or {first}, got {data_format!r}")
    return data_format == first


def _steps(op: str, what: str, steps: Any, rank: int, first: bool) -> tuple[int, ...]:
    """A step for each spatial dimension: from one number, one for each, or one for each dimension of the tensor."""
    given = (1,) if steps is None else tuple(np.ravel(steps).tolist())
    if len(given) not in (1, rank, rank + 2) or not all(isinstance(s, int) for s in given):
        raise ArgumentError(f"[{op}] {what} must be 1, {rank} or {rank + 2} ints, got {steps}")
    if len(given) == rank + 2:
        outer, given = (given[:2], given[2:]) if first else (given[:: rank + 1], given[1:-1])
        if outer != (1, 1):
            raise ArgumentError(f"[{op}] {what} of the batch and the channels must be 1, got {steps}")
    if any(s < 1 for s in given):
        raise ArgumentError(f"[{op}] {what} must be positive, got {steps}")
    return given * rank if len(given) == 1 else given


def _padding(op: str, rank: int, padding: Any, first: bool) -> tuple[str, tuple[int, ...]]:
    """The padding's name, and (before, after) for each spatial dimension if it is EXPLICIT."""
    if isinstance(padding, (str, bytes)):
        name = padding if isinstance(padding, str) else padding.decode()
        if name.upper() not in ("SAME", "VALID"):
            raise ArgumentError(f"[{op}] padding must be SAME, VALID or a list of pairs, got {padding!r}")
        return name.upper(), ()
    pairs = np.asarray(padding, object)
    if pairs.shape != (rank + 2, 2):
        raise ArgumentError(f"[{op}] padding must be SAME, VALID or {rank + 2} pairs, got {padding!r}")
    spatial, outer = (pairs[2:], pairs[:2]) if first else (pairs[1:-1], pairs[:: rank + 1])
    if outer.any():
        raise ArgumentError(f"[{op}] padding of the batch and the channels must be 0, got {padding}")
    if (spatial < 0).any():
        raise ArgumentError(f"[{op}] padding must not be negative, got {padding}")
    return "EXPLICIT", tuple(int(p) for p in spatial.ravel())

"""GradientTape: remembers what eager execution did, and differentiates it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from opwright import ops
from opwright.autodiff import backpropagate
from opwright.errors import DTypeError, GradientError
from opwright.indexed import dense
from opwright.node import NodeAccess
from opwright.opdef import OpDef


class _Open(threading.local):
    def __init__(self) -> None:
        self.tapes: list[GradientTape] = []


_open = _Open()


class Record(NodeAccess):
    """An op that ran while a tape was open."""


def record(definition: OpDef, groups: Sequence[Sequence[Any]], attributes: dict[str, Any], outputs: list[Any]) -> None:
    """Enters an op on every open tape that watches one of its inputs."""
    if _open.tapes:
        for tape in _open.tapes:
            tape.enter(definition, groups, attributes, outputs)


class GradientTape:
    """Records the ops run inside its block, for differentiation.

        with ow.GradientTape() as tape:
            tape.watch(x)
            y = x * x
        dy_dx = tape.gradient(y, x)

    One gradient may be taken of a tape, any number of a persistent one.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._watch_variables = watch_accessed_variables
        self._watched: dict[int, Any] = {}
        self._records: list[Record] = []
        self._spent = False

    def __enter__(self) -> GradientTape:
        _open.tapes.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        _open.tapes.remove(self)

    def watch(self, tensor: Any) -> None:
        """Makes the tape differentiate with respect to a tensor, or each of a list of tensors."""
        for one in tensor if isinstance(tensor, (list, tuple)) else [tensor]:
            found = _tensor(one)
            if not found.dtype.is_floating:
                raise DTypeError(
                    f"[GradientTape] only floating tensors can be watched, got {found.dtype.name}; cast it"
                )
            self._watched[id(found)] = found

    def enter(
        self, definition: OpDef, groups: Sequence[Sequence[Any]], attributes: dict[str, Any], outputs: list[Any]
    ) -> None:
        """Records an op if an input of it is watched or computed from what is."""
        inputs = [t for group in groups for t in group]
        if self._watch_variables:
            self._watched.update({id(t): t for t in inputs if t.is_ref and t.dtype.is_floating})
        if any(id(t) in self._watched for t in inputs):
            made = Record(definition, groups, attributes)
            made.outputs = outputs
            self._records.append(made)
            self._watched.update({id(t): t for t in outputs})

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: Any = "none"
    ) -> Any:
        """The derivatives of the sum of `target` with respect to the sources, in the structure of `sources`."""
        if self._spent and not self._persistent:
            raise GradientError("a tape gives one gradient, and this one has given it; make it with persistent=True")
        self._spent = True
        listed = list(sources) if isinstance(sources, (list, tuple)) else [sources]
        xs = [_tensor(x) for x in listed]
        ys = [_tensor(y) for y in (target if isinstance(target, (list, tuple)) else [target])]
        given = output_gradients if isinstance(output_gradients, (list, tuple)) else [output_gradients] * len(ys)
        seeds: dict[Any, list[Any]] = {}
        for y, dy in zip(ys, given, strict=True):
            seeds.setdefault(y, []).append(ops.ones_like(y) if dy is None else ops.identity(dy))
        found = backpropagate(
            reversed(self._records), seeds, lambda t: id(t) in self._watched, lambda _: nullcontext(), set(xs)
        )
        zero = str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower().endswith("zero")
        made = [found[x] if found[x] is not None or not zero else ops.zeros_like(x) for x in xs]
        if not self._persistent:
            self._records.clear()
        made = [dense(g) if getattr(x, "is_ref", False) is False else g for g, x in zip(made, xs, strict=True)]
        if isinstance(sources, (list, tuple)):
            return type(sources)(made)
        return made[0]


def _tensor(thing: Any) -> Any:
    convert = getattr(thing, "__opwright_tensor__", None)
    if convert is not None:
        return convert()
    if not hasattr(thing, "storage"):
        raise GradientError(f"[GradientTape] an eager tensor or variable is needed, got {thing!r}")
    return thing

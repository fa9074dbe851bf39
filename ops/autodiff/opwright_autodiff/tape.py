"""GradientTape: remembers what eager execution did, and differentiates it."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from opwright import EagerTensor, OpDef, Tensor, export, gradients, ops
from opwright.autodiff import backpropagate
from opwright.eagertensor import EagerRef
from opwright.errors import DTypeError, GradientError, ShapeError
from opwright.indexed import dense, total
from opwright.node import NodeAccess
from opwright.scopes import thread

from opwright_autodiff.batched import innermost, levels, rebatched
from opwright_autodiff.structure import flat, packed

Groups = Sequence[Sequence[Any]]


@export("UnconnectedGradients")
class UnconnectedGradients(enum.Enum):
    """What the gradient is where the target does not depend on the source: None, or zeros."""

    NONE = "none"
    ZERO = "zero"


class Record(NodeAccess):
    """An op that ran while a tape was open."""


@export("GradientTape")
class GradientTape:
    """Records the ops run inside its block, for differentiation.

        with ow.GradientTape() as tape:
            tape.watch(x)
            y = x * x
        dy_dx = tape.gradient(y, x)

    Trainable variables are watched by themselves. One gradient may be taken of a tape, any number of a persistent one.
    While a graph is being built, gradients are built into it.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._watch_variables = watch_accessed_variables
        self._watched: dict[int, Any] = {}  # by id; holding the tensors keeps their ids theirs
        self._records: list[Record] = []
        self._reads: list[tuple[Any, EagerRef]] = []  # what watched variables held, and they
        self._spent = False

    # -- recording -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> GradientTape:
        if self._recording:
            raise GradientError("[GradientTape] a tape records once at a time, and this one is recording already")
        thread.tapes.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop()

    @property
    def _recording(self) -> bool:
        return any(tape is self for tape in thread.tapes)

    def _stop(self) -> None:
        thread.tapes[:] = [tape for tape in thread.tapes if tape is not self]

    def watch(self, tensor: Any) -> None:
        """Makes the tape differentiate with respect to a tensor, or each of nested lists of tensors."""
        for one in flat(tensor):
            found = _tensor(innermost(one))
            if not found.dtype.is_floating:
                raise DTypeError(
                    f"[GradientTape] only floating tensors can be watched, got {found.dtype.name}; cast it"
                )
            self._watched[id(found)] = found

    def watched_variables(self) -> tuple[Any, ...]:
        """The variables that are watched, in the order of their first use."""
        found = [t.variable() for t in self._watched.values() if isinstance(t, EagerRef)]
        return tuple(v for v in found if v is not None)

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Inside the block the tape does not record."""
        if not self._recording:
            raise GradientError("[stop_recording] the tape must be recording, got one that is not")
        self._stop()
        try:
            yield
        finally:
            thread.tapes.append(self)

    def reset(self) -> None:
        """Forgets everything, as if the block began here."""
        self._watched.clear()
        self._records.clear()
        self._reads.clear()
        self._spent = False

    def enter(
        self,
        definition: OpDef,
        groups: Groups,
        attributes: dict[str, Any],
        outputs: list[Any],
        reads: Sequence[tuple[Any, EagerRef]] = (),
    ) -> None:
        """Records an op if an input of it is watched or computed from what is. `reads`: inputs that are what a variable
        held."""
        watched = self._watched
        for value, ref in reads:
            by_itself = self._watch_variables and ref.trainable and ref.dtype.is_floating
            if id(value) not in watched and (id(ref) in watched or by_itself):
                watched[id(ref)], watched[id(value)] = ref, value
                self._reads.append((value, ref))
        if any([id(t) in watched for group in groups for t in group]):
            made = Record(definition, groups, attributes)
            made.outputs = outputs
            self._records.append(made)
            for t in outputs:
                watched[id(t)] = t

    # -- differentiating -----------------------------------------------------------------------------------------------

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: Any = "none"
    ) -> Any:
        """The derivatives of the sum of `target` with respect to the sources, in the structure of `sources`.

        `output_gradients` weights the targets. None (or zeros) where a target does not depend on a source;
        IndexedSlices for rows read from a variable. Raises GradientError if a tape that is not persistent is asked
        twice, or an op on the way has no gradient; DTypeError for targets that are not floating.
        """
        self._spend()
        ys, xs = list(flat(target)), list(flat(sources))
        given = [None] * len(ys) if output_gradients is None else list(flat(output_gradients))
        if len(given) != len(ys):
            raise ShapeError(f"[gradient] output_gradients must have one item for each target, got {len(given)}")
        targets, tensors = [_target(innermost(y)) for y in ys], [_tensor(innermost(x)) for x in xs]
        found = self._backward(targets, [innermost(dy) for dy in given], tensors, unconnected_gradients)
        self._release()
        return packed(sources, iter([_as_batch(g, x, ys) for g, x in zip(found, xs, strict=True)]))

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: Any = "none",
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The derivative of each element of `target` with respect to each of the sources: shape target + source.

        One pass backwards for each element of the target.
        """
        self._spend()
        y, xs = _target(target), [_tensor(x) for x in flat(sources)]
        shape = y.shape.known()
        rows = [self._backward([y], [_one(y, i, shape)], xs, unconnected_gradients) for i in range(math.prod(shape))]
        if rows:
            made = [_stacked(column, shape, x) for column, x in zip(zip(*rows, strict=True), xs, strict=True)]
        else:
            made = [ops.zeros([*shape, *x.shape.known()], x.dtype) for x in xs]
        self._release()
        return packed(sources, iter(made))

    def batch_jacobian(
        self,
        target: Any,
        source: Any,
        unconnected_gradients: Any = "none",
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """For a target [b, ...] whose rows depend on the rows of a source [b, ...] each: the derivatives row by row, of
        shape [b, target's rest, source's rest]. One pass backwards for each element of a row of the target."""
        self._spend()
        y, x = _target(target), _tensor(source)
        (b, *rest), (n, *of) = y.shape.known() or (0,), x.shape.known() or (1,)
        if b != n or not len(y.shape):
            raise ShapeError(f"[batch_jacobian] target and source must have as many rows, got {y.shape} and {x.shape}")
        columns = []
        for i in range(math.prod(rest)):
            seed = np.zeros([b, math.prod(rest)])
            seed[:, i] = 1
            seeds = ops.reshape(ops.constant(seed, y.dtype), y.shape.known())
            columns += self._backward([y], [seeds], [x], unconnected_gradients)
        self._release()
        if not columns:
            return ops.zeros([b, *rest, *of], x.dtype)
        if columns[0] is None:
            return None
        return ops.reshape(ops.stack(columns, 1), [b, *rest, *of])

    def _spend(self) -> None:
        if self._spent and not self._persistent:
            raise GradientError(
                "[GradientTape] a tape gives one gradient, and this one has given it; make it with persistent=True"
            )
        self._spent = True
        if not self._persistent:
            self._stop()

    def _release(self) -> None:
        """Lets go of what a tape that is not persistent holds."""
        if not self._persistent:
            self._records.clear()
            self._reads.clear()
            self._watched = {key: t for key, t in self._watched.items() if t.is_ref}

    def _backward(self, ys: list[Any], given: list[Any], xs: list[Any], unconnected: Any) -> list[Any]:
        zero = str(getattr(unconnected, "value", unconnected)).lower() == "zero"
        if any(isinstance(y, Tensor) for y in ys):
            return gradients(ys, xs, given, unconnected_gradients="zero" if zero else "none")
        seeds: dict[Any, list[Any]] = {}
        for y, dy in zip(ys, given, strict=True):
            seeds.setdefault(y, []).append(ops.ones_like(y) if dy is None else _seed(y, dy))
        watched = self._watched
        wanted: Callable[[Any], bool] = lambda t: id(t) in watched  # noqa: E731
        parts = {x: [x, *(value for value, ref in self._reads if ref is x)] for x in xs}
        keep = {t for listed in parts.values() for t in listed if id(t) in watched or t in seeds}
        found = backpropagate(reversed(self._records), seeds, wanted, lambda _: nullcontext(), keep)
        made = []
        for x in xs:
            given = [found[t] for t in parts[x] if found.get(t) is not None]
            gradient = total(given) if given else ops.zeros_like(x) if zero else None
            made.append(gradient if x.is_ref or gradient is None else dense(gradient))
        return made


def _as_batch(gradient: Any, source: Any, ys: list[Any]) -> Any:
    """Inside of vmap: the gradient as a batch like its source, which has to be one for each example of the target."""
    if gradient is not None and any(levels(y) != levels(source) for y in ys):
        raise GradientError(
            "[gradient] inside of vmap a source must be a batch as the target is, got one that all examples share; "
            "pass it to vmap, repeated for each example"
        )
    return gradient if gradient is None else rebatched(gradient, source)


def _seed(y: Any, dy: Any) -> Any:
    found = ops.identity(dy) if hasattr(dy, "dtype") and not isinstance(dy, np.ndarray) else ops.constant(dy, y.dtype)
    if found.shape != y.shape:
        raise ShapeError(f"[gradient] output_gradients must have the shape {y.shape} of the target, got {found.shape}")
    return found


def _one(y: Any, i: int, shape: tuple[int, ...]) -> Any:
    """A tensor like y, with 1 at element i and 0 elsewhere."""
    seed = np.zeros(math.prod(shape))
    seed[i] = 1
    return ops.constant(seed.reshape(shape), y.dtype)


def _stacked(column: Sequence[Any], shape: tuple[int, ...], x: Any) -> Any:
    if column[0] is None:
        return None
    return ops.reshape(ops.stack([dense(g) for g in column]), [*shape, *x.shape.known()])


def _tensor(thing: Any) -> Any:
    convert = getattr(thing, "__opwright_tensor__", None)
    found = convert() if convert is not None else thing
    if not isinstance(found, (EagerTensor, Tensor)):
        raise GradientError(f"[GradientTape] a tensor or variable is needed, got {thing!r}")
    return found


def _target(thing: Any) -> Any:
    found = _tensor(thing)
    if not found.dtype.is_floating:
        raise DTypeError(f"[gradient] targets must be floating, got {found.dtype.name}; cast it before")
    return found

"""A step that can be run again and again: its spec, and an executable for each lane and each combination of shapes."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from opwright.binding import as_array, as_storage
from opwright.devices import device
from opwright.errors import ArgumentError, DTypeError
from opwright.graph import Tensor
from opwright.plan import flags
from opwright.plan.descriptors import Descriptors
from opwright.plan.emit import Laid, emit
from opwright.plan.executable import NUMERIC, Executable, choose_results
from opwright.plan.fuse import clusters, posts
from opwright.plan.instantiate import Builder
from opwright.plan.ir import Program, Storage, copy_of
from opwright.plan.keep import keep
from opwright.plan.layout import lay_out
from opwright.plan.memory import Layouter, write_within
from opwright.plan.place import place
from opwright.plan.select import select
from opwright.plan.simplify import simplify
from opwright.plan.spec import Spec
from opwright.plan.stages import stages
from opwright.plan.tiles import compile_clusters
from opwright.runtime import Lane, Lanes, workers

CACHED = 64  # executables a step keeps for a lane


class Home(Protocol):
    """Where steps run: a session, or the eager world."""

    lanes: Lanes
    changes: Any  # uint64_t *; counts when steps begin to write variables, and when they have
    default_device: str
    soft_placement: bool
    raw: bool

    def variables(self, op: Any, shape: tuple[int, ...] | None) -> tuple[list[Storage], list[tuple[int, ...]]]:
        """The storages and shapes of a variable operation's outputs."""

    def rng(self, node: Any) -> tuple[Any, Any]:
        """The key and the run counter of a random node, as ow_rng * and uint64_t *."""


class Step:
    """Fetches, feeds and targets, ready to run."""

    def __init__(self, spec: Spec, home: Home, passes: frozenset[str] | None = None) -> None:
        self.spec = spec
        self.home = home
        self.passes = flags.current() if passes is None else passes
        self._dtypes = [t.dtype for t in spec.feeds]

    def run(self, values: list[Any]) -> list[Any]:
        """The fetched values for fed ones, in the order of the spec."""
        free = self.home.lanes.free
        try:
            lane = free.pop()
        except IndexError:
            lane = Lane()
        try:
            executable = lane.latest.get(self)
            if executable is None or (results := executable.call(values)) is None:
                executable = self.executable(lane, values)
                results = executable.call(values)
                assert results is not None
        except ArgumentError as e:
            raise self._named(e, values) from None
        finally:
            free.append(lane)
        return results if executable.rest is None else self._go_on(executable, results)

    def repeat(self, values: list[Any], n: int) -> list[Any]:
        """What the last of n runs on the same values gives."""
        found = self.run(list(values))  # which looks at what is fed
        free = self.home.lanes.free
        lane = free.pop() if free else Lane()
        try:
            last = self.executable(lane, values).repeat(values, n - 1) if n > 1 else found
        finally:
            free.append(lane)
        return [self.run(list(values)) for _ in range(n - 1)][-1] if last is None else last

    def executable(self, lane: Lane, values: list[Any]) -> Executable:
        """The executable for the values' shapes. Values that are neither arrays nor numbers are made arrays."""
        shapes = []
        for i, value in enumerate(values):
            if type(value) not in NUMERIC:
                values[i] = value = self._array(i, value)
            shapes.append(np.shape(value))
        mine: OrderedDict[Any, Executable] = lane.executables.setdefault(self, OrderedDict())
        found = mine.get(self._key(shapes, values))
        if found is None:
            with _no_collection():
                found = self._build(lane, shapes, values)
            mine[self._key(shapes, values)] = found  # building may have shown that values matter too
            if len(mine) > CACHED:
                mine.popitem(last=False)
        if not self.spec.value_feeds:
            lane.latest[self] = found
        return found

    def _key(self, shapes: list[tuple[int, ...]], values: Sequence[Any]) -> Any:
        key = tuple(shapes)
        if not self.spec.value_feeds:
            return key
        return key, *(as_storage(values[i], self._dtypes[i]).tobytes() for i in sorted(self.spec.value_feeds))

    def _array(self, i: int, value: Any) -> Any:
        """A fed value that is neither array nor number as an array."""
        if isinstance(value, Tensor):
            raise DTypeError(f"must be fed a value, got {value}; run that first, and feed its value")
        return as_array(getattr(value, "storage", value), self._dtypes[i])

    def _named(self, error: ArgumentError, values: list[Any]) -> ArgumentError:
        """The error, with the name of the tensor that cannot hold what it is fed, if there is one."""
        for i, value in enumerate(values):
            try:
                self._array(i, value)
            except ArgumentError as e:
                return type(e)(f"{self.spec.feeds[i].name}: {e}")
        return error

    def _go_on(self, executable: Executable, results: list[Any]) -> list[Any]:
        """Runs what had to wait for sizes, and puts the results of both parts in order."""
        rest: Step = executable.rest
        known = len(executable.first)  # type: ignore[attr-defined]
        found = dict(zip(executable.first, results[:known], strict=True))  # type: ignore[attr-defined]
        found.update(zip(rest.spec.fetches, rest.run(results[known:]), strict=True))
        return [found[t] for t in self.spec.fetches]

    def _build(self, lane: Lane, shapes: Sequence[tuple[int, ...]], values: Sequence[Any]) -> Executable:
        builder = Builder(self.spec, shapes, values, self.home.variables, self.passes)
        program = builder.build()
        first = [t for t in self.spec.fetches if t in builder.values]
        rest = builder.rest()
        frontier = list(rest.feeds) if rest is not None else []
        program.fetches = [builder.values[t] for t in [*first, *frontier]]
        laid = self.lay_out(program)
        arenas = self._arenas(lane, laid.sizes)
        bases = {name: arena.commit(laid.sizes[name] or 1) for name, arena in arenas.items()}
        emitted = emit(laid, bases, self.home.rng)
        emitted.plan.changes, emitted.plan.writes = self.home.changes, bool(program.written())
        emitted.keep.append(self.home.changes)
        executable = Executable(program, emitted, arenas, self.home.raw)
        executable.first = first  # type: ignore[attr-defined]
        if rest is not None:
            executable.rest = Step(rest, self.home, self.passes)
        self.spec.value_feeds |= builder.asked
        return executable

    def lay_out(self, program: Program, part: Any = None) -> Laid:
        """Runs the passes up to memory on a step's program, or on that of a part of a control node."""
        on = self.passes if part is None else self.passes - {"keep"}  # a branch or loop runs anew, on other values
        descriptors = Descriptors()
        _snapshot_fetches(program)
        simplify(program, on)
        place(program, self.home.default_device, self.home.soft_placement)
        lay_out(program, on)
        _densify_fetches(program) if part is None else part.own_fetches()
        clusters(program, on, descriptors)
        choose_results(program) if part is None else part.choose_results()
        select(program, on, descriptors, self.lay_out)
        if "post" in on and "fuse" in on:
            posts(program)
        compile_clusters(program, descriptors)
        if "keep" in on:
            keep(program)
        if "inplace" in on:
            write_within(program)
        staged = stages(program, on, workers())
        layout = Layouter(program, staged, on, workers())
        return Laid(program, staged, layout, layout.run(), descriptors)

    def _arenas(self, lane: Lane, sizes: dict[str, int]) -> dict[str, Any]:
        found: dict[str, Any] = {"cpu": lane.arena}
        for name in sizes:
            if name not in found:
                found[name] = lane.arenas.setdefault(name, device(name).arena())
        sizes.setdefault("cpu", 0)
        return found


@contextmanager
def _no_collection() -> Iterator[None]:
    """Python's collector at rest: a plan is thousands of objects that stay, which it would look through in vain."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _snapshot_fetches(program: Program) -> None:
    """A fetched variable that the step also writes is copied where it is read, not at the end."""
    written = program.written()
    for i, value in enumerate(program.fetches):
        if value.storage in written:
            copy = copy_of(value, "fetch")
            at = program.nodes.index(value.node) + 1 if value.node in program.nodes else 0
            program.nodes.insert(at, copy)
            program.fetches[i] = copy.outputs[0]


def _densify_fetches(program: Program) -> None:
    """Strided views of intermediate values are copied by the plan; small ones when they are read out."""
    made: dict[Any, Any] = {}
    for i, value in enumerate(program.fetches):
        if value.storage.kind == "arena" and not value.layout.is_dense and value.nbytes > 1 << 14:
            if value not in made:
                copy = copy_of(value, "fetch")
                program.nodes.append(copy)
                made[value] = copy.outputs[0]
            program.fetches[i] = made[value]

"""Executables: a plan laid out in a lane's arena, fed, run by one call into C, and read out."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from opwright._abi import ffi
from opwright.binding import as_array, as_storage
from opwright.dtypes import from_storage
from opwright.errors import FailedPreconditionError
from opwright.plan.descriptors import patches
from opwright.plan.emit import Emitted
from opwright.plan.failures import error_of
from opwright.plan.ir import Program, Value
from opwright.pykernel import raised_in
from opwright.runtime import address, lib, run_plan

STAGED = 512  # bytes; smaller feeds are copied into the plan, larger ones read where they are
COPIED = 1 << 14  # bytes; smaller results are copied out of the arena, larger ones written to a fresh array
_YIELD = -1

live: weakref.WeakValueDictionary[int, Executable] = weakref.WeakValueDictionary()  # by the address of their plan

NUMERIC = frozenset((np.ndarray, float, int, bool, np.float32, np.float64, np.int32, np.int64, np.bool_))
Put = Callable[[Any], bool]  # False: not an array or number of the right shape
Fetch = Callable[[Sequence[Any]], Any]


def choose_results(program: Program) -> None:
    """Marks the fetched values that are large enough to be written to arrays of their own."""
    seen: set[Any] = set()
    for value in program.fetches:
        storage = value.storage
        whole = value.layout.is_dense and value.layout.offset == 0 and value.nbytes == storage.nbytes
        if storage.kind == "arena" and whole and value.nbytes > COPIED and not value.dynamic and storage not in seen:
            storage.kind = "result"
        seen.add(storage)


class Executable:
    """Runs a plan. Not for two threads at once: each lane has its own."""

    def __init__(self, program: Program, emitted: Emitted, arenas: Any, raw: bool) -> None:
        self.program = program
        self.emitted = emitted
        self.plan = emitted.plan
        live[int(ffi.cast("uintptr_t", self.plan))] = self
        self.rest: Any = None  # the Step that follows, where sizes had to be known first
        self._arenas = arenas
        self._raw = raw
        self._held: list[Any] = []
        self._before: list[Callable[[], None]] = []  # what has to be done before a run
        self._patches = patches(emitted.descriptors, [*program.feeds, *program.fetches])
        # For each feed the types of numbers that can be stored without a look at their value, the array it is copied
        # into, the index to do so; or None.
        self.staged: list[Any] = []
        self._puts = [self._put(value) for value in program.feeds]
        self._arrays: dict[int, Any] = {}  # by storage, during a run: those that results are written to
        self._handed_out: set[int] = set()
        self.views: list[Any] = []  # for each fetch the memory it is copied from, if it is that simple; or None
        self._fetches = [self._fetch(value) for value in program.fetches]
        self._before += [self._restore(value) for value in dict.fromkeys(program.fetches) if value.dynamic]
        if program.needs_initialized:
            self._before.append(self._check_initialized)
        # From values to fetched ones; None where the values' shapes are not those it was made for.
        self.call: Callable[[Sequence[Any]], list[Any] | None] = self._direct() if self.is_simple else self._general

    def _feed(self, values: Sequence[Any]) -> bool:
        if self._held:  # by a run that failed
            self._held.clear()
        for put, value in zip(self._puts, values):
            if not put(value):
                return False
        return True

    def _general(self, values: Sequence[Any]) -> list[Any] | None:
        if not self._feed(values):
            return None
        for prepare in self._before:
            prepare()
        status = run_plan(self.plan, 0)
        if status:
            self.settle(status)
        found = [fetch(values) for fetch in self._fetches]
        if self._held:
            self._held.clear()
        if self._arrays:
            self._arrays.clear()
        return found

    def _direct(self) -> Callable[[Sequence[Any]], list[Any] | None]:
        """For small feeds and fetches: nothing but copies in, the plan, copies out."""
        slots = [(*staged, put) for staged, put in zip(self.staged, self._puts, strict=True)]
        plan, settle, fetches = self.plan, self.settle, self._fetches
        first = self.views[0] if len(self.views) == 1 and self._gives_numbers(self.program.fetches[0]) else None

        def call(values: Sequence[Any]) -> list[Any] | None:
            i = 0  # zip and enumerate cost more than all the rest
            for value in values:
                plain, view, index, put = slots[i]
                if type(value) in plain:
                    view[index] = value
                elif not put(value):
                    return None
                i += 1
            status = run_plan(plan, 0)
            if status:
                settle(status)
            return [fetch(values) for fetch in fetches] if first is None else [first[()]]

        return call

    def repeat(self, values: Sequence[Any], n: int) -> list[Any] | None:
        """What the last of n runs on the same values gives, without Python between; None as from `call`, and where a
        part is still to be planned, or a size to be set before each run."""
        if self.rest is not None or any(value.dynamic for value in self.program.fetches) or not self._feed(values):
            return None
        for prepare in self._before:
            prepare()
        left, status = ffi.new("int64_t[2]", [n - 1, 0]), _YIELD
        while status == _YIELD:
            status = lib.owr_repeat(self.plan, left)
        if status:
            self.settle(status)
        return self.call(values)

    def settle(self, status: int) -> None:
        """Goes on after a yield, during which Python has served signals; raises what went wrong."""
        while status == _YIELD:
            status = run_plan(self.plan, 1)
        if status:
            error = self.plan.err
            node = self.emitted.nodes[error.node] if 0 <= error.node < len(self.emitted.nodes) else None
            message = ffi.string(error.message).decode(errors="replace")
            op = node.definition.name if node is not None and node.definition else "step"
            cause = raised_in(ffi.addressof(self.plan, "err"))
            if cause is not None and not isinstance(cause, Exception):
                raise cause  # KeyboardInterrupt, SystemExit
            raise error_of(status, f"[{op}] {message}", node.origin if node else None, cause) from cause

    @property
    def is_simple(self) -> bool:
        """Whether running it is no more than storing the feeds in `staged`, the plan, and copying from `views`."""
        return not self._before and not any(one is None for one in [*self.staged, *self.views])

    def _check_initialized(self) -> None:
        for op, storage in self.program.needs_initialized:
            if storage.initialized is not None and not storage.initialized[0]:
                raise FailedPreconditionError(
                    f"variable {op.name!r} must be initialised before it is read; run its initializer, or "
                    f"global_variables_initializer()\n  built at {op.line}"
                )
        self._before = [b for b in self._before if b != self._check_initialized]  # once is enough

    # -- feeding -------------------------------------------------------------------------------------------------------

    def _put(self, value: Value) -> Put:
        targets = self._patches[id(value.storage)]
        if value.storage.nbytes <= STAGED and not self._written(value):
            return self._put_staged(value, targets)
        self.staged.append(None)
        dtype, wanted, shape, held = value.dtype, value.dtype.numpy, value.shape, self._held
        from_buffer = ffi.from_buffer

        def put(array: Any) -> bool:
            dense = type(array) is np.ndarray and (flags := array.flags).c_contiguous and flags.aligned
            if not dense or array.dtype != wanted:
                if type(array) not in NUMERIC:
                    return False
                array = np.require(as_storage(array, dtype), requirements=["C", "A"])
            if array.shape != shape:
                return False
            held.append(array)
            start = from_buffer(array)
            for tensor, offset in targets:
                tensor.data = start + offset
            return True

        return put

    def _put_staged(self, value: Value, targets: Any) -> Put:
        memory = ffi.new("char[]", max(64, value.storage.nbytes))
        self.emitted.keep.append(memory)
        for tensor, offset in targets:
            tensor.data = memory + offset
        dtype, wanted, shape = value.dtype, value.dtype.numpy, value.shape
        view = np.frombuffer(ffi.buffer(memory, value.nbytes), wanted).reshape(shape)
        index = () if not shape else ...
        plain: set[type] = set()
        if not shape and not dtype.is_coded:
            plain = {wanted.type, float, int} if dtype.is_floating else {wanted.type}
        self.staged.append((plain, view, index))

        def put(fed: Any) -> bool:
            kind = type(fed)
            if kind not in plain:
                if kind not in NUMERIC:
                    return False
                if kind is not np.ndarray or fed.dtype != wanted:
                    fed = as_array(fed, dtype)
                if fed.shape != shape:
                    return False
            view[index] = fed
            return True

        return put

    def _written(self, value: Value) -> bool:
        return value.storage in self.program.written()

    # -- fetching ------------------------------------------------------------------------------------------------------

    def _fetch(self, value: Value) -> Fetch:
        storage = value.storage
        self.views.append(None)
        if storage.kind == "feed":
            return self._fetch_feed(value)
        if storage.kind == "result" and storage.nbytes == value.nbytes and id(storage) not in self._handed_out:
            return self._fetch_result(value)
        if value.dynamic:
            return self._fetch_dynamic(value)
        if storage.array is not None:
            flat = storage.array.reshape(-1)
        elif storage.kind == "result":
            return self._fetch_again(value)
        else:
            base = self.emitted.arenas[storage.device] + storage.offset
            flat = np.frombuffer(ffi.buffer(ffi.cast("char *", base), storage.nbytes), value.dtype.numpy)
            self.views[-1] = _view(flat, value)
        return self._reader(value, _view(flat, value))

    def _gives_numbers(self, value: Value) -> bool:
        return not (value.shape or self._raw or value.dtype.is_coded)

    def _reader(self, value: Value, view: np.ndarray[Any, Any]) -> Fetch:
        dtype, copy, item = value.dtype, view.copy, view.__getitem__
        if self._raw:
            return lambda _: copy()
        if dtype.is_coded:
            return lambda _: from_storage(view, dtype)[()]
        return (lambda _: item(())) if self._gives_numbers(value) else (lambda _: copy())

    def _fetch_feed(self, value: Value) -> Fetch:
        slot, dtype = value.storage.slot, value.dtype
        raw = self._raw

        def fetch(values: Sequence[Any]) -> Any:
            array = np.ascontiguousarray(as_storage(values[slot], dtype))
            found = _view(array.reshape(-1), value).copy()
            return found if raw else from_storage(found, dtype)[()]

        return fetch

    def _fetch_result(self, value: Value) -> Fetch:
        targets = self._patches[id(value.storage)]
        shape, dtype, nbytes = value.shape, value.dtype, value.nbytes
        key, arrays, raw = id(value.storage), self._arrays, self._raw
        self._handed_out.add(key)

        def allocate() -> None:
            memory = np.empty(nbytes + 64, np.uint8)
            start = -address(memory) % 64
            arrays[key] = memory[start : start + nbytes].view(dtype.numpy).reshape(shape)
            first = ffi.from_buffer(arrays[key])
            for tensor, offset in targets:
                tensor.data = first + offset

        def fetch(_: Sequence[Any]) -> Any:
            array = arrays[key]
            return array if raw or not dtype.is_coded else from_storage(array, dtype)

        self._before.append(allocate)
        return fetch

    def _fetch_again(self, value: Value) -> Fetch:
        """Another view of a result that is handed out as well: a copy of its own."""
        key, arrays, dtype = id(value.storage), self._arrays, value.dtype

        def fetch(_: Sequence[Any]) -> Any:
            found = _view(arrays[key].view(dtype.numpy).reshape(-1), value).copy()
            return found if self._raw else from_storage(found, dtype)[()]

        return fetch

    def _restore(self, value: Value) -> Callable[[], None]:
        """Before a run: gives an output of data-dependent size its bound again, which the kernel will lower."""
        tensor, bound = self.emitted.descriptors.tensor(value), value.shape

        def restore() -> None:
            for d, size in enumerate(bound):
                tensor.shape[d] = size

        return restore

    def _fetch_dynamic(self, value: Value) -> Fetch:
        tensor = self.emitted.descriptors.tensor(value)
        rank = len(value.shape)
        dtype, raw = value.dtype, self._raw

        def fetch(_: Sequence[Any]) -> Any:
            shape = tuple(tensor.shape[d] for d in range(rank))
            size = math.prod(shape)
            found = np.frombuffer(ffi.buffer(tensor.data, size * dtype.size), dtype.numpy).reshape(shape).copy()
            return found if raw else from_storage(found, dtype)

        return fetch


def _view(flat: np.ndarray[Any, Any], value: Value) -> np.ndarray[Any, Any]:
    layout, size = value.layout, value.dtype.size
    if value.size == 0:
        return np.empty(layout.shape, value.dtype.numpy)
    strides = tuple(s * size for s in layout.strides)
    return np.lib.stride_tricks.as_strided(flat[layout.offset :], layout.shape, strides)

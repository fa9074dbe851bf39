"""A kernel driven by hand, on memory of our own with guards around it: prepare, run, finish as kernel.h says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from opwright._abi import ffi
from opwright.kernels import Kernel
from opwright.plan.descriptors import Descriptors
from opwright.plan.ir import Node, Value
from opwright.plan.select import matching, plan_of
from opwright.runtime import NULL, host

from opwright_check.outcome import Stop, fail, skip
from opwright_check.subject import Array, Subject

STRIDED, POST, DYNAMIC, ZEROED, NONDETERMINISTIC, FOLDS = 1, 2, 4, 8, 16, 64  # kernel.h's caps
UNSUPPORTED = 3
GUARD = 256  # bytes on either side
PATTERN = 0xA5


class Memory:
    """Bytes between two guards, at a distance of `offset` bytes from a multiple of 64."""

    def __init__(self, nbytes: int, offset: int = 0, fill: int = 0, guard: int = PATTERN) -> None:
        raw = np.full(nbytes + offset + 2 * GUARD + 64, guard, np.uint8)
        start = -raw.ctypes.data % 64 + GUARD + offset
        self._before, self._after = raw[start - GUARD : start], raw[start + nbytes : start + nbytes + GUARD]
        self._guard = guard
        self.bytes = raw[start : start + nbytes]
        self.bytes[...] = fill
        self.pointer = ffi.cast("char *", raw.ctypes.data + start)

    def damage(self) -> str:
        """Where a guard has been overwritten; empty if nowhere."""
        for name, guard in (("before", self._before), ("after", self._after)):
            wrong = np.flatnonzero(guard != self._guard)
            if len(wrong):
                distance = GUARD - int(wrong[-1]) if name == "before" else int(wrong[0]) + 1
                return f"{len(wrong)} bytes {name} it, {distance} bytes away"
        return ""


class Layout:
    """How inputs lie in memory: `offset` bytes from 64, and with which strides (None: dense)."""

    def __init__(self, misaligned: bool = False, strides: str = "") -> None:
        self.misaligned = misaligned
        self.strides = strides  # "", "reversed", "spread" or "turned"


DENSE = Layout()


class Direct:
    """A kernel prepared for a subject, and the memory for its calls.

    host      the table the kernel sees
    sizes     struct_size of ow_plan and ow_call, as an older core would give them; more: a newer one's
    fill      the byte that outputs and scratch are filled with
    alias     (input, output) pairs that share memory
    """

    def __init__(
        self, kernel: Kernel, subject: Subject, *, layout: Layout = DENSE, host_table: Any = None,
        sizes: tuple[int, int] | None = None, fill: int = 0, alias: Sequence[tuple[int, int]] = (), workers: int = 1,
        guard: int = PATTERN,
    ) -> None:  # fmt: skip
        self.kernel, self.subject = kernel, subject
        self.fill, self.guard, self.layout = fill, guard, layout
        self.alias = dict((o, i) for i, o in alias)
        self.host = host if host_table is None else host_table
        node = subject.node()
        if node is None:
            raise Stop(skip("the planner needs no kernel: it is written in other ops, or known from shapes"))
        self.node: Node = node
        self.workers = workers
        self.descriptors = Descriptors()
        self.error = ffi.new("owr_error *")
        self.inputs = [v for group in node.groups for v in group]
        for value, array in zip(self.inputs, subject.arrays, strict=True):
            value.layout = _laid(value, array, layout)
        self.plan = self._plan(sizes[0] if sizes else ffi.sizeof("ow_plan"))
        self.call_size = sizes[1] if sizes else ffi.sizeof("ow_call")
        self.status = 0

    def _plan(self, size: int) -> Any:
        room = self.descriptors.kept(beyond(size))
        plan = ffi.cast("ow_plan *", room)
        ffi.memmove(plan, plan_of(self.node, self.descriptors, self.error), min(size, ffi.sizeof("ow_plan")))
        plan.struct_size = size
        plan.host = self.host
        plan.max_workers = self.workers
        return plan

    @property
    def message(self) -> str:
        return ffi.string(self.error.message).decode(errors="replace")

    def prepare(self) -> Direct:
        """Prepares; skips the check where the kernel declines, fails it where the kernel fails."""
        struct = self.kernel.struct
        if struct.score != NULL and struct.score(self.plan) <= 0:
            raise Stop(skip(f"{described(self.kernel)} declines: {self.message}"))
        self.status = int(struct.prepare(self.plan)) if struct.prepare != NULL else 0
        if self.status == UNSUPPORTED:
            raise Stop(skip(f"{described(self.kernel)} declines: {self.message}"))
        if self.status:
            raise Stop(fail(f"{self.subject}: prepare of {described(self.kernel)} fails: {self.message}"))
        if self.plan.state != NULL and self.plan.free_state != NULL:
            self.descriptors.kept(ffi.gc(self.plan.state, self.plan.free_state))
        return self

    # -- what prepare asked for ----------------------------------------------------------------------------------------

    @property
    def tile(self) -> Any:
        return self.plan.tile if self.plan.tile != NULL else self.kernel.struct.tile

    @property
    def run_function(self) -> Any:
        return self.plan.run if self.plan.run != NULL else self.kernel.struct.run

    @property
    def finish(self) -> Any:
        return self.plan.finish if self.plan.finish != NULL else self.kernel.struct.finish

    @property
    def n_chunks(self) -> int:
        return max(1, int(self.plan.n_chunks))

    @property
    def inplace(self) -> list[tuple[int, int]]:
        pairs = self.plan.inplace if self.plan.inplace != NULL else self.kernel.struct.inplace
        found: list[tuple[int, int]] = []
        while pairs != NULL and pairs[2 * len(found)] >= 0:
            found.append((pairs[2 * len(found)], pairs[2 * len(found) + 1]))
        return found

    # -- running -------------------------------------------------------------------------------------------------------

    def start(self) -> Run:
        """Memory for one call."""
        return Run(self)


class Run:
    """One call of a prepared kernel, its inputs, outputs and scratch between guards."""

    def __init__(self, direct: Direct) -> None:
        self.direct = direct
        d, subject = direct, direct.subject
        self.keep: list[Any] = []
        self.inputs: list[Memory] = []
        self.error = ffi.new("owr_error *")
        tensors = []
        for value, array in zip(d.inputs, subject.arrays, strict=True):
            memory, start = self._place(value, array)
            self.inputs.append(memory)
            tensors.append(self._tensor(value, memory.pointer + start))
        self.outputs: list[Memory] = []
        self.made: list[Any] = []
        refs = iter([i for i, arg in enumerate(subject.args) if arg.is_ref])
        for o, value in enumerate(d.node.outputs):
            source = next(refs) if _is_ref(d, o) else d.alias.get(o)
            memory = self.inputs[source] if source is not None else self._fresh(value)
            self.outputs.append(memory)
            self.made.append(self._tensor(value, memory.pointer))
        self.before = [m.bytes.copy() for m in self.inputs]
        self.written = {
            *(i for i, arg in enumerate(subject.args) if arg.is_ref), *d.alias.values()
        }  # fmt: skip
        self.scratch = Memory(int(d.plan.scratch_bytes), fill=d.fill, guard=d.guard)
        each = -(-int(d.plan.worker_scratch_bytes) // 64) * 64
        self.worker_scratch = [Memory(each, fill=d.fill, guard=d.guard) for _ in range(d.workers)]
        self._in, self._out = self._pointers(tensors), self._pointers(self.made)
        self.calls = [self._call(w) for w in range(d.workers)]

    def _fresh(self, value: Value) -> Memory:
        offset = value.dtype.size if self.direct.layout.misaligned else 0
        return Memory(value.nbytes, offset, self.direct.fill, self.direct.guard)

    def _place(self, value: Value, array: Array) -> tuple[Memory, int]:
        """Memory that holds the array in the value's layout, and where its first element stands, in bytes."""
        d = self.direct
        offset = value.dtype.size if d.layout.misaligned else 0
        laid = value.layout
        spread = 1 + sum((n - 1) * abs(s) for n, s in zip(laid.shape, laid.strides, strict=True)) if array.size else 0
        memory = Memory(spread * value.dtype.size, offset, 0x7F, d.guard)
        first = sum((n - 1) * -s for n, s in zip(laid.shape, laid.strides, strict=True) if s < 0) if array.size else 0
        if array.size:
            flat = memory.bytes.view(value.dtype.numpy)
            strides = tuple(s * value.dtype.size for s in laid.strides)
            np.lib.stride_tricks.as_strided(flat[first:], laid.shape, strides)[...] = array
        return memory, first * value.dtype.size

    def _tensor(self, value: Value, pointer: Any) -> Any:
        made = ffi.new("ow_tensor *", self.direct.descriptors.tensor(value)[0])
        rank = len(value.shape)
        dims = ffi.new("int64_t[]", [*value.layout.shape, *value.layout.strides])
        made.shape, made.strides, made.data = dims, dims + rank, pointer
        self.keep += [made, dims]
        return made

    def _pointers(self, tensors: list[Any]) -> Any:
        return self._kept(ffi.new("ow_tensor *[]", tensors or 1))

    def _kept(self, thing: Any) -> Any:
        self.keep.append(thing)
        return thing

    def _call(self, worker: int) -> Any:
        d = self.direct
        call = ffi.cast("ow_call *", self._kept(beyond(d.call_size)))
        call.struct_size, call.worker, call.host, call.err = d.call_size, worker, d.host, self.error
        call.state = d.plan.state if d.kernel.struct.prepare != NULL else ffi.cast("void *", d.plan.attr)
        call.attr, call.n_in, call.n_out, call.n_chunks = d.plan.attr, d.plan.n_in, d.plan.n_out, d.n_chunks
        setattr(call, "in", self._in)
        call.out = self._out
        call.scratch, call.worker_scratch = self.scratch.pointer, self.worker_scratch[worker].pointer
        call.cancel = self._kept(ffi.new("int32_t *"))
        if d.subject.op.random:
            call.rng = self._kept(ffi.new("ow_rng *", {"seed": 7, "stream": 11, "run": 0}))
        return call

    def run(self, deal: Sequence[tuple[int, int, int]] | None = None) -> Run:
        """Runs the pieces (first, last, worker), by default all chunks at once, then finish. Fails the check where the
        kernel fails."""
        d = self.direct
        if d.kernel.caps & ZEROED:
            for memory in (self.scratch, *self.worker_scratch):
                memory.bytes[...] = 0
        if d.run_function == NULL:
            self.run_tile()
            return self
        status = 0
        for first, last, worker in deal or [(0, d.n_chunks, 0)]:
            status = status or int(d.run_function(self.calls[worker], first, last))
        if not status and d.finish != NULL:
            status = int(d.finish(self.calls[0]))
        if status:
            text = ffi.string(self.error.message).decode(errors="replace")
            raise Stop(fail(f"{d.subject}: {described(d.kernel)} fails with status {status}: {text or 'no message'}"))
        return self

    def run_tile(self) -> None:
        """The tile function over the whole index space, broadcast inputs spread out before."""
        d = self.direct
        (output,) = d.node.outputs
        pointers = []
        for i, (value, memory) in enumerate(zip(d.inputs, self.inputs, strict=True)):
            if value.shape == output.shape:
                pointers.append(memory.pointer)
                continue
            spread = np.ascontiguousarray(np.broadcast_to(d.subject.arrays[i], output.shape))
            offset = value.dtype.size if d.layout.misaligned else 0
            whole = Memory(spread.nbytes, offset, 0, d.guard)
            whole.bytes[...] = np.frombuffer(spread.tobytes(), np.uint8)
            self.keep.append(whole)
            pointers.append(whole.pointer)
        state = d.plan.state if d.kernel.struct.prepare != NULL else ffi.cast("void *", d.plan.attr)
        d.tile(self.outputs[0].pointer, ffi.new("void *[]", pointers or 1), output.size, state)

    def follow(self, apply: Any) -> None:
        """Makes `apply`, a function of ow_post, the call's epilogue."""
        made = ffi.new("ow_post *", {"struct_size": ffi.sizeof("ow_post"), "apply": apply})
        self.keep += [made, apply]
        for call in self.calls:
            call.post = made

    def results(self) -> list[Array]:
        """The outputs as stored, in the shapes the kernel left."""
        found = []
        for value, memory, tensor in zip(self.direct.node.outputs, self.outputs, self.made, strict=True):
            shape = tuple(tensor.shape[i] for i in range(tensor.ndim))
            size = math.prod(shape) * value.dtype.size
            found.append(memory.bytes[:size].view(value.dtype.numpy).reshape(shape).copy())
        written = [self.inputs[i].bytes.copy() for i, arg in enumerate(self.direct.subject.args) if arg.is_ref]
        return [*found, *written]


def beyond(size: int) -> Any:
    """Zeroed memory for a structure of `size` bytes, with rubbish after it."""
    room = ffi.new("char[]", size + 64)
    ffi.buffer(room)[size:] = b"\xa5" * 64
    return room


def _is_ref(direct: Direct, output: int) -> bool:
    outs = direct.subject.op.schema.outputs
    return not outs[0].is_list and outs[output].is_ref


def _laid(value: Value, array: Array, layout: Layout) -> Any:
    from opwright.layouts import Layout as Strides

    dense = Strides.dense(array.shape)
    if not layout.strides or not array.size:
        return dense
    if layout.strides == "reversed":
        return Strides(dense.shape, tuple(-s for s in dense.strides), 0)
    if layout.strides == "spread":
        return Strides(dense.shape, tuple(2 * s for s in dense.strides), 0)
    turned = Strides.dense(array.shape[::-1])
    return Strides(dense.shape, turned.strides[::-1], 0)


def candidates(subject: Subject) -> list[Kernel]:
    """The kernels in C that take the subject's dtypes on the CPU. Skips the check where there are none."""
    node = subject.node()
    if node is None:
        raise Stop(skip("the planner needs no kernel: it is written in other ops, or known from shapes"))
    taking = matching(node)
    found = [k for k in taking if k.python is None]
    if not found:
        what = "its kernel is a Python function" if taking else "it is a view" if subject.op.view_function else ""
        raise Stop(skip(what or "it has no kernel for the CPU: its reference or rewrite serves"))
    return found


def described(kernel: Kernel) -> str:
    """A kernel as messages name it."""
    return f"the {kernel.device} kernel {kernel.variant + ' ' if kernel.variant else ''}{kernel.signature}"


def same_bits(a: Array, b: Array) -> bool:
    """Whether two arrays hold the same bits."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()

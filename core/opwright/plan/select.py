"""The kernel for each node: candidates by score, the first that can be prepared."""

from __future__ import annotations

from collections import Counter
from copy import copy
from itertools import accumulate
from typing import Any

from opwright import pykernel
from opwright._abi import ffi
from opwright.devices import device
from opwright.dtypes import uint8
from opwright.errors import LibraryError, OpwrightError
from opwright.kernels import Kernel, kernels, no_kernel, signature
from opwright.layouts import Layout
from opwright.plan.descriptors import Descriptors
from opwright.plan.instantiate import blame
from opwright.plan.ir import COPY, Node, Program, Storage, Value
from opwright.plan.layout import densify
from opwright.runtime import NULL, host, lib, workers

_STRIDED, _POST, _DYNAMIC, _ZEROED, _FOLDS = 1, 2, 4, 8, 64  # kernel.h's OW_STRIDED ...
_UNSUPPORTED = 3
_DEFAULT_SCORE = 100
_GIGAFLOPS, _GIGABYTES = 30.0, 8.0  # of one core, for estimates: order of magnitude


class Prepared:
    """A kernel prepared for a node: what it asks for, and the functions to call."""

    def __init__(self, kernel: Kernel | None, plan: Any, run: Any, finish: Any = NULL, state: Any = NULL) -> None:
        self.kernel = kernel
        self.plan = plan
        self.run = run
        self.finish = finish
        self.state = state
        self.caps = kernel.caps if kernel else 0
        self.scratch_bytes = self.worker_scratch_bytes = 0
        self.n_chunks = 1
        self.inplace: list[tuple[int, int]] = []
        self.nanoseconds = self.flops = self.bytes = 0.0  # estimates; flops and bytes of the whole call, 0: unknown
        self.elsewhere: dict[str, int] = {}  # scratch on other devices than the node's
        self.attributes: Any = NULL
        self.tile: Any = NULL
        if plan is not None:
            self.scratch_bytes, self.worker_scratch_bytes = plan.scratch_bytes, plan.worker_scratch_bytes
            self.n_chunks = max(1, plan.n_chunks)
            self.flops, self.bytes = plan.flops, plan.bytes
            self.nanoseconds = max(plan.flops / _GIGAFLOPS, plan.bytes / _GIGABYTES, 20e3 * (self.n_chunks - 1))
            self.attributes = plan.attr

    @property
    def post(self) -> bool:
        return bool(self.caps & _POST)

    @property
    def packs(self) -> bool:
        return self.plan is not None and self.plan.packing != NULL

    @property
    def zeroed(self) -> bool:
        return bool(self.caps & _ZEROED)


def matching(node: Node) -> list[Kernel]:
    """The kernels of a node's op that take its dtypes, on its device."""
    assert node.definition is not None
    return kernels.matching(node.definition, _kind(node), *node.dtypes)


def _kind(node: Node) -> str:
    return node.device.partition(":")[0] or "cpu"


def elementwise_kernel(node: Node) -> Kernel | None:
    """The kernel that lets a node join a cluster: one with a tile function, elsewhere one with a scalar expression."""
    if node.definition is None or len(node.outputs) != 1 or len(node.inputs) > lib.OWR_MAX_TILE_IN:
        return None
    if node.outputs[0].storage.kind != "arena":
        return None
    there = kernels.matching(node.definition, "cpu", *node.dtypes)
    if _kind(node) == "cpu":
        return next((k for k in there if k.tiles), None)
    found = next((k for k in there if k.scalar), None)
    return found if found is not None and device(node.device).fuses(found.scalar) else None


def folding(node: Node, descriptors: Descriptors) -> Prepared | None:
    """The kernel that lets a reduction end a cluster, prepared: it folds consecutive elements (kernel.h, fold)."""
    if node.definition is None or node.definition.role != "kernel" or _kind(node) != "cpu":
        return None
    if len(node.inputs) != 1 or len(node.outputs) != 1 or node.inputs[0].size == 0:
        return None
    kernel = next((k for k in matching(node) if k.caps & _FOLDS), None)
    prepared = prepare(kernel, node, descriptors, []) if kernel is not None else None
    return prepared if prepared is not None and prepared.plan.fold != NULL else None


def select(program: Program, on: frozenset[str], descriptors: Descriptors, lay_out: Any) -> None:
    """Prepares a kernel for every node that runs one. `lay_out` does the same for the parts of branches and loops."""
    dense: dict[Value, Value] = {}
    packed: dict[tuple[Value, bytes], Value] = {}
    nodes: list[Node] = []
    if "pack" in on:
        _mark_reused(program, "keep" in on and not program.written())
    for node in program.nodes:
        if node.prepared is None and node.definition is not None and node.definition.role == "kernel":
            try:
                node.prepared = _choose(node, descriptors, dense, nodes)
            except OpwrightError as e:
                raise blame(e, node.origin) if node.origin is not None and hasattr(node.origin, "line") else e from None
        elif node.prepared is None and node.definition is not None and node.definition.role == "control":
            for strided in [v for v in node.inputs if not v.layout.is_dense]:
                densify(node, strided, dense, nodes)
            node.prepared = node.work.prepare(node, lay_out)
        if node.work == COPY and _crosses(node) and not node.inputs[0].layout.is_dense:
            densify(node, node.inputs[0], dense, nodes)
        if node.prepared is not None and node.prepared.packs:
            _pack(node, packed, nodes)
        nodes.append(node)
        for storage in node.writes():
            packed = {key: copy for key, copy in packed.items() if key[0].storage is not storage}
    for node in nodes:  # the dense copies that strided inputs have got
        if node.prepared is None and node.work == COPY:
            node.prepared = copy_kernel(node)
    program.nodes = nodes


def _mark_reused(program: Program, keeps: bool) -> None:
    """Tells nodes which of their inputs are worth copying: others read them with the same op and attributes, or the
    copy will be kept (keep.py)."""
    reads: Counter[Any] = Counter()
    keys: dict[Node, list[Any]] = {}
    for node in program.nodes:
        if node.definition is not None and node.definition.role == "kernel" and _kind(node) == "cpu":
            alike = node.alike
            keys[node] = [(value, i, alike) for i, value in enumerate(node.inputs[:64])]
            reads.update(keys[node])
    lasting = ("constant", "variable") if keeps else ()
    for node, mine in keys.items():
        node.reused = sum(1 << i for i, key in enumerate(mine) if reads[key] > 1 or key[0].storage.kind in lasting)


def _pack(node: Node, packed: dict[tuple[Value, bytes], Value], nodes: list[Node]) -> None:
    """Gives a node the copy of an input that its kernel asks for, made once for all that ask for an equal one."""
    packing, prepared = node.prepared.plan.packing, node.prepared
    index = getattr(packing, "in")
    value = node.inputs[index]
    key = value, ffi.string(packing.layout)
    if key not in packed:
        made = Node(None, [[value]], {})
        made.name, made.origin, made.device, made.work = f"{node.name}/packed", node.origin, node.device, COPY
        made.outputs = [Value(uint8, Layout.dense((packing.bytes,)), Storage("arena", packing.bytes), made)]
        made.prepared = Prepared(None, None, packing.run, state=prepared.state)
        made.prepared.n_chunks = packing.n_chunks
        made.prepared.nanoseconds = 2 * packing.bytes / _GIGABYTES
        nodes.append(made)
        packed[key] = made.outputs[0]
    node.inputs[index] = packed[key]


def _crosses(node: Node) -> bool:
    return node.inputs[0].storage.device != node.outputs[0].storage.device


def copy_kernel(node: Node) -> Prepared:
    """A dense copy, within a device or between two."""
    (target,) = node.outputs
    if node.device != "cpu":
        made: Prepared = device(node.device).copy_kernel(node)
        return made
    prepared = Prepared(None, None, lib.owr_copy_run)
    prepared.n_chunks = max(1, -(-target.size // lib.OWR_COPY_CHUNK))
    prepared.nanoseconds = 2 * target.nbytes / _GIGABYTES
    return prepared


def _choose(node: Node, descriptors: Descriptors, dense: dict[Value, Value], nodes: list[Node]) -> Prepared:
    assert node.definition is not None
    reasons: list[str] = []
    for kernel in descriptors.once(_seen(node), lambda: _ranked(node, descriptors, reasons)):
        if not kernel.caps & _STRIDED:
            for strided in [v for v in node.inputs if not v.layout.is_dense]:
                densify(node, strided, dense, nodes)
        prepared = prepare(kernel, node, descriptors, reasons)
        if prepared is not None:
            return prepared
    raise no_kernel(node.definition, _kind(node), signature(node.definition, *node.dtypes), reasons)


def _ranked(node: Node, descriptors: Descriptors, reasons: list[str]) -> list[Kernel]:
    """The kernels that can serve a node, the best first."""
    scored = [(score(k, node, descriptors, reasons), k) for k in matching(node)]
    return [kernel for value, kernel in sorted(scored, key=lambda s: -s[0]) if value > 0]


def _seen(node: Node) -> Any:
    """All that kernels are shown of a node: those that look alike share what a kernel makes for them."""
    constants = tuple([v if v.storage.kind == "constant" else None for v in node.inputs])
    kinds = [(v.dtype, v.layout.shape, v.layout.strides, v.storage.device) for v in [*node.inputs, *node.outputs]]
    return node.alike, node.reused, constants, tuple(kinds)


def score(kernel: Kernel, node: Node, descriptors: Descriptors, reasons: list[str]) -> int:
    """How well a kernel serves a node; <= 0 if it cannot, with its reason added to `reasons`."""
    if kernel.python is not None:
        return 1
    if kernel.struct.score == NULL:
        return _DEFAULT_SCORE
    error = ffi.new("owr_error *")
    value = int(kernel.struct.score(plan_of(node, descriptors, error)))
    if value <= 0:
        reasons.append(f"{kernel.variant or kernel.signature}: {_message(error)}")
    return value


def plan_of(node: Node, descriptors: Descriptors, error: Any) -> Any:
    """The ow_plan that score and prepare see."""
    assert node.definition is not None
    inputs = node.inputs
    plan = ffi.new("ow_plan *")
    plan.struct_size = ffi.sizeof("ow_plan")
    plan.max_workers = workers()
    plan.host, plan.err = host, error
    plan.n_in, plan.n_out, plan.n_arg = len(inputs), len(node.outputs), len(node.sizes)
    plan.n_attr = len(node.definition.schema.attributes)
    setattr(plan, "in", descriptors.array(inputs))
    plan.out = descriptors.array(node.outputs)
    plan.arg = descriptors.kept(ffi.new("int32_t[]", [*accumulate(node.sizes, initial=0)]))
    plan.attr = descriptors.attributes(node.definition.schema, node.attributes)
    known = [v.storage.kind == "constant" and v.storage.device == "cpu" for v in inputs[:64]]
    plan.reused_in = node.reused
    plan.const_in = sum(1 << i for i, is_known in enumerate(known) if is_known)
    return plan


def prepare(kernel: Kernel, node: Node, descriptors: Descriptors, reasons: list[str]) -> Prepared | None:
    """The kernel ready to run, or None if it declines these shapes."""
    made = descriptors.once((kernel, _seen(node)), lambda: _prepare(kernel, node, descriptors, reasons))
    return copy(made)


def _prepare(kernel: Kernel, node: Node, descriptors: Descriptors, reasons: list[str]) -> Prepared | None:
    error = ffi.new("owr_error *")
    plan = descriptors.kept(plan_of(node, descriptors, error))
    if kernel.python is not None:
        return _prepare_python(kernel, node, plan, descriptors)
    struct = kernel.struct
    status = struct.prepare(plan) if struct.prepare != NULL else 0
    state = plan.state
    if state != NULL and plan.free_state != NULL:
        state = descriptors.kept(ffi.gc(plan.state, plan.free_state))
    if status == _UNSUPPORTED:
        reasons.append(f"{kernel.variant or kernel.signature}: {_message(error)}")
        return None
    if status:
        raise _failure(status, _message(error), node)
    run = plan.run if plan.run != NULL else struct.run
    finish = plan.finish if plan.finish != NULL else struct.finish
    prepared = Prepared(kernel, plan, run, finish, state)
    pairs = plan.inplace if plan.inplace != NULL else struct.inplace
    prepared.inplace = _pairs(pairs)
    prepared.tile = plan.tile if plan.tile != NULL else struct.tile
    if struct.prepare == NULL:
        prepared.state = ffi.cast("void *", plan.attr)  # what a tile function gets then
    return prepared


def _prepare_python(kernel: Kernel, node: Node, plan: Any, descriptors: Descriptors) -> Prepared:
    assert node.definition is not None
    assert kernel.python is not None
    args = node.definition.schema.tensors
    sizes = [
        len(group) if arg.is_list else None
        for arg, group in zip(args, node.groups, strict=True)
        if arg.is_list or group
    ]
    run = descriptors.kept(pykernel.run_of(node.definition.name, kernel.python, sizes, node.attributes))
    return Prepared(kernel, plan, run)


def _pairs(pairs: Any) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    i = 0
    while pairs != NULL and pairs[i] >= 0:
        found.append((pairs[i], pairs[i + 1]))
        i += 2
    return found


def _message(error: Any) -> str:
    return ffi.string(error.message).decode(errors="replace") or "declined without a reason"


def _failure(status: int, message: str, node: Node) -> OpwrightError:
    from opwright.plan.failures import error_of

    if status == _UNSUPPORTED:
        return LibraryError(message)
    return error_of(status, f"[{node.definition.name if node.definition else node.name}] {message}")

"""The last pass: C structures for the stages and nodes, with every address that is known, ready for owr_run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opwright._abi import ffi
from opwright.devices import device
from opwright.plan.descriptors import Descriptors
from opwright.plan.ir import Node, Program
from opwright.plan.memory import Block, Layouter
from opwright.plan.stages import SOON, WORTH_WAKING, Stage
from opwright.runtime import NULL, host, lib

GRAIN_NS = 200_000  # estimated; how long a worker may go on before it asks whether to stop
YIELD_NS = 50_000_000  # how long owr_run may go on before Python gets to serve signals


@dataclass
class Laid:
    """A program after all passes but the last, and how it was laid out."""

    program: Program
    stages: list[Stage]
    layout: Layouter
    sizes: dict[str, int]
    descriptors: Descriptors


class Emitted:
    """A plan in C, and what it points to."""

    def __init__(self, plan: Any, nodes: list[Node], arenas: dict[str, Any], laid: Laid) -> None:
        self.plan = plan
        self.layout = laid.layout
        self.nodes = nodes  # by their id; those of what control nodes run come after the step's own
        self.arenas = arenas
        self.keep = laid.descriptors.keep
        self.descriptors = laid.descriptors


def emit(laid: Laid, bases: dict[str, int], rng: Any, within: Emitted | None = None) -> Emitted:
    """Writes the plan. `bases` holds the address of each device's arena; `rng(node)` a random op's key and counter;
    `within` is the plan that runs this one as part of a control node."""
    stages, layout, descriptors = laid.stages, laid.layout, laid.descriptors
    nodes = [node for stage in stages for node in stage.nodes]
    plan = ffi.new("owr_plan *")
    plan.root = plan if within is None else within.plan.root
    emitted = Emitted(plan, [] if within is None else within.nodes, bases, laid)
    first = len(emitted.nodes)
    emitted.nodes.extend(nodes)
    c_nodes = descriptors.kept(ffi.new("owr_node[]", len(nodes) or 1))
    randoms: list[tuple[Any, Any]] = []
    for i, node in enumerate(nodes):
        _emit_node(c_nodes[i], first + i, node, layout, bases, descriptors, plan.root)
        if node.definition is not None and node.definition.role == "control":
            plan.nested = 1
            c_nodes[i].call.state = _emit_control(node, layout, emitted, rng)
        if node.definition is not None and node.definition.random:
            key, counter = rng(node)
            c_nodes[i].call.rng = descriptors.kept(key)
            randoms.append((key, counter))
    _set_addresses(descriptors, bases)
    plan.nodes = c_nodes
    plan.n_stages, plan.n_kept = len(stages), sum(stage.kept for stage in stages)
    plan.max_workers = layout.workers
    plan.stages = descriptors.kept(_stages(stages))
    plan.n_randoms = len(randoms)
    plan.randoms = descriptors.kept(ffi.new("owr_random[]", [{"rng": k, "counter": c} for k, c in randoms] or 1))
    plan.yield_ns = YIELD_NS
    return emitted


def _emit_control(node: Node, layout: Layouter, within: Emitted, rng: Any) -> Any:
    bases = dict(within.arenas)
    bases["cpu"] = within.arenas["cpu"] + layout.scratch[node][0].offset
    for device_name, block in layout.elsewhere.get(node, {}).items():
        bases[device_name] = within.arenas[device_name] + block.offset
    return node.work.emit(node, bases, lambda part: emit(part.laid, bases, rng, within), within.descriptors.kept)


def _set_addresses(descriptors: Descriptors, bases: dict[str, int]) -> None:
    for value, tensor in descriptors.items():
        storage = value.storage
        if storage.kind == "arena":
            start = bases.get(storage.device, 0) + storage.offset
        elif tensor.data == NULL and storage.kind == "constant":  # it was to lie in the arena, and is kept
            start = storage.address or 0
        else:
            continue
        tensor.data = ffi.cast("void *", start + value.layout.offset * value.dtype.size)


def _stages(stages: list[Stage]) -> Any:
    made = ffi.new("owr_stage[]", len(stages) or 1)
    first = 0
    wakes = [stage.parallel and stage.nanoseconds >= WORTH_WAKING for stage in stages]
    for c_stage, stage, wake, next_wakes in zip(made, stages, wakes, [*wakes[1:], False], strict=False):
        c_stage.first, c_stage.count = first, len(stage.nodes)
        c_stage.parallel = stage.parallel
        c_stage.wake = wake or (next_wakes and stage.nanoseconds < SOON)
        chunks = sum(node.prepared.n_chunks for node in stage.nodes)
        c_stage.grain = max(1, min(chunks // 64, int(chunks * GRAIN_NS / max(1.0, stage.nanoseconds))))
        first += len(stage.nodes)
    return made


def _emit_node(
    target: Any, index: int, node: Node, layout: Layouter, bases: dict[str, int], descriptors: Descriptors, plan: Any
) -> None:
    prepared = node.prepared
    base = bases.get(node.device, 0)
    own, workers, epilogue = layout.scratch[node]
    target.run, target.finish = prepared.run, prepared.finish
    target.n_chunks, target.id = prepared.n_chunks, index
    target.scratch_bytes, target.worker_scratch_bytes = prepared.scratch_bytes, workers.nbytes // layout.workers
    target.zero_scratch = prepared.zeroed
    call = target.call
    call.struct_size = ffi.sizeof("ow_call")
    call.host, call.err = host, ffi.addressof(plan, "err")
    call.state, call.attr = prepared.state, prepared.attributes
    inputs = node.inputs[: sum(node.sizes)]
    outputs = node.outputs if node.post is None else [node.post.starts_from]
    call.n_in, call.n_out, call.n_chunks = len(inputs), len(outputs), prepared.n_chunks
    setattr(call, "in", descriptors.array(inputs))
    call.out = descriptors.array(outputs)
    call.scratch = ffi.cast("void *", base + own.offset)
    call.worker_scratch = ffi.cast("void *", base + workers.offset)
    call.cancel = ffi.addressof(plan, "cancel")
    call.stream = NULL if node.device == "cpu" else device(node.device).stream
    _settle(node)
    if node.post is not None:
        call.post = _post(node, base, epilogue, layout.workers, descriptors)
    flag = _initialized_by(node)
    target.done = ffi.cast("uint8_t *", flag) if flag else NULL


def _settle(node: Node) -> None:
    cluster = node.post if node.post is not None else node.work
    if getattr(cluster, "program", None) is not None:
        cluster.program.settle()


def _post(node: Node, base: int, scratch: Block, workers: int, descriptors: Descriptors) -> Any:
    program = node.post.program
    post = descriptors.kept(ffi.new("owr_post *"))
    post.post.struct_size = ffi.sizeof("ow_post")
    post.post.apply = lib.owr_post_apply
    post.program = program.c
    setattr(post, "in", descriptors.array(program.reads))
    post.out = descriptors.array(program.writes)
    post.scratch = ffi.cast("char *", base + scratch.offset)
    post.scratch_stride = scratch.nbytes // workers
    return ffi.addressof(post, "post")


def _initialized_by(node: Node) -> int:
    """The address of the flag of the variable that a node gives its first value."""
    if node.definition is None or not node.definition.initializes:
        return 0
    from opwright.runtime import address

    flag = next((s.initialized for s in node.writes() if s.initialized is not None), None)
    return address(flag) if flag is not None else 0

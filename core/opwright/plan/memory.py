"""One arena: intermediate values get offsets by lifetime, and results go in place where kernels allow it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from opwright.layouts import Layout
from opwright.plan.ir import Node, Program, Storage, Value
from opwright.plan.stages import Stage
from opwright.runtime import NULL

ALIGNMENT = 64
LARGE = 1 << 16  # bytes; from here on buffers are placed by size, smaller ones by time
SKEW = 256  # bytes between large buffers, so that equal offsets in them do not fall on one cache set


@dataclass
class Block:
    """Bytes that are needed from the first to the last of some moments."""

    nbytes: int
    first: int
    last: int
    storage: Storage | None = None
    offset: int = 0


class Layouter:
    """Lays out the values of a program in the order of its stages."""

    def __init__(self, program: Program, stages: list[Stage], on: frozenset[str], workers: int) -> None:
        self.program = program
        self.on = on
        self.workers = workers
        self.at: list[list[Node]] = []  # the nodes of each moment: one of a serial stage, all of a parallel one
        for stage in stages:
            self.at += [stage.nodes] if stage.parallel else [[node] for node in stage.nodes]
        self.uses: dict[Storage, list[int]] = {}  # the moments at which each memory is read or written, in order
        self.values: dict[Storage, list[Value]] = {}
        self.scratch: dict[Node, tuple[Block, Block, Block]] = {}  # of the call, of its workers, of its epilogue
        self.elsewhere: dict[Node, dict[str, Block]] = {}  # scratch on other devices than the node's
        self.blocks: dict[str, list[Block]] = {}  # by device
        self.peak: dict[str, int] = {}  # the most bytes alive at one moment: no layout can do with less
        self._find_uses()

    def _find_uses(self) -> None:
        seen: set[Value] = set()
        for moment, nodes in enumerate(self.at):
            for node in nodes:
                for value in node.inputs + node.outputs + ([node.post.starts_from] if node.post else []):
                    self.uses.setdefault(value.storage, []).append(moment)
                    if value not in seen:
                        seen.add(value)
                        self.values.setdefault(value.storage, []).append(value)
        for value in self.program.fetches:  # needed to the end
            self.uses.setdefault(value.storage, []).append(len(self.at))
            if value not in seen:
                self.values.setdefault(value.storage, []).append(value)

    def run(self) -> dict[str, int]:
        """Sets the offset of every arena storage. Returns the size of each device's arena."""
        if "inplace" in self.on:
            for moment, nodes in enumerate(self.at):
                for node in nodes:
                    self._in_place(node, moment)
        blocks = self.blocks
        for storage, moments in self.uses.items():
            if storage.kind == "arena":
                block = Block(_rounded(storage.nbytes), moments[0], moments[-1], storage)
                blocks.setdefault(storage.device, []).append(block)
        for moment, nodes in enumerate(self.at):
            for node in nodes:
                blocks.setdefault(node.device, []).extend(self._scratch(node, moment))
                for name, nbytes in node.prepared.elsewhere.items():
                    self.elsewhere.setdefault(node, {})[name] = Block(_rounded(nbytes), moment, moment)
                    blocks.setdefault(name, []).append(self.elsewhere[node][name])
        self.peak = {device: _largest_live_set(here) for device, here in blocks.items()}
        return {device: self._place(here) for device, here in blocks.items()}

    def _place(self, blocks: list[Block]) -> int:
        if "reuse" in self.on:
            size = _by_size([b for b in blocks if b.nbytes >= LARGE])
            size = _by_time([b for b in blocks if b.nbytes < LARGE], size)
        else:
            size = _side_by_side(blocks)
        for block in blocks:
            if block.storage is not None:
                block.storage.offset = block.offset
        return size

    def _in_place(self, node: Node, moment: int) -> None:
        """Lets outputs take over the memory of inputs that nobody needs any more."""
        taken: set[Storage] = set()
        for i, o in node.prepared.inplace:
            source, output = node.inputs[i], node.outputs[o]
            old, new = source.storage, output.storage
            if old in taken or new in taken or not self._may_overwrite(node, moment, source, output):
                continue
            taken.add(old)
            for value in self.values.pop(new, []):
                value.storage = old
                self.values[old].append(value)
            self.uses[old] = self.uses[old] + self.uses.pop(new)

    def _may_overwrite(self, node: Node, moment: int, source: Value, output: Value) -> bool:
        old, new = source.storage, output.storage
        ours = (old.kind == new.kind == "arena" and old is not new) or self.program.takes.get(new) is old
        if not ours or old.device != new.device or old.nbytes != new.nbytes:
            return False
        if self.uses[old][-1] != moment or self.uses[new][0] != moment:
            return False
        if source.layout.offset or not source.layout.is_dense:
            return False
        readers = [v for n in self.at[moment] for v in dict.fromkeys(n.inputs) if v.storage is old]
        return len(readers) == 1

    def _scratch(self, node: Node, moment: int) -> list[Block]:
        prepared = node.prepared
        post = node.post.program.scratch_bytes if node.post else 0
        each = (_rounded(prepared.worker_scratch_bytes), _rounded(post))
        sizes = (prepared.scratch_bytes, each[0] * self.workers, each[1] * self.workers)
        made = tuple(Block(_rounded(nbytes), moment, moment) for nbytes in sizes)
        self.scratch[node] = (made[0], made[1], made[2])
        return [block for block in made if block.nbytes]


def write_within(program: Program) -> None:
    """Lets values be written where a node that puts them side by side would copy them to (kernel.h, `within`)."""
    lying: dict[Storage, list[Value]] = {}
    values = [v for n in program.nodes for v in n.inputs + n.outputs + ([n.post.starts_from] if n.post else [])]
    for value in dict.fromkeys(values):
        lying.setdefault(value.storage, []).append(value)
    fixed = {value.storage for value in program.fetches}
    for node in reversed(program.nodes):  # what holds others may itself lie within another
        plan = node.prepared.plan if node.prepared is not None else None
        if plan is None or plan.within == NULL or node.outputs[0].storage in fixed:
            continue
        whole, apart = node.outputs[0], 0
        for value, at in zip(node.inputs, plan.within[0 : plan.n_in], strict=True):
            start = at + whole.layout.offset * whole.dtype.size
            if at < 0 or start % ALIGNMENT or value.storage in fixed or not _may_move(value, whole):
                apart += 1
                continue
            moved = lying.pop(value.storage)
            for v in moved:
                offset = v.layout.offset + start // v.dtype.size
                v.storage, v.layout = whole.storage, Layout(v.shape, v.layout.strides, offset)
            lying[whole.storage] += moved
        if not apart:  # nothing is left to do
            node.prepared.n_chunks, node.prepared.nanoseconds = 1, 0.0


def _may_move(value: Value, whole: Value) -> bool:
    old, new, maker = value.storage, whole.storage, value.node
    ours = old.kind == new.kind == "arena" and old is not new and old.device == new.device and not value.dynamic
    if not ours or maker is None or (maker.definition is not None and maker.definition.role != "kernel"):
        return False
    return old.nbytes == value.nbytes and value.layout.offset == 0


def _rounded(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def _largest_live_set(blocks: list[Block]) -> int:
    """The lower bound of any layout: the most bytes alive at one moment."""
    change: dict[int, int] = {}
    for block in blocks:
        change[block.first] = change.get(block.first, 0) + block.nbytes
        change[block.last + 1] = change.get(block.last + 1, 0) - block.nbytes
    live = most = 0
    for moment in sorted(change):
        live += change[moment]
        most = max(most, live)
    return most


def _side_by_side(blocks: list[Block]) -> int:
    size = 0
    for block in blocks:
        block.offset = size
        size += block.nbytes
    return size


def _by_size(blocks: list[Block]) -> int:
    """The largest first, each in the smallest gap among those alive with it (TensorFlow Lite's planner; Pisarchyk and
    Lee, "Efficient memory management for deep neural net inference", arXiv 2001.03288)."""
    placed = np.empty((4, len(blocks) + 1), np.int64)
    offset, end, first, last = placed  # in the order of offsets, after one of no size
    placed[:, 0] = 0, 0, -1, np.iinfo(np.int64).max
    size = 0
    for n, block in enumerate(sorted(blocks, key=lambda b: -b.nbytes), 1):
        alive = ((last[:n] >= block.first) & (first[:n] <= block.last)).nonzero()[0]
        free = np.maximum.accumulate(end[alive])  # where what lies before ends
        gaps = offset[alive[1:]] - free[:-1]
        fits = (gaps >= block.nbytes).nonzero()[0]
        block.offset = int(free[fits[gaps[fits].argmin()]] if len(fits) else free[-1])
        size = max(size, block.offset + block.nbytes)
        at = int(offset[:n].searchsorted(block.offset, "right"))
        placed[:, at + 1 : n + 1] = placed[:, at:n]
        placed[:, at] = block.offset, block.offset + block.nbytes + SKEW, block.first, block.last
    return size


def _by_time(blocks: list[Block], start: int) -> int:
    """In the order they come to life, each in the piece of its size that became free last: hot lines are used again."""
    size = _rounded(start)
    free: dict[int, list[int]] = {}
    alive: list[tuple[int, int, Block]] = []
    for number, block in enumerate(sorted(blocks, key=lambda b: (b.first, b.last))):
        while alive and alive[0][0] < block.first:
            done = heapq.heappop(alive)[2]
            free.setdefault(done.nbytes, []).append(done.offset)
        if free.get(block.nbytes):
            block.offset = free[block.nbytes].pop()
        else:
            block.offset = size
            size += block.nbytes
        heapq.heappush(alive, (block.last, number, block))
    return size

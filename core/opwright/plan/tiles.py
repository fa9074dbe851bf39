"""From a cluster to the tile program that libopwright runs."""

from __future__ import annotations

import math
from typing import Any

from opwright._abi import ffi
from opwright.devices import device
from opwright.layouts import Layout
from opwright.plan.descriptors import Descriptors
from opwright.plan.fuse import Cluster
from opwright.plan.ir import Node, Program, Value
from opwright.plan.select import Prepared
from opwright.runtime import NULL, lib

MAX_DIMS = 12  # OWR_MAX_DIMS
LARGEST_STEP = 1 << 16  # elements; where tiles and folded runs meet later, chunks are cut by runs alone
_TILE = 1024  # elements; half as many where more than 8 registers share L1


class TileProgram:
    """An owr_program for a cluster. `reads` and `writes` are the values its operands and results stand for."""

    def __init__(self, cluster: Cluster, descriptors: Descriptors) -> None:
        self.cluster = cluster
        self.reads = [v for v in cluster.inputs if v is not cluster.starts_from]
        self.writes = [v for v in cluster.outputs if v is not cluster.ends_in]
        folded = {v for fold in cluster.folds for v in fold.outputs}
        self._stored = [v for v in cluster.outputs if v not in folded]
        self._kept = {*self._stored, *(v for fold in cluster.folds for v in fold.inputs)}  # needed to a tile's end
        self._registers: dict[Value, int] = {}
        self._free: list[int] = []
        self._count = 0
        shape, strides = collapsed(cluster.shape, [broadcast_strides(v.layout, cluster.shape) for v in cluster.inputs])
        self._strides = dict(zip(cluster.inputs, strides, strict=True))
        self._shape = shape
        self.c = descriptors.kept(ffi.new("owr_program *"))
        operands = self._operands(descriptors)
        instructions = self._instructions(descriptors)
        self.c.results = self._results(descriptors)
        self.c.folds = self._folds(descriptors)
        self._fill(operands, instructions)

    def _fill(self, operands: Any, instructions: Any) -> None:
        c, cluster = self.c, self.cluster
        c.size = math.prod(cluster.shape)
        c.ndim = len(self._shape)
        c.shape = [*self._shape, *[1] * (MAX_DIMS - len(self._shape))]
        c.n_operands, c.n_instructions, c.n_results = len(cluster.inputs), len(cluster.members), len(self._stored)
        c.n_folds, c.n_regs = len(cluster.folds), self._count
        runs = [int(fold.plan.fold_size) for fold in cluster.folds.values() if fold.plan.fold_size < c.size]
        c.tile = self._tile([self._period(v) for v in cluster.inputs] + runs)
        step = math.lcm(c.tile, *runs)  # a run of folded elements lies within one chunk
        if step > LARGEST_STEP:
            step = math.lcm(*runs)
        # As many chunks as two or four workers share evenly; how many there are must not change what is folded.
        chunks = -(-c.size // (step * max(1, 32768 // (step * max(1, len(cluster.members) // 2)))))
        chunks = -(-chunks // 4) * 4 if chunks > 2 else max(1, chunks)
        c.chunk = step * max(1, -(-c.size // (step * chunks)))
        c.operands, c.instructions = operands, instructions

    @property
    def scratch_bytes(self) -> int:
        """Scratch for each worker."""
        return int(lib.owr_program_scratch(self.c))

    @property
    def n_chunks(self) -> int:
        return max(1, -(-int(self.c.size) // int(self.c.chunk)))

    @property
    def totals_bytes(self) -> int:
        """Scratch of the call, for the totals of reductions over all elements: a row of them for each chunk."""
        return len(self.cluster.folds) * self.n_chunks * int(lib.OW_MAX_TOTAL)

    @property
    def nanoseconds(self) -> float:
        """An estimate of the program's time on one core."""
        moved = sum(v.nbytes for v in self.cluster.inputs) + sum(v.nbytes for v in self.cluster.outputs)
        return max(0.15 * int(self.c.size) * len(self.cluster.members), moved / 8.0)

    def overwrites(self, source: Value) -> bool:
        """Whether an output may take the place of this input: it has the index space's elements, in order."""
        return self._is_dense(source) and source is not self.cluster.starts_from

    def stores(self, output: Value) -> bool:
        """Whether an output holds the index space's elements; the others are what reductions make of them."""
        return output in self._stored

    def _is_dense(self, value: Value) -> bool:
        return self._strides[value] == Layout.dense(self._shape).strides

    def _period(self, value: Value) -> int:
        """The length of the dense block that a broadcast operand repeats; 0 if it is no such."""
        step = 1
        strides = self._strides[value]
        for d in range(len(self._shape) - 1, -1, -1):
            if strides[d] != step:
                return step if not any(strides[: d + 1]) else 0
            step *= self._shape[d]
        return 0

    def _tile(self, periods: list[int]) -> int:
        tile = _TILE if self._count <= 8 else _TILE // 2
        together = math.lcm(*[p for p in periods if 1 < p <= tile])
        return tile // together * together if 1 < together <= tile else tile

    def _register(self, fresh: bool = False) -> int:
        if self._free and not fresh:
            return self._free.pop()
        self._count += 1
        return self._count - 1

    def _operands(self, descriptors: Descriptors) -> Any:
        cluster = self.cluster
        made = descriptors.kept(ffi.new("owr_operand[]", len(cluster.inputs) or 1))
        for operand, value in zip(made, cluster.inputs, strict=False):
            self._registers[value] = operand.reg = self._register()
            operand.itemsize = value.dtype.size
            setattr(operand, "in", -1 if value is cluster.starts_from else self.reads.index(value))
            operand.dense = self._is_dense(value)
            operand.period = 0 if operand.dense else self._period(value)
            operand.strides = [*self._strides[value], *[0] * (MAX_DIMS - len(self._shape))]
        return made

    def _instructions(self, descriptors: Descriptors) -> Any:
        cluster = self.cluster
        last = {value: i for i, member in enumerate(cluster.members) for value in member.inputs}
        made = descriptors.kept(ffi.new("owr_instruction[]", len(cluster.members)))
        for i, (instruction, member) in enumerate(zip(made, cluster.members, strict=True)):
            instruction.tile, instruction.state = cluster.tiles[member]
            instruction.n_in = len(member.inputs)
            for k, value in enumerate(member.inputs):
                getattr(instruction, "in")[k] = self._registers[value]
            (output,) = member.outputs
            # A result's register may be memory that an input is still read from: no earlier value may stand there.
            self._registers[output] = instruction.out = self._register(fresh=output in self._kept)
            for value in dict.fromkeys(member.inputs):
                temporary = value not in self._kept and value not in cluster.inputs
                if last[value] == i and temporary:
                    self._free.append(self._registers[value])
        return made

    def _results(self, descriptors: Descriptors) -> Any:
        cluster = self.cluster
        made = descriptors.kept(ffi.new("owr_result[]", len(self._stored) or 1))
        for result, value in zip(made, self._stored, strict=False):
            result.reg = self._registers[value]
            result.out = -1 if value is cluster.ends_in else self.writes.index(value)
            result.itemsize = value.dtype.size
        return made

    def _folds(self, descriptors: Descriptors) -> Any:
        made = descriptors.kept(ffi.new("owr_fold[]", len(self.cluster.folds) or 1))
        for i, (node, prepared) in enumerate(self.cluster.folds.items()):
            (source,), (output,) = node.inputs, node.outputs
            fold = made[i]
            fold.fold, fold.size = prepared.plan.fold, prepared.plan.fold_size
            fold.reg, fold.out = self._registers[source], self.writes.index(output)
            fold.in_itemsize, fold.out_itemsize = source.dtype.size, output.dtype.size
        return made

    def settle(self) -> None:
        """Once memory is laid out: results are written at once unless a later instruction reads what they replace."""
        cluster = self.cluster
        for i in range(len(cluster.folds)):
            self.c.folds[i].partial = i * self.n_chunks * int(lib.OW_MAX_TOTAL)
        for result, value in zip(self.c.results[0 : len(self._stored)], self._stored, strict=True):
            replaced = [v for v in cluster.inputs if v.storage is value.storage or v is cluster.starts_from is not None]
            made_by = next(i for i, m in enumerate(cluster.members) if value in m.outputs)
            read_later = any(v in m.inputs for m in cluster.members[made_by + 1 :] for v in replaced)
            result.direct = not read_later


def compile_clusters(program: Program, descriptors: Descriptors) -> None:
    """Makes the tile program of every cluster, alone or an epilogue."""
    for node in program.nodes:
        cluster = node.work if isinstance(node.work, Cluster) else node.post
        if cluster is None:
            continue
        if not node.device.startswith("cpu"):
            node.prepared = device(node.device).compile(cluster, descriptors)
            continue
        cluster.prepare(descriptors)
        cluster.program = TileProgram(cluster, descriptors)
        if node.post is None:
            node.prepared = _stand_alone(node, cluster)


def _stand_alone(node: Node, cluster: Cluster) -> Prepared:
    program = cluster.program
    if program.c.size == 1 and not cluster.folds:
        return Prepared(None, None, lib.owr_program_run_one, state=program.c)
    finish = lib.owr_program_finish if cluster.folds else NULL
    prepared = Prepared(None, None, lib.owr_program_run, finish, program.c)
    prepared.n_chunks = program.n_chunks
    prepared.scratch_bytes, prepared.worker_scratch_bytes = program.totals_bytes, program.scratch_bytes
    prepared.nanoseconds = program.nanoseconds
    prepared.inplace = [
        (i, o)
        for o, output in enumerate(node.outputs)
        for i, source in enumerate(node.inputs)
        if source.dtype.size == output.dtype.size and program.overwrites(source) and program.stores(output)
    ]
    return prepared


def broadcast_strides(layout: Layout, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides with which a tensor is read over a larger index space."""
    missing = len(shape) - len(layout.shape)
    own = [0 if size == 1 else stride for size, stride in zip(layout.shape, layout.strides, strict=True)]
    return (0,) * missing + tuple(own)


def collapsed(shape: tuple[int, ...], strides: list[tuple[int, ...]]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The index space with as few dimensions as all operands allow; at least one."""
    kept = [d for d, size in enumerate(shape) if size != 1]
    dims: list[int] = []
    rows: list[list[int]] = [[] for _ in strides]
    for d in kept:
        joinable = bool(dims) and all(row[-1] == s[d] * shape[d] for row, s in zip(rows, strides, strict=True))
        if joinable:
            dims[-1] *= shape[d]
        else:
            dims.append(shape[d])
        for row, s in zip(rows, strides, strict=True):
            if joinable:
                row[-1] = s[d]
            else:
                row.append(s[d])
    if not dims:
        return (1,), [(1,) for _ in strides]
    return tuple(dims), [tuple(row) for row in rows]

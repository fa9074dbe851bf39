"""From a cluster to the tile program that libopwright runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from opwright._abi import ffi
from opwright.devices import device
from opwright.plan.descriptors import Descriptors
from opwright.plan.fuse import Cluster
from opwright.plan.ir import Node, Program, Value
from opwright.plan.select import Prepared
from opwright.runtime import NULL, lib


class TileProgram:
    """An owr_program for a cluster. `reads` and `writes` are the values its operands and results stand for."""

    def __init__(self, cluster: Cluster, descriptors: Descriptors) -> None:
        self.cluster = cluster
        self.reads = [v for v in cluster.inputs if v is not cluster.starts_from]
        self.writes = [v for v in cluster.outputs if v is not cluster.ends_in]
        made = [v for node in cluster.nodes for v in node.outputs]
        self._homes = {v.storage: v for v in made if cluster.row}
        # Reductions of something else than rows end the program.
        self._ends = {n: fold for n, fold in cluster.folds.items() if fold.plan.fold_size != cluster.row}
        ended = {v for n in self._ends for v in n.outputs}
        self._stored = [v for v in cluster.outputs if v not in ended]
        self._kept = {*self._stored, *(v for n in self._ends for v in n.inputs)}  # needed to a tile's end
        # What is read from outside, and whether as numbers of rows.
        reads = dict.fromkeys((self._home(v), self._is_low(n)) for n in cluster.nodes for v in n.inputs)
        read = [(v, low) for v, low in reads if v not in made]
        self._registers: dict[tuple[Value, bool], int] = {}  # by value, and whether as numbers of rows
        self._free: list[int] = []
        self._count = self._row_count = 0
        self.c = descriptors.kept(ffi.new("owr_program *"))
        self._operands = descriptors.kept(ffi.new("owr_operand[]", [self._operand(*one) for one in read] or 1))
        self._fill(descriptors, len(read))
        self._dense = {v for (v, _), operand in zip(read, self._operands, strict=False) if operand.dense}

    def _fill(self, descriptors: Descriptors, n_operands: int) -> None:
        c, cluster = self.c, self.cluster
        c.operands, c.n_operands = self._operands, n_operands
        parts = {
            "instruction": list(self._instructions()),
            "result": [self._result(v) for v in self._stored],
            "fold": [self._end(*one) for one in self._ends.items()],
        }
        for name, made in parts.items():
            setattr(c, f"{name}s", descriptors.kept(ffi.new(f"owr_{name}[]", made or 1)))
            setattr(c, f"n_{name}s", len(made))
        c.size, c.row = math.prod(cluster.shape), cluster.row
        c.ndim, c.shape = len(cluster.shape), cluster.shape
        c.width = max(v.dtype.size for node in cluster.nodes for v in (*node.inputs, *node.outputs))
        c.n_regs, c.n_row_regs = self._count, self._row_count
        lib.owr_program_walk(c, self._operands, len(cluster.members))

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
        return len(self._ends) * self.n_chunks * int(lib.OW_MAX_TOTAL)

    @property
    def nanoseconds(self) -> float:
        """An estimate of the program's time on one core."""
        moved = sum(v.nbytes for v in self.cluster.inputs) + sum(v.nbytes for v in self.cluster.outputs)
        return max(0.15 * int(self.c.size) * len(self.cluster.members), moved / 8.0)

    def overwrites(self, source: Value) -> bool:
        """Whether an output may take the place of this input: it has the index space's elements, in order."""
        return source in self._dense and source is not self.cluster.starts_from

    def stores(self, output: Value) -> bool:
        """Whether an output holds the index space's elements; the others are what reductions make of them."""
        return output in self._stored and output.shape == self.cluster.shape

    def _home(self, value: Value) -> Value:
        """The member's output that a value is, or is a view of; itself if it comes from outside."""
        return self._homes.get(value.storage, value)

    def _is_low(self, node: Node) -> bool:
        """Whether a node works on numbers of rows."""
        return node not in self.cluster.folds and node.outputs[0].shape != self.cluster.shape

    def _register(self, low: bool, fresh: bool = False) -> int:
        if low:
            self._row_count += 1
            return int(lib.OWR_MAX_REGS) - self._row_count
        if self._free and not fresh:
            return self._free.pop()
        self._count += 1
        return self._count - 1

    def _operand(self, value: Value, low: bool) -> dict[str, Any]:
        shape, reg = self.cluster.shape, self._register(low)
        self._registers[value, low] = reg
        made = {"reg": reg, "itemsize": value.dtype.size, "per_row": low, "period": int(low and value.size == 1)}
        made["in"] = -1 if value is self.cluster.starts_from else self.reads.index(value)
        return made | {"strides": () if low else value.layout.broadcast(shape).strides}

    def _instructions(self) -> Iterator[dict[str, Any]]:
        cluster = self.cluster
        homes = {n: [self._home(v) for v in n.inputs] for n in cluster.nodes}
        last = {home: n for n in cluster.nodes if not self._is_low(n) for home in homes[n]}
        for node in (n for n in cluster.nodes if n not in self._ends):
            low, (output,) = self._is_low(node), node.outputs
            for home in homes[node]:
                if (home, low) not in self._registers:
                    self._registers[home, low] = self._register(False)
                    yield {"what": lib.OWR_SPREAD, **self._instruction([(home, True)], (home, False))}
            # A result's register may be memory that an input is still read from: no earlier value may stand there.
            made = output, output.shape != cluster.shape
            self._registers[made] = self._register(made[1], fresh=output in self._kept)
            instruction = self._instruction([(home, low) for home in homes[node]], made)
            if node in cluster.folds:
                yield {"what": lib.OWR_FOLD, "fold": cluster.folds[node].plan.fold, **instruction}
            else:
                what, (tile, state) = lib.OWR_ROW if low else lib.OWR_TILE, cluster.tiles[node]
                yield {"what": what, "tile": tile, "state": state, **instruction}
            for home in dict.fromkeys(homes[node]):
                temporary = home not in self._kept and home not in cluster.inputs
                if temporary and not low and last[home] is node:
                    self._free.append(self._registers[home, low])

    def _instruction(self, read: list[tuple[Value, bool]], made: tuple[Value, bool]) -> dict[str, Any]:
        sizes = {"in_itemsize": read[0][0].dtype.size, "out_itemsize": made[0].dtype.size}
        inputs = [self._registers[one] for one in read]
        return {"n_in": len(read), "in": inputs, "out": self._registers[made], **sizes}

    def _result(self, value: Value) -> dict[str, Any]:
        low = value.shape != self.cluster.shape
        out = -1 if value is self.cluster.ends_in else self.writes.index(value)
        return {"out": out, "reg": self._registers[value, low], "itemsize": value.dtype.size, "per_row": low}

    def _end(self, node: Node, prepared: Prepared) -> dict[str, Any]:
        (source,), (output,) = node.inputs, node.outputs
        sizes = {"in_itemsize": source.dtype.size, "out_itemsize": output.dtype.size, "size": prepared.plan.fold_size}
        reg, out = self._registers[source, False], self.writes.index(output)
        return {"fold": prepared.plan.fold, "reg": reg, "out": out, **sizes}

    def settle(self) -> None:
        """Once memory is laid out: results are written at once unless a later instruction reads what they replace."""
        cluster = self.cluster
        for i in range(len(self._ends)):
            self.c.folds[i].partial = i * self.n_chunks * int(lib.OW_MAX_TOTAL)
        for result, value in zip(self.c.results[0 : len(self._stored)], self._stored, strict=True):
            replaced = [v for v in cluster.inputs if v.storage is value.storage or v is cluster.starts_from is not None]
            made_by = next(i for i, n in enumerate(cluster.nodes) if value in n.outputs)
            read_later = replaced and any(v in n.inputs for n in cluster.nodes[made_by + 1 :] for v in replaced)
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
    sources = [(i, v.dtype.size) for i, v in enumerate(node.inputs) if program.overwrites(v)]
    stored = [(o, v.dtype.size) for o, v in enumerate(node.outputs) if program.stores(v)]
    prepared.inplace = [(i, o) for o, size in stored for i, same in sources if same == size]
    return prepared

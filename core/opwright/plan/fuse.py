"""Elementwise clusters: nodes whose kernels are tile functions run together, tile by tile, whoever compiled them.

A cluster is one node, or the epilogue of the kernel whose output it starts from. Reductions that fold consecutive
elements may end one; where they fold the rows of one size, what follows row by row may go on in it (rows.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opwright._abi import ffi
from opwright.kernels import Kernel
from opwright.plan.descriptors import Descriptors
from opwright.plan.ir import Node, Program, Storage, Value, topological
from opwright.plan.rows import Space, space
from opwright.plan.select import Prepared, elementwise_kernel, folding, prepare
from opwright.runtime import NULL, lib

LARGEST_CLUSTER = 24  # nodes with a tile register each, so that all stay in L1


class Cluster:
    """Nodes that run in order over one index space: elementwise `members`, and `folds`, reductions of what they make or
    read. `inputs` come from outside, `outputs` are needed outside."""

    def __init__(
        self, nodes: list[Node], folds: dict[Node, Prepared], outputs: list[Value], kernels: dict[Node, Kernel]
    ) -> None:
        self.nodes, self.outputs = nodes, outputs
        self.members = [n for n in nodes if n not in folds]
        self.folds = {n: folds[n] for n in nodes if n in folds}
        self.kernels = {m: kernels[m] for m in self.members}
        made = {v.storage for n in nodes for v in n.outputs}
        self.inputs = list(dict.fromkeys(v for n in nodes for v in n.inputs if v.storage not in made))
        found = space(nodes, folds)
        assert found is not None
        self.shape, self.row = found
        self.tiles: dict[Node, tuple[object, object]] = {}  # member -> (tile function, its state), once prepared
        self.program: Any = None  # the TileProgram, once compiled
        self.starts_from: Value | None = None  # of an epilogue: the value it is applied to
        self.ends_in: Value | None = None  # of an epilogue: the output that takes that value's place

    def prepare(self, descriptors: Descriptors) -> None:
        """Prepares each member's tile function."""
        for member in self.members:
            struct = self.kernels[member].struct
            if struct.prepare == NULL:
                assert member.definition is not None
                attributes = descriptors.attributes(member.definition.schema, member.attributes)
                self.tiles[member] = struct.tile, ffi.cast("void *", attributes)
                continue
            reasons: list[str] = []
            prepared = prepare(self.kernels[member], member, descriptors, reasons)
            assert prepared is not None, reasons
            self.tiles[member] = (prepared.tile, prepared.state)


def clusters(program: Program, on: frozenset[str], descriptors: Descriptors) -> None:
    """Makes every elementwise node a cluster; with fusion on, of as many neighbours as can run as one."""
    kernels = {node: kernel for node in program.nodes if (kernel := elementwise_kernel(node)) is not None}
    folds: dict[Node, Prepared] = {}
    groups = {node: [node] for node in kernels}
    needs = program.dependencies()
    if "fuse" in on:
        growth = _Growth(needs, kernels, descriptors, "rows" in on)
        for node in program.nodes:
            growth.add(node)
        growth.settle()
        growth.sink({value.node for value in program.fetches if value.node is not None})
        groups, folds = growth.group, growth.folds
    readers = _readers(program)
    made: dict[Node, Node] = {}
    for members in {id(g): g for g in groups.values()}.values():
        fused = _fused(members, folds, readers, kernels)
        made.update(dict.fromkeys(members, fused))
    nodes = list(dict.fromkeys(made.get(node, node) for node in program.nodes))
    outer: dict[Node, list[Node]] = {}
    for node, before in needs.items():
        mine = made.get(node, node)
        outer.setdefault(mine, []).extend([n for b in before if (n := made.get(b, b)) is not mine])
    for node in [n for n in program.nodes if n.after]:
        node.after = list(dict.fromkeys(made.get(a, a) for a in node.after))
    for fused in set(made.values()):
        fused.after = [a for a in dict.fromkeys(outer.get(fused, [])) if a is not fused]
    program.nodes = topological(nodes, outer)
    program.replaced(made)


def _readers(program: Program) -> dict[Storage, list[Node | None]]:
    """The nodes that read each memory, through views too; None: it is fetched."""
    found: dict[Storage, list[Node | None]] = {value.storage: [None] for value in program.fetches}
    for node in program.nodes:
        for value in node.inputs:
            found.setdefault(value.storage, []).append(node)
    return found


def _fused(
    members: list[Node],
    folds: dict[Node, Prepared],
    readers: dict[Storage, list[Node | None]],
    kernels: dict[Node, Kernel],
) -> Node:
    inside = set(members)
    made_here = [v for m in members for v in m.outputs]
    outputs = [v for v in made_here if any(r not in inside for r in readers.get(v.storage, [None]))]
    work = Cluster(members, folds, outputs, kernels)
    node = Node(None, [work.inputs], {})
    node.work = work
    node.origin, node.device = members[-1].origin, members[-1].device
    node.name = "+".join(m.name for m in members) if len(members) < 4 else f"{members[0].name}+...+{members[-1].name}"
    node.outputs = outputs
    for value in made_here:
        value.node = node
    return node


class _Growth:
    """Clusters while they grow. `level` is how far a node is from the program's inputs. A node waits for all that its
    cluster waits for: `latest` is the highest level among these, itself included, which bounds the search for ways that
    lead out of a cluster and back. (Positions would do, but are far apart where a gradient joins what it is of.)"""

    def __init__(
        self, needs: dict[Node, list[Node]], kernels: dict[Node, Kernel], descriptors: Descriptors, rows: bool
    ) -> None:
        self.kernels = kernels
        self.descriptors = descriptors
        self.rows = rows  # whether what reductions make may be read within a cluster
        self.needs = needs
        self.users: dict[Node, list[Node]] = {}
        self.level: dict[Node, int] = {}
        self.viewed: dict[Node, set[Node]] = {}  # the makers of what a node reads views of
        for node, before in needs.items():
            for b in before:
                self.users.setdefault(b, []).append(node)
            self.level[node] = 1 + max([self.level[b] for b in before], default=0)
            if views := {v.node for v in node.inputs if v.node is not None and v not in v.node.outputs}:
                self.viewed[node] = views
        self.position = {node: i for i, node in enumerate(needs)}
        self.latest = dict(self.level)
        self.shapes = {node: node.outputs[0].shape for node in kernels}
        self.group: dict[Node, list[Node]] = {}
        self.folds: dict[Node, Prepared] = {}

    def add(self, node: Node) -> None:
        """Joins a node that is elementwise, or a reduction that folds, to the clusters of its producers where nothing
        else comes between."""
        if node in self.kernels:
            self.group[node] = [node]
            for value in node.inputs:
                if (producer := value.node) is None:
                    continue
                if producer in self.group:
                    self.join(node, producer)
                elif self.rows and value.size < node.outputs[0].size:
                    self._fold(producer, node)
        elif len(node.inputs) == 1 and (producer := node.inputs[0].node) in self.group:
            assert producer is not None
            self._fold(node, producer)

    def _fold(self, node: Node, neighbour: Node) -> None:
        """Lets a reduction join the cluster of a node that makes what it folds, or reads what it makes, if it can."""
        fold = folding(node, self.descriptors)
        if fold is None:
            return
        self.group[node], self.folds[node] = [node], fold
        self.join(node, neighbour)
        if self.group[node] == [node]:
            del self.group[node], self.folds[node]

    def settle(self) -> None:
        """Takes clusters apart that make nothing but numbers of rows: the reductions' own kernels do that as well."""
        for group in {id(g): g for g in self.group.values()}.values():
            found = self._space(group)
            whole = [n for n in group if n not in self.folds and n.outputs[0].shape == found.shape]
            if whole or not found.row:
                continue
            for node in group:
                del self.group[node]
                self.folds.pop(node, None)
            rows, self.rows = self.rows, False
            for node in group:
                if node in self.kernels:
                    self.add(node)
            self.rows = rows

    def join(self, node: Node, producer: Node) -> None:
        """Makes one cluster of the two nodes' if they can run as one."""
        ours, theirs = self.group[node], self.group[producer]
        if ours is theirs or node.device != producer.device:
            return
        joined = {*ours, *theirs}
        if len(self.folds.keys() & joined) > lib.OWR_MAX_FOLDS:
            return
        if self._fits(joined) and not self._returns(joined):
            self._spread(self._unite([*theirs, *ours]))

    def sink(self, fetched: set[Node]) -> None:
        """Moves what only one later cluster needs there, where that can make it from values that are kept anyway:
        above all derivatives that the backward pass makes of the forward pass's values. Fewer values wait in memory."""
        for node in sorted(self.group, key=self.position.__getitem__, reverse=True):
            mine, users = self.group[node], self.users.get(node, [])
            theirs = self.group.get(users[0], mine) if users else mine
            if theirs is mine or theirs[0].device != node.device or node in fetched or node in self.folds:
                continue
            moved = self._made_from_kept(node, mine, theirs)
            fresh = {v for n in moved for v in n.inputs if v.node not in moved and v.size > 1}
            if len(fresh) > 1:
                fresh.difference_update(*[n.inputs for n in theirs])
            # At most one value is read more, where one is written and read no longer.
            if moved and len(fresh) < 2 and not self._space(mine).row and self._fits({*theirs, *moved}):
                self._unite([n for n in mine if n not in moved])
                self._unite([*theirs, *moved])

    def _made_from_kept(self, node: Node, mine: list[Node], theirs: list[Node]) -> set[Node]:
        """The node and those of its cluster that only it needs; none if others need it or it needs what is not kept."""
        moved: set[Node] = set()
        todo = [node]
        while todo:
            member = todo.pop()
            if member in moved:
                continue
            users = self.users.get(member, [])
            if all(u in moved or u in theirs for u in users):
                moved.add(member)
                todo += [v.node for v in member.inputs if v.node is not None and v.node in mine]
            elif member is node or all(u in mine for u in users):
                return set()
        return moved

    def _unite(self, members: Iterable[Node]) -> list[Node]:
        """Makes one cluster of nodes."""
        group = sorted(members, key=self.position.__getitem__)
        self.group.update(dict.fromkeys(group, group))
        return group

    def _fits(self, nodes: set[Node]) -> bool:
        """Whether nodes can run tile by tile as one, or row by row where that is wanted."""
        if self.folds.keys().isdisjoint(nodes) and len(set(map(self.shapes.__getitem__, nodes))) == 1:
            # All work on elements, as nearly always: what `space` would find out, sooner.
            registers = 2 * len(nodes) + sum([len(n.inputs) for n in nodes])
            apart = all([self.viewed[n].isdisjoint(nodes) for n in self.viewed.keys() & nodes])
            return apart and len(nodes) <= LARGEST_CLUSTER and registers <= lib.OWR_MAX_REGS
        found = space(nodes, self.folds)
        if found is None or (found.row and not (self.rows and all(n.device == "cpu" for n in nodes))):
            return False
        return sum(n.outputs[0].shape == found.shape for n in nodes) <= LARGEST_CLUSTER

    def _space(self, group: list[Node]) -> Space:
        found = space(group, self.folds)
        assert found is not None
        return found

    def _returns(self, joined: set[Node]) -> bool:
        """Whether something outside, with its whole cluster, both needs a member and is needed by one."""
        first = min(map(self.level.__getitem__, joined))
        seen: set[Node] = set()
        todo = list(set().union(*map(self.needs.__getitem__, joined)) - joined)
        while todo:
            node = todo.pop()
            if node in seen or self.latest[node] <= first:
                continue
            for member in self.group.get(node, [node]):
                seen.add(member)
                if not joined.isdisjoint(self.needs[member]):
                    return True
                todo += self.needs[member]
        return False

    def _spread(self, merged: list[Node]) -> None:
        """Raises `latest` of a cluster's members, and of whatever waits for them, to that of the last."""
        latest, late = self.latest, max([self.latest[m] for m in merged])
        todo = [m for m in merged if latest[m] < late]  # what waits for the others waits for as much already
        latest.update(dict.fromkeys(merged, late))
        while todo:
            for user in self.users.get(todo.pop(), ()):
                if latest[user] < late:  # all of a cluster have the same
                    group = self.group.get(user, [user])
                    latest.update(dict.fromkeys(group, late))
                    todo += group


def posts(program: Program) -> None:
    """Attaches clusters to the kernels that honour `post` and whose output they start from."""
    consumers = program.consumers()
    needs = program.dependencies()
    position = {node: i for i, node in enumerate(program.nodes)}
    gone: dict[Node, Node] = {}
    used: dict[Storage, set[Value]] = {}  # what is read of each memory
    for value in [v for n in program.nodes for v in n.inputs] + program.fetches:
        used.setdefault(value.storage, set()).add(value)
    for node in program.nodes:
        if node.prepared is None or not node.prepared.post or node.post is not None or len(node.outputs) != 1:
            continue
        (value,) = node.outputs
        readers = list(dict.fromkeys(consumers.get(value, [])))
        if len(readers) != 1 or value in program.fetches or used[value.storage] != {value}:
            continue
        # All that the cluster waits for must come before the producer.
        early = all(before is node or position[before] < position[node] for before in needs[readers[0]])
        if early and _follows(readers[0], node, value):
            _attach(node, readers[0], value)
            gone[readers[0]] = node
    if gone:
        program.nodes = [n for n in program.nodes if n not in gone]
        program.replaced(gone)
        for node in program.nodes:
            node.after = list(dict.fromkeys(gone.get(a, a) for a in node.after if gone.get(a, a) is not node))


def _follows(reader: Node, producer: Node, value: Value) -> bool:
    """Whether the reader is a cluster over the value's index space with an output that fits in its memory."""
    work = reader.work
    if not isinstance(work, Cluster) or work.folds or work.row or reader.device != producer.device:
        return False
    fits = any(out.dtype.size == value.dtype.size for out in work.outputs)
    return fits and work.shape == value.shape and value.size > 0


def _attach(node: Node, reader: Node, value: Value) -> None:
    cluster: Cluster = reader.work
    end = next(out for out in cluster.outputs if out.dtype.size == value.dtype.size)
    cluster.starts_from, cluster.ends_in = value, end
    node.post = cluster
    node.inputs += [v for v in cluster.inputs if v is not value]
    node.after = list(dict.fromkeys(node.after + [a for a in reader.after if a is not node]))
    others = [out for out in cluster.outputs if out is not end]
    node.outputs = [end, *others]
    for out in node.outputs:
        out.node = node
    value.storage = end.storage  # the kernel writes it where the epilogue's result will stand
    node.name = f"{node.name}+{reader.name}"

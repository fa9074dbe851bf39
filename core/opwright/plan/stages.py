"""Stages: light nodes one after another, heavy ones in chunks, side by side with others they do not depend on."""

from __future__ import annotations

from dataclasses import dataclass, field

from opwright.plan.ir import Node, Program, topological

WORTH_SHARING = 20_000  # ns; below this the chunks of a node are not dealt out
WORTH_WAKING = 50_000  # ns; below this sleeping helpers are left asleep
SOON = 100_000  # ns; helpers for what follows a serial stage that is not longer are woken when it begins


@dataclass
class Stage:
    """Nodes that run in order on the caller, or whose chunks are dealt to all workers."""

    parallel: bool
    kept: bool = False
    nodes: list[Node] = field(default_factory=list)

    @property
    def nanoseconds(self) -> float:
        return float(sum(node.prepared.nanoseconds for node in self.nodes))


def stages(program: Program, on: frozenset[str], workers: int) -> list[Stage]:
    """The program's nodes that have work to do, dealt into stages; program.nodes comes out in their order."""
    needs = program.dependencies()
    nodes = topological(program.nodes, needs)
    made = _dealt([n for n in nodes if n in program.kept], needs, on)
    for stage in made:
        stage.kept = True
    made += _dealt([n for n in nodes if n not in program.kept], needs, on)
    program.nodes = [node for stage in made for node in stage.nodes]
    return made


def _dealt(nodes: list[Node], needs: dict[Node, list[Node]], on: frozenset[str]) -> list[Stage]:
    if "parallel" not in on:
        made = [Stage(False, nodes=[n for n in nodes if n.prepared is not None])]
        return [s for s in made if s.nodes]
    level: dict[Node, int] = {}
    rows: dict[int, Stage] = {}
    for node in nodes:
        heavy = node.prepared is not None and _heavy(node)
        earliest = 0
        for before in needs[node]:
            at = level.get(before, 0)
            # Serial stages are even, parallel ones odd. Within a serial stage order is enough.
            earliest = max(earliest, at + 1 if at % 2 or heavy else at)
        level[node] = earliest | 1 if heavy else earliest + earliest % 2
        if node.prepared is not None:
            rows.setdefault(level[node], Stage(heavy)).nodes.append(node)
    return _settled([rows[i] for i in sorted(rows)])


def _heavy(node: Node) -> bool:
    prepared = node.prepared
    return prepared.nanoseconds >= WORTH_SHARING and node.device == "cpu"


def _settled(rows: list[Stage]) -> list[Stage]:
    """Parallel stages that have nothing to share become serial; neighbouring serial stages become one."""
    made: list[Stage] = []
    for stage in rows:
        alone = len(stage.nodes) == 1 and stage.nodes[0].prepared.n_chunks == 1
        if alone:
            stage.parallel = False
        if made and not made[-1].parallel and not stage.parallel:
            made[-1].nodes += stage.nodes
        else:
            made.append(stage)
    return made

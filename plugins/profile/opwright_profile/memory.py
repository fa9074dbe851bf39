"""memory(): where a step's values lie and how long, how much that takes, and what any layout needs at least."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from opwright import export, ops, scopes
from opwright.errors import GraphError
from opwright.fetching import Fetches
from opwright.plan import executable
from opwright.plan.executable import Executable
from opwright.plan.memory import Block, Layouter
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.runtime import Lane
from opwright.session import Session

from opwright_profile.recording import op_of


@dataclass(frozen=True)
class Piece:
    """Bytes of an arena from `offset` on, needed from the `first` to the `last` moment of a step. The values that lie
    in them follow each other in place; scratch belongs to one op."""

    value: str
    op: str
    device: str
    bytes: int
    first: int
    last: int
    offset: int


class MemoryPlan:
    """The arenas of a step. Moments count its serial nodes and parallel stages; what is fetched is needed at the end.

    `peak`: bytes of all arenas; `lower_bound`: the largest live sets, the most bytes needed at one moment; `ratio`:
    peak / lower_bound; `outside`: bytes of the constants, variables, feeds and results, which lie elsewhere.
    """

    def __init__(self, layout: Layouter) -> None:
        self.moments = len(layout.at)
        self.pieces = sorted(_pieces(layout), key=lambda p: (p.device, p.first, p.offset))
        self.lower_bound = sum(layout.peak.values())
        ends: dict[str, int] = {}
        for piece in self.pieces:
            ends[piece.device] = max(ends.get(piece.device, 0), piece.offset + piece.bytes)
        self.devices = ends
        self.peak = sum(ends.values())
        self.ratio = self.peak / self.lower_bound if self.lower_bound else 1.0
        self.outside = {kind: 0 for kind in ("constant", "variable", "feed", "result")}
        for storage in layout.uses:
            if storage.kind in self.outside:
                self.outside[storage.kind] += storage.nbytes

    def to_json(self) -> str:
        """All of it: {"peak", "lower_bound", "ratio", "moments", "outside", "pieces"}."""
        whole = {name: getattr(self, name) for name in ("peak", "lower_bound", "ratio", "moments", "outside")}
        return json.dumps({**whole, "pieces": [asdict(piece) for piece in self.pieces]}, indent=1)

    def save(self, path: str | Path) -> None:
        """Draws it as SVG: moments to the right, offsets upwards, a labelled rectangle for each piece."""
        from opwright_profile.picture import picture

        Path(path).write_bytes(picture(self))

    def __str__(self) -> str:
        from opwright_profile.table import memory_text

        return memory_text(self)


def _pieces(layout: Layouter) -> Iterator[Piece]:
    owners = {id(block): node for node, made in layout.scratch.items() for block in made}
    owners |= {id(block): node for node, made in layout.elsewhere.items() for block in made.values()}
    for device, blocks in layout.blocks.items():
        for block in blocks:
            node = owners.get(id(block))
            name, op = _of_values(layout, block) if node is None else (f"scratch of {_named(node)}", op_of(node))
            yield Piece(name, op, device, block.nbytes, block.first, block.last, block.offset)


def _of_values(layout: Layouter, block: Block) -> tuple[str, str]:
    nodes = [node for node in dict.fromkeys(v.node for v in layout.values[block.storage]) if node is not None]  # type: ignore[index]
    return ", ".join(dict.fromkeys(map(_named, nodes))), ", ".join(dict.fromkeys(map(op_of, nodes)))


def _named(node: Any) -> str:
    return node.name or op_of(node)


@export("memory")
def memory(fetches: Any, feed_dict: Mapping[Any, Any] | None = None, session: Session | None = None) -> MemoryPlan:
    """The memory plan of the step that `session.run(fetches, feed_dict)` runs, which is planned, not run:

        print(ow.memory(train, {x: images, y: labels}))      a table: value, op, bytes, moments, offset
        ow.memory(train, feeds).save("memory.svg")           a picture

    Of a step in several parts (sizes that depend on data) the first one that takes memory. The session is the current
    one unless another is given. Raises GraphError if there is none.
    """
    session = session or scopes.current_session()
    if session is None:
        raise GraphError("[memory] a session must be current or given, got None; enter one, or pass session=")
    return MemoryPlan(_planned(fetches, feed_dict or {}, session).emitted.layout)


def _planned(fetches: Any, feeds: Mapping[Any, Any], session: Session) -> Executable:
    wanted = Fetches(session.graph, fetches)
    fed = [session.graph.as_graph_element(f, allow_operation=False) for f in feeds]
    step = Step(Spec(wanted.tensors, fed, wanted.targets), session)
    return step.executable(Lane(), list(feeds.values()))


@contextmanager
def _recorded() -> Iterator[list[Executable]]:
    """Everything that is planned inside the block, in a list that is filled at its end."""
    held: dict[int, Executable] = {}
    found: list[Executable] = []
    before, executable.live = executable.live, held  # type: ignore[assignment]
    try:
        yield found
    finally:
        executable.live = weakref.WeakValueDictionary({**before, **held})
        found.extend(held.values())


def of_program(arguments: Sequence[str]) -> list[Executable]:
    """The steps that a Python program has planned; `arguments`: its file and what it is given.

    `import tensorflow` gives it opwright_tf1. Raises GraphError if it ran no step."""
    from opwright_tf1.__main__ import run

    with _recorded() as found:
        run(arguments)
    if not found:
        raise GraphError(f"[explain] {arguments[0]} must run a step, got none")
    return found


def of_saved(folder: str | Path, fetches: Sequence[str], feeds: Mapping[str, tuple[int, ...]]) -> list[Executable]:
    """A saved graph's step, by names; feeds are given by their shapes. Raises GraphError without fetches."""
    session = ops.load(folder)
    if not fetches:
        raise GraphError(f"[explain] the fetches of {folder} must be named, got none; add --fetch NAME")

    def element(name: str) -> Any:
        found = session.graph.as_graph_element(name)
        return found.outputs[0] if getattr(found, "outputs", None) else found  # an operation's name: its first output

    fed = {element(name): shape for name, shape in feeds.items()}
    zeros = {tensor: np.zeros(shape, tensor.dtype.numpy) for tensor, shape in fed.items()}
    return [_planned([element(name) for name in fetches], zeros, session)]

"""profile(): a block whose steps are recorded, and what was found as a table, as numbers, as a timeline."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from opwright import export
from opwright._abi import ffi
from opwright.errors import OpwrightError
from opwright.plan import executable
from opwright.plan.fuse import Cluster
from opwright.runtime import NULL, lib

from opwright_profile.floors import Floor, floor_of
from opwright_profile.peaks import peaks

_SPAN = np.dtype(
    [
        ("plan", np.uint64),
        ("node", np.int32),
        ("worker", np.int32),
        ("first", np.int64),
        ("last", np.int64),
        ("begin", np.int64),
        ("end", np.int64),
    ]
)
_open: list[Any] = []  # the profile that records


def op_of(node: Any) -> str:
    """The op that a planned node runs: "elementwise" for fused ones, "copy" for copies that the planner made."""
    if node.definition is not None:
        return str(node.definition.name)
    return "elementwise" if isinstance(node.work, Cluster) else "copy"


@dataclass
class Row:
    """A node over the whole block. `seconds` adds up what all workers spent in it; flops and bytes are of all calls."""

    name: str
    op: str
    device: str
    calls: int
    seconds: float
    flops: float
    bytes: float


@export("profile")
class profile:
    """Records every step that starts inside the block, in any thread:

        with ow.profile() as found:
            sess.run(train, feed_dict=batch)
        print(found)                     a table: time, GF/s, GB/s, shares of the machine's peaks
        found.save("step.json")          a timeline for chrome://tracing and ui.perfetto.dev
        found.rows(), found.to_json()    numbers: seconds, floating-point operations, bytes

    `capacity` is the number of spans kept (a span: some chunks of a node on one worker); 56 bytes each. Raises
    OpwrightError if another block is open. Steps outside blocks pay nothing.
    """

    def __init__(self, capacity: int = 1 << 18) -> None:
        if capacity < 1:
            raise OpwrightError(f"[profile] capacity must be positive, got {capacity}")
        self._spans = np.zeros(capacity, _SPAN)
        self._trace = ffi.new("owr_trace *")
        self._trace.spans = ffi.cast("owr_span *", ffi.from_buffer(self._spans))
        self._trace.capacity = capacity
        self._executables: dict[int, Any] = {}

    def __enter__(self) -> profile:
        if _open:
            raise OpwrightError("[profile] one block must be closed before the next opens, got two at a time")
        _open.append(self)
        self._executables.update(executable.live.items())  # which holds on to what it gives
        lib.owr_set_trace(self._trace)
        return self

    def __exit__(self, *_: Any) -> None:
        lib.owr_set_trace(NULL)
        _open.remove(self)
        self._executables.update(executable.live.items())  # which holds on to what it gives

    # -- what was found ------------------------------------------------------------------------------------------------

    @property
    def spans(self) -> np.ndarray[Any, Any]:
        """What was recorded, by time: plan, node, worker, first and last chunk, begin and end in ns."""
        kept = self._spans[: min(self._trace.count, len(self._spans))]
        return kept[np.argsort(kept["begin"], kind="stable")]

    @property
    def lost(self) -> int:
        """How many spans there was no room for."""
        return max(0, self._trace.count - len(self._spans))

    def rows(self) -> list[Row]:
        """A row for each node, the longest first."""
        spans = self.spans
        found: list[Row] = []
        pairs, which = np.unique(spans[["plan", "node"]], return_inverse=True)
        seconds = np.bincount(which, (spans["end"] - spans["begin"]) * 1e-9, len(pairs))
        calls = np.bincount(which, spans["first"] == 0, len(pairs)).astype(int)
        for pair, spent, count in zip(pairs, seconds, calls, strict=True):
            found.append(self._row(int(pair["plan"]), int(pair["node"]), int(count), float(spent)))
        return sorted(found, key=lambda row: -row.seconds)

    def _row(self, plan: int, index: int, calls: int, seconds: float) -> Row:
        node = self._node(plan, index)
        if node is None:
            return Row("a node of a plan that is gone", "", "", calls, seconds, 0.0, 0.0)
        moved = node.prepared.bytes or sum(v.nbytes for v in dict.fromkeys([*node.inputs, *node.outputs]))
        flops = node.prepared.flops
        op = op_of(node)
        return Row(node.name or op, op, node.device, calls, seconds, flops * calls, moved * calls)

    def _node(self, plan: int, index: int) -> Any:
        found = self._executables.get(plan)
        return found.emitted.nodes[index] if found is not None else None

    def floor(self) -> Floor:
        """What all the steps that were recorded could not have done without: operations, bytes, and their time."""
        pairs, runs = np.unique(self.spans[self.spans["first"] == 0][["plan", "node"]], return_counts=True)
        most: dict[int, int] = {}
        for pair, count in zip(pairs, runs, strict=True):
            most[int(pair["plan"])] = max(most.get(int(pair["plan"]), 0), int(count))
        known = [(self._executables[plan], n) for plan, n in most.items() if plan in self._executables]
        return sum((floor_of(executable.emitted.nodes) * n for executable, n in known), Floor(0.0, 0.0))

    def to_json(self) -> str:
        """The rows, the machine's peaks and the number of lost spans."""
        found = {"peaks": asdict(peaks()), "lost": self.lost, "rows": [asdict(row) for row in self.rows()]}
        return json.dumps(found, indent=1)

    def save(self, path: str | Path) -> None:
        """Writes the timeline in Chrome's trace format: a lane for each worker."""
        Path(path).write_text(json.dumps({"traceEvents": list(self.events())}))

    def events(self) -> Iterable[dict[str, Any]]:
        """The timeline's events, a dict for each span: node, op, device, worker, begin and length in us."""
        for span in self.spans:
            node = self._node(int(span["plan"]), int(span["node"]))
            yield {
                "name": node.name or op_of(node) if node is not None else "gone",
                "ph": "X",
                "pid": 0,
                "tid": int(span["worker"]),
                "ts": int(span["begin"]) / 1e3,
                "dur": int(span["end"] - span["begin"]) / 1e3,
                "args": {
                    "op": op_of(node) if node is not None else "",
                    "device": node.device if node is not None else "",
                    "chunks": f"{span['first']} to {span['last']}",
                    "plan": hex(int(span["plan"])),
                },
            }

    def __str__(self) -> str:
        from opwright_profile.table import text

        return text(self)

"""Which kernel serves a call, why each other one lost, and whether the op fuses with what comes before and after it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from opwright import ops
from opwright.errors import ArgumentError, LibraryError, OpwrightError
from opwright.graph import Graph
from opwright.kernels import Kernel, kernels
from opwright.opdef import OpDef
from opwright.plan import flags
from opwright.plan.descriptors import Descriptors
from opwright.plan.fuse import Cluster
from opwright.plan.instantiate import Builder
from opwright.plan.ir import Node
from opwright.plan.select import prepare, score
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.registry import registry
from opwright.runtime import NULL
from opwright.session import Session

from opwright_check.drawing import Drawer, stored
from opwright_check.fusing import fused
from opwright_check.registration import nothing_drawn
from opwright_check.subject import Subject, as_dtype


def explained(name: str, device: str, dtype: str | None, shapes: list[tuple[int, ...]]) -> dict[str, Any]:
    """{"call", "kernels": [{"kernel", "library", "score", "verdict"}], "notes"} for a drawn call, or for one of the
    given shapes and dtype. Raises ArgumentError where the op has no such call."""
    op = registry.op(name)
    subject = chosen(op, dtype, shapes)
    kind = device.partition(":")[0]
    found: dict[str, Any] = {"call": repr(subject), "device": device, "kernels": [], "notes": []}
    node = subject.node()
    if node is None:
        found["notes"].append("no kernel is needed: the op is written in other ops, or known from shapes")
        return found
    if op.view_function is not None and not kernels.candidates(op, kind):
        found["notes"].append(f"it is a view of {op.schema.tensors[op.view_source].name}: no memory is moved")
        return found
    node.device = device
    rows = [_row(k, node, subject) for k in kernels.candidates(op, kind)]
    best = max((r["score"] for r in rows if r["verdict"] == ""), default=None)
    taken = False
    for row in rows:
        if row["verdict"] == "":
            wins = row["score"] == best and not taken
            taken = taken or wins
            row["verdict"] = "chosen" if wins else f"lost: {best} is the best score" if row["score"] != best else (
                "lost: same score, listed later"
            )  # fmt: skip
    found["kernels"] = rows
    if not rows:
        found["notes"].append(f"there is no kernel for {kind}")
    if kind == "cpu":
        found["notes"] += fusion(subject)
    return found


def chosen(op: OpDef, dtype: str | None, shapes: list[tuple[int, ...]]) -> Subject:
    """A call of the op that it takes, with the dtype and shapes asked for."""
    drawer = Drawer(op, full=False)
    draw = drawer.draw()
    if not draw.subjects:
        raise ArgumentError(f"[{op.name}] {nothing_drawn(draw)}")
    fitting = [s for s in draw.subjects if dtype is None or (s.dtypes and s.dtypes[0] is as_dtype(dtype))]
    if not fitting:
        takes = ", ".join(dict.fromkeys(s.dtypes[0].name for s in draw.subjects if s.dtypes))
        raise ArgumentError(f"[{op.name}] takes {takes}, got {dtype}")
    subject = max(fitting, key=lambda s: s.size)
    if not shapes:
        return subject
    if len(shapes) not in (1, len(subject.arrays)):
        raise ArgumentError(f"[{op.name}] --shape must be given once or {len(subject.arrays)} times, got {len(shapes)}")
    wanted = shapes * len(subject.arrays) if len(shapes) == 1 else shapes
    rng = np.random.default_rng(0)
    arrays = [
        stored(rng.uniform(0.1, 0.9, s), d) if d.is_floating else np.zeros(s, d.numpy)
        for s, d in zip(wanted, subject.array_dtypes, strict=True)
    ]
    made = subject.with_arrays(arrays)
    made.outputs  # noqa: B018  (raises what the op has against the shapes)
    return made


def _row(kernel: Kernel, node: Node, subject: Subject) -> dict[str, Any]:
    form = "tile" if kernel.struct.tile != NULL else "python" if kernel.python else "run"
    row: dict[str, Any] = {
        "kernel": f"{kernel.signature} {kernel.variant or form}",
        "library": os.path.basename(kernel.library) or "(Python)",
        "score": 0,
        "verdict": "",
    }
    if not kernel.takes(subject.signature):
        row["verdict"] = f"lost: the call has {subject.signature}"
        return row
    descriptors, reasons = Descriptors(), []  # type: ignore[var-annotated]
    row["score"] = score(kernel, node, descriptors, reasons)
    if row["score"] > 0:
        try:
            if prepare(kernel, node, descriptors, reasons) is not None:
                return row
        except OpwrightError as e:
            reasons.append(str(e))
    row["verdict"] = f"declined: {reasons[-1] if reasons else 'no reason given'}"
    return row


def fusion(subject: Subject) -> list[str]:
    """Whether the planner joins the op with elementwise neighbours before and after it."""
    if subject.writes or not any(d.is_floating for d in subject.output_dtypes):
        return ["it has no floating output to fuse over"]
    graph = Graph()
    with graph.as_default():
        op, feeds = subject.build(graph, through=lambda t: ops.negative(t) if t.dtype.is_floating else t)
        after = [ops.negative(t) for t in op.outputs if t.dtype.is_floating]
    session = Session(graph=graph)
    step = Step(Spec(after, feeds, []), session, flags.parse("-rewrite,-fold"))
    builder = Builder(step.spec, [a.shape for a in subject.arrays], subject.arrays, session.variables, step.passes)
    program = builder.build()
    program.fetches = [builder.values[t] for t in after if t in builder.values]
    mine = next((n for n in program.nodes if n.definition is subject.op), None)
    try:
        nodes = step.lay_out(program).program.nodes
    except LibraryError as e:
        return [str(e)]
    found = fused(nodes, program.fetches)
    return [_place(node, mine) for node in nodes if mine in _parts(node)] + [
        f"apart: {edge['from']} -> {edge['to']}: {edge['why']}" for edge in found["apart"]
    ] or ["is replaced by other ops in a plan"]


def _parts(node: Node) -> list[Any]:
    return node.work.nodes if isinstance(node.work, Cluster) else [node]


def _place(node: Node, mine: Any) -> str:
    """What an op runs with, as a part of a planned node."""
    if isinstance(node.work, Cluster):
        if node.work.row:
            return f"fuses: {node.name} run as one, row by row in cache"
        if mine in node.work.folds:
            return f"fuses with what comes before: {node.name} run as one, which it ends"
        return f"fuses: {node.name} run as one, tile by tile in cache"
    if node.post is not None:
        return f"fuses with what follows: {node.name}, applied to blocks still in cache (OW_POST)"
    return "does not fuse: its kernel is no tile function, folds nothing here and says no OW_POST"

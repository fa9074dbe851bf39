"""What follows from constants and variables alone is kept from run to run, until a step writes variables."""

from __future__ import annotations

from opwright.plan.ir import Node, Program, Storage
from opwright.runtime import aligned

GROWTH = 2  # times the bytes of its inputs; what takes more memory is made anew in memory that others use too


def keep(program: Program) -> None:
    """Marks the nodes whose results last, and gives these memory of their own."""
    if program.written():
        return
    fetched = {value.storage for value in program.fetches}
    for node in program.nodes:
        if _lasts(node, fetched):
            program.kept.add(node)
            for output in node.outputs:
                output.storage.kind, output.storage.array = "constant", aligned(output.storage.nbytes)


def _lasts(node: Node, fetched: set[Storage]) -> bool:
    if node.prepared is None or node.stateful or node.after or node.post is not None or node.device != "cpu":
        return False
    if node.definition is not None and node.definition.role != "kernel":
        return False
    if any(value.storage.kind not in ("constant", "variable") for value in node.inputs):
        return False
    for value in node.outputs:
        whole = value.nbytes == value.storage.nbytes and value.layout.offset == 0 and not value.dynamic
        if not whole or value.storage.kind != "arena" or value.storage in fetched:
            return False
    return sum(v.nbytes for v in node.outputs) <= GROWTH * sum(v.nbytes for v in node.inputs)

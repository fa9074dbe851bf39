"""A step, before shapes are known: the operations that its fetches need, in the order in which they are to run."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from opwright.errors import GraphError
from opwright.graph import Operation, Tensor


class Spec:
    """Fetches, feeds and targets of a step, and the pruned operations.

    Order: creation order, except that reads of a variable that do not depend on one of its writes in the step come
    before that write. So what a step reads and writes does not depend on chance.
    """

    def __init__(self, fetches: Sequence[Tensor], feeds: Sequence[Tensor], targets: Sequence[Operation]) -> None:
        self.fetches = tuple(fetches)
        self.feeds = tuple(feeds)
        self.targets = tuple(targets)
        self.value_feeds: set[int] = set()  # feeds whose values (not only shapes) plans depend on
        needed = _needed([t.op for t in fetches if t not in set(feeds)] + list(targets), set(feeds))
        self.operations = _ordered(needed, set(feeds))
        self.extended = _extended(self.operations)


def _extended(ops: Sequence[Operation]) -> dict[Operation, Operation]:
    """For each operation the one that stands in for it: of several the last, which gives the most."""
    found: dict[Operation, Operation] = {}
    for op in sorted([op for op in ops if op.extends], key=lambda op: op.id):
        found.update(dict.fromkeys(op.extends, op))
    return {op: found[op] for op in ops if op in found} if found else {}


def _needed(roots: Iterable[Operation], fed: set[Tensor]) -> set[Operation]:
    found: set[Operation] = set()
    todo = list(roots)
    while todo:
        op = todo.pop()
        if op in found:
            continue
        found.add(op)
        todo += [t.op for t in op.inputs if t not in fed and t.op not in found]
        todo += [c for c in op.control_inputs if c not in found and not _all_fed(c, fed)]
    return found


def _all_fed(op: Operation, fed: set[Tensor]) -> bool:
    return bool(op.outputs) and all(t in fed for t in op.outputs)


def variables_of(op: Operation) -> list[tuple[Operation, bool]]:
    """The variables whose storage an operation touches, each with whether it writes it."""
    if not any([t.op.definition.gives_refs for t in op.inputs]):
        return []
    pairs = [(t, arg.is_ref) for arg, g in zip(op.definition.schema.tensors, op.groups, strict=True) for t in g]
    return [(variable, written) for t, written in pairs if (variable := variable_of(t)) is not None]


def variable_of(tensor: Tensor) -> Operation | None:
    """The variable whose storage a tensor is, looking through ops that pass it on (assign returns its ref)."""
    while tensor.is_ref:
        op = tensor.op
        if op.definition.role in ("variable", "feed"):
            return op
        refs = [t for arg, g in zip(op.definition.schema.tensors, op.groups, strict=True) if arg.is_ref for t in g]
        tensor = refs[tensor.index]
    return None


def _ordered(ops: set[Operation], fed: set[Tensor]) -> list[Operation]:
    """List scheduling: among ready operations the oldest first, writers of a variable only when its readers are done,
    unless nothing else is ready (two writers may each wait for the other's readers)."""
    waiting: dict[Operation, int] = {}
    after: dict[Operation, list[Operation]] = {}
    readers: dict[Operation, set[Operation]] = {}
    touched: dict[Operation, list[tuple[Operation, bool]]] = {}
    writes: dict[Operation, list[Operation]] = {}
    for op in ops:
        before = {t.op for t in op.inputs if t not in fed} | {c for c in op.control_inputs if c in ops}
        waiting[op] = len(before)
        for earlier in before:
            after.setdefault(earlier, []).append(op)
        touched[op] = variables_of(op)
        writes[op] = [v for v, w in touched[op] if w]
        for variable, _ in touched[op]:
            if variable not in writes[op]:
                readers.setdefault(variable, set()).add(op)
    free = [(op.id, op) for op in ops if waiting[op] == 0]
    heapq.heapify(free)
    held: list[tuple[int, Operation]] = []
    order: list[Operation] = []
    while free or held:
        if not free:
            op = _next_writer([op for _, op in sorted(held)], writes, readers)
            held.remove((op.id, op))
        else:
            op = heapq.heappop(free)[1]
            if any(readers.get(v) for v in writes[op]):
                held.append((op.id, op))
                continue
        order.append(op)
        for variable, _ in touched[op]:
            readers.get(variable, set()).discard(op)
        for later in after.get(op, ()):
            waiting[later] -= 1
            if waiting[later] == 0:
                heapq.heappush(free, (later.id, later))
    if len(order) != len(ops):
        stuck = sorted(op.name for op in ops if waiting[op] > 0)
        raise GraphError(f"operations must not depend on each other in a circle, got {', '.join(stuck[:8])}")
    return order


def _next_writer(
    held: list[Operation], writes: dict[Operation, list[Operation]], readers: dict[Operation, set[Operation]]
) -> Operation:
    """The writer to run when nothing else is ready: one that only readers of what it writes itself still wait for."""
    for op in held:
        if not any(readers.get(v) for v in writes[op]):
            return op
    for op in held:
        if all(reader.depends_on(op) for v in writes[op] for reader in readers.get(v, ())):
            return op
    return held[0]

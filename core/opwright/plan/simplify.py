"""Equal nodes merged, ops' own rewrites applied, nodes nobody needs dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from opwright import binding
from opwright.dtypes import as_dtype
from opwright.inference import Context
from opwright.layouts import Layout
from opwright.opdef import OpDef
from opwright.plan.instantiate import constant
from opwright.plan.ir import Node, Program, Storage, Value
from opwright.registry import registry


def simplify(program: Program, on: frozenset[str]) -> None:
    """Runs the passes that are on, in place."""
    if "rewrite" in on:
        rewrite(program)
    if "merge" in on:
        merge(program)
    drop_unused(program)


class Substitution:
    """Values that others take the place of, and nodes that stand for removed ones in control dependencies."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.values: dict[Value, Value] = {}
        self.nodes: dict[Node, list[Node]] = {}

    def of(self, value: Value) -> Value:
        while value in self.values:
            value = self.values[value]
        return value

    def apply_to(self, node: Node) -> None:
        if not self.values.keys().isdisjoint(node.inputs):
            node.inputs = [self.of(v) for v in node.inputs]
        if node.after:
            node.after = list(dict.fromkeys(n for a in node.after for n in self.nodes.get(a, [a])))

    def finish(self) -> None:
        self.program.fetches = [self.of(v) for v in self.program.fetches]


def merge(program: Program) -> None:
    """Of nodes with the same op, attributes and inputs only the first stays."""
    substitution = Substitution(program)
    seen: dict[Any, Node] = {}
    constants: dict[Any, Value] = {}
    kept = []
    writes: dict[Storage, int] = {}  # how often a memory has been written so far: a read before is not one after
    for node in program.nodes:
        substitution.apply_to(node)
        try:
            twin = node if node.stateful else seen.setdefault(_key(node, constants, writes), node)
        except TypeError:  # an attribute that cannot be hashed
            twin = node
        for storage in node.writes():
            writes[storage] = writes.get(storage, 0) + 1
        if twin is node or twin.device != node.device or node.after != twin.after:
            kept.append(node)
            continue
        substitution.values.update(zip(node.outputs, twin.outputs, strict=True))
        substitution.nodes[node] = [twin]
    program.nodes = kept
    substitution.finish()


def _key(node: Node, constants: dict[Any, Value], writes: dict[Storage, int]) -> Any:
    def identity(value: Value) -> Any:
        if value.storage in writes:
            return id(value), writes[value.storage]
        if value.constant is not None and value.nbytes <= 64 and value.storage.kind == "constant":
            same = (value.dtype, value.shape, value.constant.tobytes())
            return id(constants.setdefault(same, value))
        return id(value)

    return node.alike, tuple([identity(v) for v in node.inputs])


def rewrite(program: Program) -> None:
    """Lets each op replace its node by cheaper ones."""
    substitution = Substitution(program)
    written = program.written()
    changed: set[Storage] = set()  # the memories that are written so far
    kept: list[Node] = []
    readers = Counter([v for node in program.nodes for v in node.inputs] + program.fetches)
    for node in program.nodes:
        substitution.apply_to(node)
        changed.update(node.writes())
        function = node.definition.rewrite_function if node.definition else None
        if function is None:
            kept.append(node)
            continue
        make = Make(node, readers)
        replaced, made = function(node, make), make.nodes
        if replaced is None:
            kept.append(node)
            continue
        late = {v.storage for new in made for v in new.inputs} & changed - {v.storage for v in node.inputs}
        if late or any(v.storage in written for v in replaced) or not _same_kind(node, replaced):
            kept.append(node)
            continue
        kept += made
        for new in made:
            new.after = list(node.after)
        readers.subtract(node.inputs)
        readers.update([v for new in made for v in new.inputs])
        for old, value in zip(node.outputs, replaced, strict=True):
            readers[value] += readers[old]
        substitution.values.update(zip(node.outputs, replaced, strict=True))
        substitution.nodes[node] = made or [n for v in replaced if (n := v.node) is not None] + node.after
    program.nodes = kept
    substitution.finish()


def _same_kind(node: Node, values: Sequence[Value]) -> bool:
    return all(
        a.dtype is b.dtype and a.shape == b.shape and not b.dynamic for a, b in zip(node.outputs, values, strict=True)
    )


class Make:
    """What a rewrite makes nodes with: `make(op, inputs, **attributes)` plans one in the place of the node that is
    rewritten, and returns its outputs. `make.readers[value]` is how many read a value, fetches included."""

    def __init__(self, node: Node, readers: Counter[Value]) -> None:
        self.node = node
        self.readers = readers
        self.nodes: list[Node] = []

    def __call__(self, op: str, inputs: Sequence[Any], **attributes: Any) -> list[Value]:
        definition = registry.op(op)
        groups = [[_value(v, self.node) for v in (i if isinstance(i, (list, tuple)) else [i])] for i in inputs]
        bound = {a.name: attributes.get(a.name, a.default) for a in definition.schema.attributes}
        self.nodes.append(plan_node(definition, groups, bound, self.node))
        return self.nodes[-1].outputs


def _value(value: Any, node: Node) -> Value:
    """A planned value, or a Python number as a constant of the dtype the node works in."""
    if isinstance(value, Value):
        return value
    dtype = node.outputs[0].dtype if node.outputs else as_dtype(type(value))
    return constant(binding.as_array(value, dtype), dtype)


def plan_node(definition: OpDef, groups: list[list[Value]], attributes: dict[str, Any], like: Node) -> Node:
    """A node whose shapes follow from its inputs, placed and named like another."""
    context = Context(definition, groups, attributes, lambda v: v.constant, final=True)
    node = Node(definition, groups, attributes)
    node.origin, node.name, node.device = like.origin, like.name, like.device
    for dtype, shape in context.outputs():
        layout = Layout.dense(shape.known())
        storage = Storage("arena", dtype.size * (shape.num_elements() or 0))
        node.outputs.append(Value(dtype, layout, storage, node))
    return node


def drop_unused(program: Program) -> None:
    """Removes nodes without effect whose outputs nobody reads and that nobody waits for."""
    used = set(program.fetches)
    keep: set[Node] = set()
    controlled: set[Node] = set()
    for node in reversed(program.nodes):
        effect = node.stateful or (node.definition is not None and node.definition.role == "nothing")
        if effect or node in controlled or not used.isdisjoint(node.outputs):
            keep.add(node)
            used.update(node.inputs)
            controlled.update(node.after)
    program.nodes = [n for n in program.nodes if n in keep]

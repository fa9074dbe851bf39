"""Views: ops that only rearrange (reshape, transpose, slice, ...) become other strides over the same memory."""

from __future__ import annotations

from opwright.inference import Context
from opwright.layouts import Layout
from opwright.plan.ir import Node, Program, Storage, Value, copy_of


def lay_out(program: Program, on: frozenset[str]) -> None:
    """Replaces view nodes by views of their input's memory; with views off, by copies."""
    last = {value: i for i, node in enumerate(program.nodes) for value in node.inputs}
    last.update(dict.fromkeys(program.fetches, len(program.nodes)))
    writes: dict[Storage, list[int]] = {}
    for i, node in enumerate(program.nodes):
        for storage in node.writes():
            writes.setdefault(storage, []).append(i)
    dense: dict[Value, Value] = {}
    kept: list[Node] = []
    gone: dict[Node, list[Node]] = {}  # a node that became a view, and what to wait for in its place
    same: dict[Value, Value] = {}  # a view that changes nothing, and what it is a view of
    for i, node in enumerate(program.nodes):
        if not same.keys().isdisjoint(node.inputs):
            node.inputs = [same.get(v, v) for v in node.inputs]
        if node.after:
            node.after = list(dict.fromkeys(n for a in node.after for n in gone.get(a, [a])))
        if node.definition is None or node.definition.view_function is None:
            kept.append(node)
            continue
        source = node.groups[node.definition.view_source][0]
        layouts = _layouts(node, source)
        if layouts is None:
            source = _densified(source, dense, kept, node)
            layouts = _layouts(node, source)
            assert layouts is not None, f"{node.definition.name} has no view of a dense tensor"
        for output, layout in zip(node.outputs, layouts, strict=True):
            assert layout.shape == output.shape, f"{node.definition.name}: view {layout.shape}, shape {output.shape}"
            output.layout, output.storage, output.node = layout, source.storage, source.node
            output.constant = None
        read_last = max((last.get(output, -1) for output in node.outputs), default=-1)
        changes = any(i < w <= read_last for w in writes.get(source.storage, ()))
        if "views" not in on or changes or node.after:
            kept += _materialized(node)
            gone[node] = [output.node for output in node.outputs if output.node]
        else:
            gone[node] = [source.node] if source.node else []
            same.update({output: source for output in node.outputs if output.layout == source.layout})
    program.nodes = kept
    program.fetches = [same.get(v, v) for v in program.fetches]


def _layouts(node: Node, source: Value) -> list[Layout] | None:
    assert node.definition is not None
    assert node.definition.view_function is not None
    made = node.definition.view_function(_context(node), source.layout)
    if made is None:
        return None
    return [made] if isinstance(made, Layout) else list(made)


def _context(node: Node) -> Context:
    assert node.definition is not None
    context = Context(node.definition, node.groups, node.attributes, lambda v: v.constant, final=True)
    context.results = [v.shape for v in node.outputs]
    return context


def _densified(value: Value, dense: dict[Value, Value], nodes: list[Node], reader: Node) -> Value:
    """A dense copy of a value, made once."""
    if value not in dense:
        copy = copy_of(value, f"{reader.name}/dense")
        copy.origin = reader.origin
        nodes.append(copy)
        dense[value] = copy.outputs[0]
    return dense[value]


def _materialized(node: Node) -> list[Node]:
    """Copies out of the views, because their memory will change, or views are off."""
    copies = []
    for output in node.outputs:
        view = Value(output.dtype, output.layout, output.storage, output.node)
        copy = copy_of(view, node.name)
        copy.origin, copy.after = node.origin, list(node.after)
        (made,) = copy.outputs
        output.layout, output.storage, output.node = made.layout, made.storage, copy
        copy.outputs = [output]
        copies.append(copy)
    return copies


def densify(node: Node, value: Value, dense: dict[Value, Value], at: list[Node]) -> None:
    """Gives a node a dense copy in the place of a strided input; a new copy node goes to the end of `at`."""
    node.replace(value, _densified(value, dense, at, node))

"""Reverse-mode differentiation: gradients are built of ops, so they run, fuse and differentiate like any others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from opwright import ops, scopes
from opwright.errors import DTypeError, GradientError, ShapeError
from opwright.graph import Operation, Tensor
from opwright.indexed import dense, total
from opwright.node import NodeAccess
from opwright.opdef import MISSING
from opwright.registry import registry


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: Any = False,
    aggregation_method: Any = None,
    stop_gradients: Any = None,
    unconnected_gradients: str = "none",
) -> list[Any]:
    """The derivatives of sum(ys) with respect to each x, as tensors of the graph: a list, None where y does not depend
    on x (zeros if unconnected_gradients="zero"), IndexedSlices for the rows that a gather reads.

    `grad_ys` weights the ys. `stop_gradients` are taken as constants. Raises GradientError where the way from an x to a
    y leads through an op without a gradient.
    """
    targets, sources = _tensors(ys), _tensors(xs)
    if not targets:
        return [None] * len(sources)
    graph, current = targets[0].graph, scopes.current_graph()
    if graph.nested:
        sources = [graph.captured(x) for x in sources]
    if current is not None and graph in current.around:
        graph = current
    with graph.as_default(), graph.name_scope(name):
        seeds = _seeds(targets, grad_ys)
        stopped = set(_tensors(stop_gradients))
        nodes = _between(targets, sources, stopped)
        found = backpropagate(
            nodes, seeds, _connected(nodes, sources), lambda op: graph.device(op.device), dict.fromkeys(sources)
        )
        results = [_result(found.get(x), x, unconnected_gradients) for x in sources]
    return results


def _tensors(things: Any) -> list[Tensor]:
    if things is None:
        return []
    listed = things if isinstance(things, (list, tuple)) else [things]
    return [t.__opwright_tensor__() if hasattr(t, "__opwright_tensor__") else t for t in listed]


def _seeds(targets: Sequence[Tensor], grad_ys: Any) -> dict[Any, list[Any]]:
    given = list(grad_ys) if isinstance(grad_ys, (list, tuple)) else [grad_ys] * len(targets)
    if len(given) != len(targets):
        raise ShapeError(f"[gradients] grad_ys must have one item for each y, got {len(given)} for {len(targets)}")
    seeds: dict[Any, list[Any]] = {}
    for y, dy in zip(targets, given, strict=True):
        if not y.dtype.is_floating:
            raise DTypeError(f"[gradients] ys must be floating, got {y}; cast it before")
        if dy is None:
            dy = ops.ones_like(y)
        else:
            dy = ops.identity(dy) if isinstance(dy, Tensor) else ops.constant(dy, dtype=y.dtype)
            if not dy.shape.is_compatible_with(y.shape):
                raise ShapeError(f"[gradients] grad_ys must have the shape {y.shape} of {y.name}, got {dy.shape}")
        seeds.setdefault(y, []).append(dy)
    return seeds


def _between(targets: Iterable[Tensor], sources: Iterable[Tensor], stopped: set[Tensor]) -> list[Operation]:
    """The operations from the targets back to the sources, later ones first."""
    found: set[Operation] = set()
    ends = {x.op for x in sources if not x.op.inputs}
    todo = [y.op for y in targets]
    while todo:
        op = todo.pop()
        if op in found or op in ends:
            continue
        found.add(op)
        todo += [t.op for t in op.inputs if t not in stopped]
    return sorted(found, key=lambda op: -op.id)


def _connected(nodes: Sequence[Operation], sources: Sequence[Tensor]) -> Callable[[Any], bool]:
    """Whether a tensor depends on a source: only such ones need a gradient."""
    on: set[Any] = set(sources)
    for op in reversed(nodes):
        if any(t in on for t in op.inputs):
            on.update(op.outputs)
    return lambda tensor: tensor in on


def backpropagate(
    nodes: Iterable[Any],
    seeds: dict[Any, list[Any]],
    wanted: Callable[[Any], bool],
    around: Callable[[Any], Any],
    keep: Iterable[Any],
) -> dict[Any, Any]:
    """Gradients by tensor, from the seeds back through the nodes, later ones first. `keep` are tensors whose gradients
    are asked for; others are dropped once used."""
    partial: dict[Any, list[Any]] = dict(seeds)
    sums: dict[Any, Any] = {}
    for node in nodes:
        if not any(wanted(t) for t in node.inputs):
            continue
        dys = [_summed(partial, sums, t) for t in node.outputs]
        if all(dy is None for dy in dys):
            continue
        with around(node):
            for tensor, dx in zip(node.inputs, input_gradients(node, dys, wanted), strict=True):
                if dx is not None and wanted(tensor):
                    partial.setdefault(tensor, []).append(_shaped(node, tensor, dx))
    return {t: _summed(partial, sums, t) for t in keep}


def _summed(partial: dict[Any, list[Any]], sums: dict[Any, Any], tensor: Any) -> Any:
    if tensor in partial:
        sums[tensor] = total(partial.pop(tensor) + ([sums[tensor]] if tensor in sums else []))
    return sums.get(tensor)


def _shaped(node: Any, tensor: Any, dx: Any) -> Any:
    if not dx.shape.is_compatible_with(tensor.shape):
        raise GradientError(
            f"[{node.definition.name}] the gradient must have the shape {tensor.shape} of its input, got {dx.shape}; "
            "the op's gradient function is wrong"
        )
    return dx


def input_gradients(node: NodeAccess, dys: list[Any], wanted: Callable[[Any], bool]) -> list[Any]:
    """The gradient of each input of a node, in order; None where there is no connection."""
    definition = node.definition
    function = definition.gradient_function
    if function is None:
        raise GradientError(_no_gradient(node))
    if definition.partial:
        return _flat(node, function(node, [None if dy is None else dense(dy) for dy in dys], wanted))
    filled = [_filled(node, t, dy) for t, dy in zip(node.outputs, dys, strict=True)]
    if function is MISSING:
        return _through_reference(node, filled, wanted)
    is_list = bool(definition.schema.outputs) and definition.schema.outputs[0].is_list
    made = function(node, filled) if is_list else function(node, *filled)
    if len(definition.schema.tensors) == 1 and not isinstance(made, tuple):
        made = (made,)
    return _flat(node, made)


def _flat(node: NodeAccess, made: Any) -> list[Any]:
    definition = node.definition
    if not isinstance(made, tuple) or len(made) != len(node.groups):
        raise GradientError(
            f"[{definition.name}] the gradient function must return a tuple with one item for each of the "
            f"{len(node.groups)} tensor arguments, got {made!r}"
        )
    flat: list[Any] = []
    for arg, group, item in zip(definition.schema.tensors, node.groups, made, strict=True):
        flat += (list(item) if arg.is_list else [item] * len(group)) if item is not None else [None] * len(group)
    return flat


def _filled(node: NodeAccess, output: Any, dy: Any) -> Any:
    """What the gradient function gets for an output: zeros where others of a node have a gradient and it has none."""
    if dy is not None:
        return dense(dy)
    return ops.zeros_like(output) if output.dtype.is_floating else None


def _through_reference(node: NodeAccess, dys: list[Any], wanted: Callable[[Any], bool]) -> list[Any]:
    """The gradient of an op that is written in other ops: theirs."""
    definition = node.definition
    assert definition.reference is not None
    arguments = {
        arg.name: (list(group) if arg.is_list else group[0] if group else None)
        for arg, group in zip(definition.schema.tensors, node.groups, strict=True)
    }
    xs = [t for t in node.inputs if wanted(t)]
    if isinstance(node, Operation):
        made = definition.reference(**arguments, **node.attributes)
        outputs = list(made) if isinstance(made, (list, tuple)) else [made]
        pairs = [(y, dy) for y, dy in zip(outputs, dys, strict=True) if dy is not None]
        found = gradients([y for y, _ in pairs], xs, [dy for _, dy in pairs])
    else:
        with ops.GradientTape() as tape:
            for x in xs:
                tape.watch(x)
            made = definition.reference(**arguments, **node.attributes)
        outputs = list(made) if isinstance(made, (list, tuple)) else [made]
        pairs = [(y, dy) for y, dy in zip(outputs, dys, strict=True) if dy is not None]
        found = tape.gradient([y for y, _ in pairs], xs, [dy for _, dy in pairs])
    by_tensor = {id(x): g for x, g in zip(xs, found, strict=True)}
    return [by_tensor.get(id(t)) for t in node.inputs]


def _no_gradient(node: NodeAccess) -> str:
    definition = node.definition
    owner = registry.owner(definition)
    whose = f" of {owner}" if owner else ""
    name = getattr(node, "name", None)
    where = f" (node {name!r}, built at {node.line})" if isinstance(node, Operation) else ""
    return (
        f"[{definition.name}] the op{whose} has no gradient{where}, and one was asked for; put stop_gradient around it "
        "if none should pass"
    )


def _result(gradient: Any, x: Tensor, unconnected: str) -> Any:
    if (gradient is None and unconnected in ("zero", "UnconnectedGradients.ZERO")) or getattr(
        unconnected, "value", ""
    ) == "zero":
        return ops.zeros_like(x) if gradient is None else gradient
    return gradient

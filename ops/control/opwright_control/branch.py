"""branch: one of several graphs, chosen by a number; its gradient is a branch over their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opwright import OpDef, Operation, Tensor, dtypes, gradients, ops, scopes
from opwright.graph import Graph
from opwright.indexed import dense

from opwright_control.captures import Captures, around, extend, giving, grouped, needs
from opwright_control.funcgraph import Body, FuncGraph
from opwright_control.planning import plan_branch
from opwright_control.trace import common_shape

_ATTRIBUTES = "*, graphs: object, inputs: object, outputs: object, dtypes: object, shapes: object"

branch = OpDef(
    f"branch(index: I, captured: list[T], {_ATTRIBUTES}) -> (outputs: list[T])",
    role="control",
    partial=True,
    I=("bool", "int32", "int64"),
    T=dtypes.movable,
)
stateful_branch = OpDef(
    f"stateful_branch(index: I, captured: list[T], variables: list[ref[V]], {_ATTRIBUTES}) -> (outputs: list[T])",
    role="control",
    stateful=True,
    partial=True,
    I=("bool", "int32", "int64"),
    T=dtypes.movable,
    V=dtypes.movable,
)
for _op in (branch, stateful_branch):
    _op.shape(lambda c: list(c.attr.shapes))
    _op.plan(plan_branch)
    _op.dtypes(lambda attributes: attributes["dtypes"])


def make_branch(
    graph: Graph,
    index: Tensor,
    bodies: Sequence[Body],
    outputs: Sequence[Sequence[int]],
    name: str | None = None,
    extends: Operation | None = None,
) -> Operation:
    """The node. `outputs`: for each body which of its outputs each output of the node is, -1 where it has none."""
    captures = Captures(graph, bodies)
    made_by = [
        [body.outputs[which[o]] for body, which in zip(bodies, outputs, strict=True) if which[o] >= 0]
        for o in range(len(outputs[0]))
    ]
    attributes = {
        "graphs": tuple(bodies),
        "inputs": tuple(tuple(1 + captures.index(body, t) for t in body.inputs) for body in bodies),
        "outputs": tuple(tuple(which) for which in outputs),
        "dtypes": tuple(tensors[0].dtype for tensors in made_by),
        "shapes": tuple(common_shape([t.shape for t in tensors]) for tensors in made_by),
    }
    stateful = captures.written or any(body.graph.stateful for body in bodies)
    groups = [[index], captures.read, *([captures.written] if stateful else [])]
    definition = stateful_branch if stateful else branch
    if extends is not None:
        return extend(extends, definition, groups, attributes)
    made = graph.create(definition, groups, attributes, name)
    for body in bodies:
        for control in body.graph.outer_controls:
            made.add_control_input(control)
    return made


@branch.gradient
@stateful_branch.gradient
def _gradient(node: Any, dys: Sequence[Any], wanted: Any) -> tuple[Any, ...]:
    here = scopes.current_graph()
    assert here is not None
    backs = [_Back(node, k, dys, wanted) for k in range(len(node.attr.graphs))]
    flowing = sorted({i for back in backs for i in back.found})
    dxs: list[Any] = [None] * len(node.inputs)
    if flowing:
        for back in backs:
            back.complete(flowing, node)
        forward = _saving(node, backs)
        bodies = [back.body(node, forward, dys) for back in backs]
        outputs = [range(len(flowing))] * len(bodies)
        made = make_branch(here, here.captured(node.inputs[0]), bodies, outputs, "branch_gradient")
        for i, dx in zip(flowing, made.outputs, strict=True):
            dxs[i] = dx
    return grouped(node, dxs)


def _saving(node: Operation, backs: Sequence[_Back]) -> Operation:
    """The node, also giving the intermediate values that its gradient needs."""
    node = node.latest
    outputs = [list(which) for which in node.attr.outputs]
    bodies = [
        giving(node, old, [*old.outputs, *(t for t in back.needs if t not in old.outputs)])
        for old, back in zip(node.attr.graphs, backs, strict=True)
    ]
    for k, (body, back) in enumerate(zip(bodies, backs, strict=True)):
        for tensor in back.needs:
            at = body.outputs.index(tensor)
            if at not in outputs[k]:
                for j, which in enumerate(outputs):
                    which.append(at if j == k else -1)
            back.saved[tensor] = outputs[k].index(at)
    if len(outputs[0]) == len(node.outputs):
        return node
    return make_branch(node.graph, node.inputs[0], bodies, outputs, extends=node)


class _Back:
    """A branch's gradient: its graph, and where what it uses comes from."""

    def __init__(self, node: Operation, k: int, dys: Sequence[Any], wanted: Any) -> None:
        self.forward: Body = node.attr.graphs[k]
        self.graph = FuncGraph(f"{self.forward.graph.name}_gradient", self.forward.graph)
        self.seeds: list[tuple[int, Tensor]] = []  # output of the node, its gradient in here
        self.saved: dict[Tensor, int] = {}  # intermediate value, output of the node that gives it
        self.outputs: list[Tensor] = []
        self.like: list[tuple[Tensor, Tensor]] = []  # input of the node, what stands for it
        xs = [(i, t) for i, t in zip(node.attr.inputs[k], self.forward.inputs, strict=True) if wanted(node.inputs[i])]
        ys = []
        with self.graph.as_default():
            for o, dy in enumerate(dys):
                if dy is not None and node.attr.outputs[k][o] >= 0:
                    ys.append(self.forward.outputs[node.attr.outputs[k][o]])
                    self.seeds.append((o, self.graph.argument(dy.dtype, dy.shape)))
            dxs = gradients(ys, [t for _, t in xs], [seed for _, seed in self.seeds]) if ys and xs else []
            self.found = {i: dense(dx) for (i, _), dx in zip(xs, dxs, strict=False) if dx is not None}

    def complete(self, flowing: Sequence[int], node: Operation) -> None:
        """Gives the graph an output for each input in `flowing`: zeros where no gradient flows in this branch."""
        with self.graph.as_default():
            made = [self.found[i] if i in self.found else self._zeros(node.inputs[i]) for i in flowing]
        self.outputs = [self.graph.captured(t) for t in made]
        self.needs = needs(self.graph, self.forward)

    def _zeros(self, x: Tensor) -> Tensor:
        stand_in = self.graph.argument(x.dtype, x.shape)
        self.like.append((x, stand_in))
        return ops.zeros_like(stand_in)  # type: ignore[no-any-return]

    def body(self, node: Operation, forward: Operation, dys: Sequence[Any]) -> Body:
        """The graph with what it uses taken from around the node and from the node's outputs."""
        captures = [
            (forward.outputs[self.saved[t]] if t in self.saved else around(node, self.forward, t), inner)
            for t, inner in self.graph.captures
        ]
        captures += [(dys[o], seed) for o, seed in self.seeds]
        return Body(self.graph, self.outputs, captures + self.like)

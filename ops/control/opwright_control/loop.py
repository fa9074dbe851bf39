"""loop: a body that runs again and again; its gradient is a loop in the other direction over what was saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from opwright import OpDef, Operation, Tensor, dtypes, export, gradients, ops, scopes
from opwright.errors import GradientError
from opwright.graph import Graph
from opwright.indexed import dense
from opwright.shapes import Shape

from opwright_control.captures import Captures, around, extend, giving, grouped, needs
from opwright_control.funcgraph import Body, FuncGraph
from opwright_control.planning import INPUT, ROW_IN, STATE, Bound, plan_loop

_ATTRIBUTES = (
    "*, condition: object | None = None, body: object, wiring: object, reverse: bool = False, dtypes: object, "
    "shapes: object"
)

loop = OpDef(
    f"loop(limit: int64[''], inputs: list[T], length: int64[''] | None = None, {_ATTRIBUTES}) -> (outputs: list[T])",
    role="control",
    partial=True,
    T=dtypes.movable,
)
stateful_loop = OpDef(
    "stateful_loop(limit: int64[''], inputs: list[T], variables: list[ref[V]], length: int64[''] | None = None, "
    f"{_ATTRIBUTES}) -> (outputs: list[T])",
    role="control",
    stateful=True,
    partial=True,
    T=dtypes.movable,
    V=dtypes.movable,
)
for _op in (loop, stateful_loop):
    _op.shape(lambda c: list(c.attr.shapes))
    _op.plan(plan_loop)
    _op.dtypes(lambda attributes: attributes["dtypes"])

UNLIMITED = 2**63 - 1


@export("control.Wiring")
@dataclass(frozen=True)
class Wiring:
    """Where a loop's parts find what they work on. Numbers count the node's inputs."""

    name: str
    states: tuple[int, ...]  # what each state starts from
    rows: int  # outputs of the body that are stacked
    body: tuple[Bound, ...]  # for each input of the body, of the condition: what it is
    condition: tuple[Bound, ...]
    bounded: bool  # the limit bounds the number of rows

    def __opwright_saved__(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def __opwright_restored__(cls, saved: dict[str, Any]) -> Wiring:
        return cls(**saved)


@dataclass
class Recipe:
    """A loop to be made: its body takes a state, then rows, then what it captures; and gives states, then rows."""

    name: str
    states: list[Tensor]
    rows: list[Tensor]
    body: Body
    condition: Body | None = None
    limit: Tensor | None = None
    bounded: bool = False
    length: Tensor | None = None  # how many rows are stacked, if neither rows nor the limit say
    reverse: bool = False
    shapes: list[Shape] | None = None  # of the states; those they start with if None


def make_loop(graph: Graph, recipe: Recipe, extends: Operation | None = None) -> Operation:
    """The node. Its outputs: the last states, the rows, the number of iterations."""
    bodies = [recipe.body] + ([recipe.condition] if recipe.condition else [])
    captures = Captures(graph, bodies)
    n = len(recipe.states)
    limit = ops.constant(UNLIMITED, dtype="int64") if recipe.limit is None else recipe.limit
    stacked = recipe.body.outputs[n:]
    shapes = recipe.shapes or [t.shape for t in recipe.states]
    known = next((t.shape[0] for t in recipe.rows if t.shape.rank), None)
    attributes = {
        "condition": recipe.condition,
        "body": recipe.body,
        "wiring": Wiring(
            recipe.name,
            tuple(range(1, 1 + n)),
            len(stacked),
            _wired(recipe, recipe.body, captures),
            _wired(recipe, recipe.condition, captures) if recipe.condition else (),
            recipe.bounded,
        ),
        "reverse": recipe.reverse,
        "dtypes": (*(t.dtype for t in recipe.body.outputs), dtypes.int64),
        "shapes": (*shapes, *(Shape([known]).concatenate(t.shape) for t in stacked), Shape([])),
    }
    stateful = captures.written or any(body.graph.stateful for body in bodies)
    length = [] if recipe.length is None else [recipe.length]
    groups = [[limit], [*recipe.states, *recipe.rows, *captures.read], length]
    if stateful:
        groups.insert(2, captures.written)
    definition = stateful_loop if stateful else loop
    if extends is not None:
        return extend(extends, definition, groups, attributes)
    made = graph.create(definition, groups, attributes, recipe.name)
    for control in [c for body in bodies for c in body.graph.outer_controls]:
        made.add_control_input(control)
    return made


def _wired(recipe: Recipe, body: Body, captures: Captures) -> tuple[Bound, ...]:
    n, m = len(recipe.states), len(recipe.rows)
    own = [*[(STATE, i) for i in range(n)], *[(ROW_IN, 1 + n + i) for i in range(m)]]
    arguments = [t for t in body.inputs if t not in {inner for _, inner in body.captures}]
    known = dict(zip(arguments, own, strict=False))
    return tuple(known[t] if t in known else (INPUT, 1 + n + m + captures.index(body, t)) for t in body.inputs)


@loop.gradient
@stateful_loop.gradient
def _gradient(node: Operation, dys: Sequence[Any], wanted: Any) -> tuple[Any, ...]:
    here = scopes.current_graph()
    assert here is not None
    back = _Back(node, dys, wanted)
    back.complete()
    forward = _saving(node, back)
    made = make_loop(here, back.recipe(node, forward, here))
    dxs: list[Any] = [None] * len(node.inputs)
    for i, dx in zip(back.flowing, made.outputs, strict=False):
        dxs[i] = dx
    return grouped(node, [dx if wanted(x) else None for x, dx in zip(node.inputs, dxs, strict=True)])


def _saving(node: Operation, back: _Back) -> Operation:
    """The node, also stacking the intermediate values that its gradient needs, a row for each iteration.

    Without a bound for the number of rows it is a node of its own, which runs once the first has counted them.
    """
    wiring: Wiring = node.attr.wiring
    counted = not wiring.bounded and not any(what == ROW_IN for what, _ in wiring.body)
    node = node if counted else node.latest
    old: Body = node.attr.body
    extra = [t for t in back.needs if t not in old.outputs[len(wiring.states) :]]
    outputs = (*old.outputs, *extra)
    back.saved = {t: outputs.index(t, len(wiring.states)) for t in back.needs}
    if not extra:
        return node
    if counted and node.definition.stateful:
        raise GradientError(
            f"[{wiring.name}] the gradient of a loop with effects or random numbers needs to know how many iterations "
            f"there may be (node {node.name!r}, built at {node.line}); give maximum_iterations"
        )
    count = node.outputs[-1]
    n = len(wiring.states)
    rows = [i for what, i in wiring.body if what == ROW_IN]
    recipe = Recipe(
        wiring.name,
        [node.inputs[i] for i in wiring.states],
        [node.inputs[i] for i in rows],
        giving(node, old, outputs),
        None if counted else node.attr.condition,
        count if counted else node.inputs[0],
        True,
        None if rows else count if counted else node.inputs[0],
        node.attr.reverse,
        list(node.attr.shapes[:n]),
    )
    return make_loop(node.graph, recipe, None if counted else node)


class _Back:
    """The gradient of a loop's body: its graph, and where what it uses comes from.

    Its states are the gradients of the states, then those of what the loop captures, summed over the iterations.
    """

    def __init__(self, node: Operation, dys: Sequence[Any], wanted: Any) -> None:
        self.node = node
        self.dys = dys
        self.forward: Body = node.attr.body
        self.wiring: Wiring = node.attr.wiring
        self.graph = FuncGraph(f"{self.forward.graph.name}_gradient", self.forward.graph)
        self.saved: dict[Tensor, int] = {}
        n = len(self.wiring.states)
        bound = list(zip(self.wiring.body, self.forward.inputs, strict=True))
        self.states = [(i, t) for (what, i), t in bound if what == STATE and t.dtype.is_floating]
        others = [(i, t) for (what, i), t in bound if what != STATE and wanted(node.inputs[i])]
        ys = [self.forward.outputs[i] for i, _ in self.states]
        self.rows = [o for o in range(n, len(node.outputs) - 1) if dys[o] is not None]
        with self.graph.as_default():
            self.seeds = [self.graph.argument(t.dtype, node.outputs[i].shape) for i, t in self.states]
            outs = [self.forward.outputs[o] for o in self.rows]
            self.row_seeds = [self.graph.argument(t.dtype, t.shape) for t in outs]
            xs = [t for _, t in self.states] + [t for _, t in others]
            found = gradients(ys + outs, xs, self.seeds + self.row_seeds) if xs and ys + outs else [None] * len(xs)
        self.found = [None if dx is None else dense(dx) for dx in found]
        kinds = dict((t, what) for (what, _), t in bound)
        pairs = list(zip(others, self.found[len(self.states) :], strict=True))
        self.sums = [(i, t, dx) for (i, t), dx in pairs if dx is not None and kinds[t] == INPUT]
        self.row_results = [(i, dx) for (i, t), dx in pairs if dx is not None and kinds[t] == ROW_IN]

    def complete(self) -> None:
        """Gives the graph its outputs: the states' gradients, the sums, the gradients of rows."""
        with self.graph.as_default():
            made = [
                ops.zeros_like(seed) if dx is None else dx for seed, dx in zip(self.seeds, self.found, strict=False)
            ]
            totals = [self.graph.argument(t.dtype, t.shape) for _, t, _ in self.sums]
            made += [total + dx for total, (_, _, dx) in zip(totals, self.sums, strict=True)]
            made += [dx for _, dx in self.row_results]
        self.totals = totals
        self.outputs = [self.graph.captured(t) for t in made]
        states = [t for (what, _), t in zip(self.wiring.body, self.forward.inputs, strict=True) if what == STATE]
        self.needs = needs(self.graph, self.forward, states)
        starts = [self.wiring.states[i] for i, _ in self.states]
        self.flowing = [*starts, *(i for i, _, _ in self.sums), *(i for i, _ in self.row_results)]

    def recipe(self, node: Operation, forward: Operation, here: Graph) -> Recipe:
        """The loop over the body's gradient."""
        given = {
            t: node.inputs[i]
            for (what, i), t in zip(self.wiring.body, self.forward.inputs, strict=True)
            if what == ROW_IN
        }
        rows = [(self.dys[o], seed) for o, seed in zip(self.rows, self.row_seeds, strict=True)]
        captures = []
        for t, inner in self.graph.captures:
            if t in self.saved:
                rows.append((forward.outputs[self.saved[t]], inner))
            elif t in given:
                rows.append((given[t], inner))
            else:
                captures.append((around(node, self.forward, t), inner))
        states = [ops.zeros_like(node.outputs[i]) if self.dys[i] is None else self.dys[i] for i, _ in self.states] + [
            ops.zeros_like(node.inputs[i]) for i, _, _ in self.sums
        ]
        own = [*self.seeds, *self.totals, *(inner for _, inner in rows)]
        body = Body(self.graph, self.outputs, captures, [*own, *(inner for _, inner in captures)])
        count = forward.outputs[-1]
        length = None if rows or not self.row_results else node.inputs[0] if self.wiring.bounded else count
        return Recipe(
            f"{self.wiring.name}_gradient",
            [here.captured(t) for t in states],
            [here.captured(t) for t, _ in rows],
            body,
            limit=here.captured(count),
            bounded=True,
            length=None if length is None else here.captured(length),
            reverse=not node.attr.reverse,
        )

"""Traced: a function's graph as one step, run on eager tensors, and differentiated into steps of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from opwright import EagerTensor, IndexedSlices, OpDef, Operation, Tensor, dtypes, gradients, ops
from opwright.eager import world
from opwright.eagertensor import EagerRef
from opwright.errors import GradientError
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.scopes import thread
from opwright_control.funcgraph import FuncGraph

function_call = OpDef(
    "function_call(inputs: list[T], *, function: object) -> (outputs: list[T])",
    role="control",
    partial=True,
    T=dtypes.movable,
)
function_call.shape(lambda c: [t.shape for t in c.attr.function.outputs])


class Traced:
    """Inputs, outputs and effects of a graph. Variables among the inputs are read and written where they are."""

    def __init__(
        self, graph: FuncGraph, inputs: Sequence[Tensor], outputs: Sequence[Tensor], effects: Sequence[Operation] = ()
    ) -> None:
        self.graph = graph
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.effects = list(effects)
        self._step = Step(Spec(self.outputs, self.inputs, self.effects), world)
        self._dtypes = [t.dtype for t in self.outputs]
        self._written = [i for i, t in enumerate(self.inputs) if t.is_ref and graph.writes(t)]

    def __call__(self, values: Sequence[EagerTensor]) -> list[EagerTensor]:
        """The outputs for the inputs' values, entered on the open tapes."""
        if thread.tapes and any(d.is_floating for d in self._dtypes):
            return self._recorded(values)
        return self._run(values)

    def _run(self, values: Sequence[EagerTensor]) -> list[EagerTensor]:
        for i in self._written:
            values[i].release()  # type: ignore[attr-defined]
        found = self._step.run([value.storage for value in values])
        return [EagerTensor(array, dtype) for array, dtype in zip(found, self._dtypes, strict=True)]

    def _recorded(self, values: Sequence[EagerTensor]) -> list[EagerTensor]:
        reads = [(v.snapshot(), v) for v in values if isinstance(v, EagerRef)]  # what is read, before it is written
        read = {id(ref): value for value, ref in reads}
        made = self.back.forward._run(values)
        group = [read.get(id(v), v) for v in values]
        for tape in thread.tapes:
            tape.enter(function_call, [group], {"function": self}, made, reads)
        return made[: len(self.outputs)]

    @cached_property
    def back(self) -> Backward:
        """The gradient from all floating outputs to all floating inputs."""
        return Backward(self)

    def again(self, which: Sequence[int]) -> tuple[Traced, list[Any]]:
        """The gradient from some of back.forward's outputs, everything but random numbers computed anew: what the
        inputs, these outputs' gradients and the numbers drawn give, and how to find each input's gradient in it."""
        if any(op.definition.role == "control" and op.definition.stateful for op in self.graph.operations):
            raise GradientError(
                f"[function] second derivatives through {self.graph.name!r} must not pass through branches or loops "
                "with effects or random numbers, which cannot be run again; draw the numbers outside and pass them on"
            )
        ys = [self.back.forward.outputs[o] for o in which]
        with _open(self.graph), self.graph.as_default():
            known = len(self.graph.inputs)
            seeds = [self.graph.argument(y.dtype, y.shape) for y in ys]
            del self.graph.inputs[known:]
            dxs = gradients(ys, [x for x in self.inputs if x.dtype.is_floating], seeds)
        outputs, take = _flattened(self.inputs, dxs, lambda t: t)
        drawn = [self.back.forward.outputs[i] for i in self.back.drawn]
        return Traced(self.graph, [*self.inputs, *seeds, *drawn], outputs), take


@contextmanager
def _open(graph: FuncGraph) -> Iterator[None]:
    """A block in which gradients may add to a graph that is closed."""
    closed, graph.closed = graph.closed, False
    try:
        yield
    finally:
        graph.closed = closed


class Backward:
    """A function's gradient: a function of the outputs' gradients and of what `forward` saves besides the outputs."""

    def __init__(self, function: Traced) -> None:
        graph = FuncGraph(f"{function.graph.name}_gradient", function.graph)
        self.ys = [o for o, t in enumerate(function.outputs) if t.dtype.is_floating]
        with _open(function.graph), graph.as_default():  # a loop without a bound is run again, keeping more
            seeds = [graph.argument(function.outputs[o].dtype, function.outputs[o].shape) for o in self.ys]
            xs = [x for x in function.inputs if x.dtype.is_floating]
            dxs = gradients([function.outputs[o] for o in self.ys], xs, seeds) if xs else []
            outputs, self.take = _flattened(function.inputs, dxs, graph.captured)
        graph.closed = True
        draws = [t for op in function.graph.operations if op.definition.random for t in op.outputs]
        wanted = dict.fromkeys([*(t for t, _ in graph.captures), *draws])
        saved = [t for t in wanted if t not in function.inputs and t not in function.outputs]
        self.forward = Traced(function.graph, function.inputs, [*function.outputs, *saved], function.effects)
        places = {t: ("output", o) for o, t in enumerate(self.forward.outputs)}
        places.update({t: ("input", i) for i, t in enumerate(function.inputs)})
        self.drawn = [self.forward.outputs.index(t) for t in draws]
        self.sources = [places[t] for t, _ in graph.captures]
        self.function = Traced(graph, [*seeds, *(inner for _, inner in graph.captures)], outputs)


def _flattened(
    inputs: Sequence[Tensor], dxs: Sequence[Any], captured: Callable[[Any], Any]
) -> tuple[list[Tensor], Any]:
    """The tensors that gradients consist of, and for each input which of them are its: None, one, or those of
    IndexedSlices."""
    found = iter(dxs)
    outputs: list[Tensor] = []
    take: list[Any] = []
    for x in inputs:
        dx = next(found) if x.dtype.is_floating else None
        parts = [dx.values, dx.indices] if isinstance(dx, IndexedSlices) else [] if dx is None else [dx]
        take.append(None if dx is None else tuple(range(len(outputs), len(outputs) + len(parts))))
        outputs += [captured(part) for part in parts]
    return outputs, take


@function_call.gradient
def _gradient(node: Any, dys: Sequence[Any], wanted: Any) -> tuple[list[Any]]:
    function: Traced = node.attr.function
    back = function.back
    if any(dy is not None for dy in dys[len(function.outputs) :]):
        which = [o for o, dy in enumerate(dys) if dy is not None]
        again, take = function.again(which)
        made = again([*node.inputs, *(dys[o] for o in which), *(node.outputs[i] for i in back.drawn)])
    else:
        seeds = [ops.zeros_like(node.outputs[o]) if dys[o] is None else dys[o] for o in back.ys]
        places = {"input": node.inputs, "output": node.outputs}
        made, take = back.function([*seeds, *(places[kind][i] for kind, i in back.sources)]), back.take

    def gradient(x: Any, which: Any) -> Any:
        if which is None or not wanted(x):
            return None
        return made[which[0]] if len(which) == 1 else IndexedSlices(made[which[0]], made[which[1]], x.shape.known())

    return ([gradient(x, which) for x, which in zip(node.inputs, take, strict=True)],)

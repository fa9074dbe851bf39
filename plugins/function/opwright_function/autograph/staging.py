"""Branches and loops over a rewritten function's variables: which of them become outputs and states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from opwright import Tensor, convert_to_tensor, ops, scopes
from opwright.errors import ArgumentError
from opwright.shapes import Shape
from opwright_control import nest
from opwright_control.branch import make_branch
from opwright_control.cond import scalar
from opwright_control.funcgraph import Body, FuncGraph
from opwright_control.loop import Recipe, make_loop
from opwright_control.tensor_array import settle_like, unsettled
from opwright_control.trace import as_output, common_shape, trace, unify

from opwright_function.autograph.jumps import RESULT

_NUMBERS = (bool, int, float, np.ndarray, np.generic)


def is_staged(value: Any) -> bool:
    """Whether a value is a tensor of the graph being built."""
    return isinstance(value, Tensor)


class Undefined:
    """A variable that has no value, or not on every path. Any use raises."""

    def __init__(self, name: str, why: str = "before it has a value") -> None:
        object.__setattr__(self, "_text", f"variable {name!r} is used {why}")

    def _use(self, *_: Any, **__: Any) -> Any:
        raise UnboundLocalError(object.__getattribute__(self, "_text"))

    __getattr__ = __call__ = __bool__ = __iter__ = __len__ = __getitem__ = _use
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _use
    __neg__ = __pow__ = __lt__ = __le__ = __gt__ = __ge__ = __matmul__ = __float__ = __int__ = __array__ = _use


def _defined(value: Any) -> bool:
    return type(value) is not Undefined


def _tensors(value: Any) -> bool:
    """Whether a value is a nest of tensors and numbers."""
    leaves = nest.flatten(value)
    return bool(leaves) and all(_is_tensor(leaf) or isinstance(leaf, _NUMBERS) for leaf in leaves)


def _is_tensor(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) or hasattr(leaf, "storage") or hasattr(type(leaf), "__opwright_tensor__")


def _same(a: Any, b: Any) -> bool:
    """Whether a Python value has stayed what it was."""
    if a is b:
        return True
    return type(a) is type(b) and isinstance(a, (bool, int, float, str, type(None))) and bool(a == b)


# -- branches ----------------------------------------------------------------------------------------------------------


def branches(test: Tensor, then: Any, orelse: Any, values: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
    """The variables after a branch of the graph."""
    test = scalar("if", "the condition", test)
    (false_graph, without), (true_graph, with_) = trace("else", orelse), trace("then", then)
    if settle_like(list(values), list(with_)) or settle_like(list(values), list(without)):
        return branches(test, then, orelse, values, names)  # now that arrays know the shape of their elements
    if RESULT in names:
        at = list(names).index(RESULT)
        without, with_ = _filled(false_graph, without, with_, at), _filled(true_graph, with_, without, at)
    picked = [i for i, (a, b) in enumerate(zip(with_, without, strict=True)) if _differ(a, b, names[i])]
    graphs = [false_graph, true_graph]
    columns = [[leaf for i in picked for leaf in nest.flatten(side[i])] for side in (without, with_)]
    tensors = unify("if", graphs, columns)
    graph = scopes.current_graph()
    assert graph is not None
    bodies = [Body(g, outputs) for g, outputs in zip(graphs, tensors, strict=True)]
    stateful = any(g.effects for g in graphs)
    outputs: list[Any] = []
    if picked or stateful:
        outputs = make_branch(graph, graph.captured(test), bodies, [range(len(tensors[0]))] * 2, "if").outputs
    found = iter(outputs)
    made = {i: nest.pack(with_[i], [next(found) for _ in nest.flatten(with_[i])]) for i in picked}
    return tuple(made[i] if i in made else _common(a, b, names[i]) for i, (a, b) in enumerate(zip(with_, without)))


def _filled(graph: FuncGraph, values: Sequence[Any], others: Sequence[Any], at: int) -> list[Any]:
    """The values of a branch that does not return, with zeros for what the other one returns: nobody will look at them,
    for a flag says which branch it was."""
    made = list(values)
    if not _defined(made[at]) and _defined(others[at]) and _tensors(others[at]):
        with graph.as_default():
            leaves = [
                convert_to_tensor(leaf) if isinstance(leaf, _NUMBERS) else as_tensor(leaf)
                for leaf in nest.flatten(others[at])
            ]
            for leaf in leaves:
                if not leaf.shape.is_known:
                    raise ArgumentError(
                        "[return] what is returned from within a loop over tensors must have a known shape, got "
                        f"{leaf.shape}; set a variable and return it after the loop"
                    )
            made[at] = nest.pack(others[at], [ops.zeros(leaf.shape.known(), leaf.dtype) for leaf in leaves])
    return made


def _differ(a: Any, b: Any, name: str) -> bool:
    """Whether a variable has to come out of the branches as tensors."""
    if _same(a, b) or not (_defined(a) and _defined(b)):
        return False
    if nest.structure(a) != nest.structure(b) or not (_tensors(a) and _tensors(b)):
        raise ArgumentError(
            f"[if] {name!r} must be tensors of one structure after both branches of an if over a tensor, got {a!r} and "
            f"{b!r}; give it a tensor in both"
        )
    return True


def _common(a: Any, b: Any, name: str) -> Any:
    if _defined(a) and _defined(b):
        return a
    if not _defined(a) and not _defined(b):
        return a
    return Undefined(
        name, "after an if over a tensor that gives it a value in one branch only; give it one before the if"
    )


# -- loops -------------------------------------------------------------------------------------------------------------


class Range:
    """range(...) of tensors."""

    def __init__(self, start: Any, limit: Any, step: Any) -> None:
        known = next(t for t in (limit, start, step) if isinstance(t, Tensor))
        self.start, self.limit, self.step = (convert_to_tensor(v, known.dtype) for v in (start, limit, step))

    def count(self) -> Tensor:
        """How many numbers there are, an int64: ceil((limit - start) / step)."""
        return ops.maximum(ops.cast(-((self.start - self.limit) // self.step), "int64"), 0)  # type: ignore[no-any-return]


class Rows:
    """A nest of tensors to go over row by row."""

    def __init__(self, tensors: Any) -> None:
        self.tensors = tensors


class _Int(int):
    """A Python number that can be told from an equal one that was computed."""


class _Float(float):
    """The same of a float."""


def _marked(value: Any) -> Any:
    if not _defined(value):
        return value
    kinds = {int: _Int, float: _Float}
    leaves = nest.flatten(value)
    if not any(type(leaf) in kinds for leaf in leaves) and not unsettled(value):
        return value
    return nest.pack(value, [kinds[type(leaf)](leaf) if type(leaf) in kinds else leaf for leaf in leaves])


class _States:
    """The variables that a loop changes, as tensors: found by building its body until no more of them turn up.

    `build(arguments, variables)` builds it: variables(states) are the values to start from.
    """

    def __init__(self, op: str, values: Sequence[Any], names: Sequence[str], build: Any) -> None:
        self.op = op
        self.values = list(values)
        self.names = names
        self.changed: dict[int, Any] = {}  # number of a variable -> what it is after an iteration
        self.starts: list[Tensor] = []
        self.shapes: list[Shape] = []
        while True:
            self._marks = [v if i in self.changed else _marked(v) for i, v in enumerate(self.values)]
            graph, after = build(self.arguments, self._variables)
            if settle_like(self.values, list(after)):
                continue  # arrays have learnt the shape of their elements: they are states now
            new = [
                i for i, v in enumerate(self._marks) if i not in self.changed and self._changes(v, after[i], names[i])
            ]
            if not new:
                break
            for i in new:
                self.changed[i] = after[i]
                self._add(self.values[i], after[i])
        self.lost = [i for i, v in enumerate(self.values) if not _defined(v) and _defined(after[i])]
        self.body = Body(graph, self._outputs(graph, after))

    @property
    def arguments(self) -> list[Any]:
        """Dtype and shape of each state."""
        return [(t.dtype, shape) for t, shape in zip(self.starts, self.shapes, strict=True)]

    def _changes(self, before: Any, after: Any, name: str) -> bool:
        if before is after or not _defined(after):
            return False
        if _defined(before) and nest.structure(before) == nest.structure(after):
            pairs = list(zip(nest.flatten(before), nest.flatten(after), strict=True))
            if all(a is b or (isinstance(b, (bool, str)) and _same(a, b)) for a, b in pairs):
                return False
        if not _tensors(after):
            if not _defined(before):
                return False
            raise ArgumentError(
                f"[{self.op}] {name!r} must be tensors in a loop over tensors, got {after!r} after an iteration; use a "
                "TensorArray to collect values, or loop over Python values"
            )
        if _defined(before) and (nest.structure(before) != nest.structure(after) or not _tensors(before)):
            raise ArgumentError(
                f"[{self.op}] {name!r} must keep its structure in a loop over tensors, got {before!r} before and "
                f"{after!r} after an iteration"
            )
        return True

    def _add(self, before: Any, after: Any) -> None:
        leaves = nest.flatten(after)
        firsts = nest.flatten(before) if _defined(before) else [None] * len(leaves)
        for first, leaf in zip(firsts, leaves, strict=True):
            self._add_leaf(first, leaf)

    def _add_leaf(self, first: Any, leaf: Any) -> None:
        graph = scopes.current_graph()
        assert graph is not None
        known = as_tensor(leaf if _is_tensor(leaf) else first if _is_tensor(first) else convert_to_tensor(leaf))
        if first is None and not known.shape.is_known:
            raise ArgumentError(
                f"[{self.op}] a variable first set in a loop over tensors must have a known shape, got {known.shape}; "
                "give it a value before the loop"
            )
        if first is None:
            first = ops.zeros(known.shape.known(), known.dtype)
        start = graph.captured(convert_to_tensor(first, None if _is_tensor(first) else known.dtype))
        start = ops.identity(start) if start.is_ref else start
        self.starts.append(start)
        self.shapes.append(common_shape([start.shape, known.shape]))

    def _variables(self, states: Sequence[Tensor]) -> list[Any]:
        return self._put(self._marks, states)

    def _put(self, values: Sequence[Any], states: Sequence[Tensor]) -> list[Any]:
        found = iter(states)
        made = list(values)
        for i, like in self.changed.items():
            made[i] = nest.pack(like, [next(found) for _ in nest.flatten(like)])
        return made

    def merged(self, states: Sequence[Tensor]) -> list[Any]:
        """The values of all variables, given the states."""
        return self._put(self.values, states)

    def _outputs(self, graph: FuncGraph, after: Sequence[Any]) -> list[Tensor]:
        leaves = [leaf for i in self.changed for leaf in nest.flatten(after[i])]
        made = [as_output(graph, leaf, start.dtype) for leaf, start in zip(leaves, self.starts, strict=True)]
        for tensor, start in zip(made, self.starts, strict=True):
            if tensor.dtype is not start.dtype:
                raise ArgumentError(
                    f"[{self.op}] a variable must keep its dtype in a loop over tensors, got {start.dtype.name} before "
                    f"and {tensor.dtype.name} after an iteration; cast it"
                )
        return made

    def after(self, states: Sequence[Tensor]) -> tuple[Any, ...]:
        """The variables after the loop."""
        made = self.merged(states)
        for i in self.lost:
            if i not in self.changed:
                made[i] = Undefined(
                    self.names[i], "after a loop over tensors that gave it a value; give it a tensor before"
                )
        return tuple(made)


def as_tensor(value: Any) -> Any:
    """The tensor that a variable stands for, or the value itself."""
    return value.__opwright_tensor__() if hasattr(type(value), "__opwright_tensor__") else value


def loop(test: Any, body: Any, values: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
    """`while` over tensors."""

    def build(arguments: Any, variables: Any) -> Any:
        return trace("while_body", lambda *s: body(*variables(s)), arguments)

    states = _States("while", values, names, build)
    condition = _condition("while", lambda *s: test(*states.merged(s)), states.arguments)
    return _run(Recipe("while", states.starts, [], states.body, condition, shapes=states.shapes), states)


def counted(numbers: Range, proceed: Any, body: Any, values: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
    """`for` over a range of tensors: the number is a state of its own."""

    def build(arguments: Any, variables: Any) -> Any:
        def step(*s: Tensor) -> Any:
            number, *current = variables(s)
            return [number + numbers.step, *body(number, *current)]

        return trace("for_body", step, arguments)

    states = _States("for", [numbers.start, *values], ["the number", *names], build)
    recipe = Recipe("for", states.starts, [], states.body, limit=numbers.count(), bounded=True, shapes=states.shapes)
    if proceed is not None:
        recipe.condition = _condition("for", lambda *s: proceed(*states.merged(s)[1:]), states.arguments)
    return _run(recipe, states)[1:]


def over(rows: Rows, proceed: Any, body: Any, values: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
    """`for` over the rows of tensors."""
    here = scopes.current_graph()
    assert here is not None
    tensors = [here.captured(convert_to_tensor(t)) for t in nest.flatten(rows.tensors)]
    for t in tensors:
        if t.shape.rank == 0:
            raise ArgumentError(f"[for] a tensor without dimensions cannot be iterated over, got {t}; use range of it")
    items = [(t.dtype, t.shape[1:] if t.shape.rank else Shape(None)) for t in tensors]

    def build(arguments: Any, variables: Any) -> Any:
        n = len(arguments)
        given = [*arguments, *items]
        return trace("for_body", lambda *s: body(nest.pack(rows.tensors, s[n:]), *variables(s[:n])), given)

    states = _States("for", values, names, build)
    limit = ops.cast(ops.shape(tensors[0])[0], "int64")
    recipe = Recipe("for", states.starts, tensors, states.body, limit=limit, bounded=True, shapes=states.shapes)
    if proceed is not None:
        recipe.condition = _condition("for", lambda *s: proceed(*states.merged(s)), states.arguments)
    return _run(recipe, states)


def _condition(op: str, test: Any, arguments: Any) -> Body:
    graph, holds = trace(f"{op}_test", test, arguments)
    with graph.as_default():
        return Body(graph, [graph.captured(convert_to_tensor(scalar(op, "the condition", holds)))])


def _run(recipe: Recipe, states: _States) -> tuple[Any, ...]:
    here = scopes.current_graph()
    assert here is not None
    made = make_loop(here, recipe)
    return states.after(made.outputs[: len(states.starts)])

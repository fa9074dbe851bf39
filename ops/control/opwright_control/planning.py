"""Branches and loops: nodes whose graphs become programs of their own, run by the C loop.

A branch node runs one of its graphs; a loop node runs its body (and before it its condition) again and again. What the
graphs use from outside are inputs of the node. Their intermediate values lie in the node's scratch memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from opwright._abi import ffi
from opwright.errors import InvalidArgumentError, OpwrightError
from opwright.graph import Operation, Tensor
from opwright.opdef import OpDef
from opwright.plan.descriptors import patches
from opwright.plan.instantiate import Builder, Groups, Unresolved, blame, constant
from opwright.plan.ir import Node, Program, Storage, Value, copy_of
from opwright.plan.memory import ALIGNMENT
from opwright.plan.select import Prepared
from opwright.runtime import lib

from opwright_control.funcgraph import Body

INPUT, OUTPUT, STATE, NEXT, ROW_IN, ROW_OUT, TEST = range(7)  # runtime.h's owr_patch.what
Bound = tuple[int, int]  # what and index of an owr_patch


class Part:
    """A graph of a node as a program: where its feeds come from and where its results go."""

    def __init__(self, program: Program, feeds: Sequence[Bound], fetches: Sequence[Bound]) -> None:
        self.program = program
        self.feeds = feeds  # for each input of the graph
        self.fetches = fetches
        self.laid: Any = None

    def state_feed(self, fetch: int) -> Storage | None:
        """The memory of the state that a result is the next value of."""
        what, index = self.fetches[fetch]
        found = (v.storage for v in self.program.feeds if self.feeds[v.storage.slot] == (STATE, index))
        return next(found, None) if what == NEXT else None

    def own_fetches(self) -> None:
        """Makes each result a piece of memory of its own, that may lie wherever the node wants it."""
        program, seen = self.program, set()
        for i, value in enumerate(program.fetches):
            storage = value.storage
            if storage is self.state_feed(i) and value.layout == value.layout.dense(value.shape):
                continue  # the state stays as it is
            whole = value.layout.is_dense and value.layout.offset == 0 and value.nbytes == storage.nbytes
            if storage.kind != "arena" or not whole or storage in seen:
                copy = copy_of(value, "result")
                copy.device = "cpu"
                program.nodes.append(copy)
                program.fetches[i] = copy.outputs[0]
            seen.add(program.fetches[i].storage)

    def choose_results(self) -> None:
        """Takes the results out of the arena, and lets a state's next value replace it in place."""
        for i, value in enumerate(self.program.fetches):
            feed = self.state_feed(i)
            if value.storage is not feed:
                value.storage.kind = "result"
                if feed is not None:
                    self.program.takes[value.storage] = feed


class _PartBuilder(Builder):
    """Builds the program of a graph inside a node of the program that `outer` builds."""

    def __init__(self, outer: Builder, graph: Body, given: Sequence[Value | tuple[int, ...]]) -> None:
        self._outer = outer
        self._given = given
        self.waits = False  # a value was asked for that will only be known once the step runs
        shapes = [item.shape if isinstance(item, Value) else item for item in given]
        super().__init__(graph.spec, shapes, [], outer.variables, outer.on)

    def _feed(self, slot: int, tensor: Tensor, shape: tuple[int, ...]) -> None:
        item = self._given[slot]
        if isinstance(item, Value) and item.storage.kind == "constant":
            self.values[tensor] = item
        else:
            super()._feed(slot, tensor, shape)

    def _fed_value(self, slot: int, value: Value) -> Any:
        item = self._given[slot]
        known = self._outer._known(item) if isinstance(item, Value) else None
        self.waits = self.waits or (known is None and isinstance(item, Value))
        return known


def _part(outer: Builder, graph: Body, given: Any, feeds: Sequence[Bound], fetches: Sequence[Bound]) -> Part:
    builder = _PartBuilder(outer, graph, given)
    program = builder.build()
    late = [op for op in graph.spec.operations if op in builder.deferred]
    late += [t.op for t in graph.outputs if t in builder.values and builder.values[t].dynamic]
    if late and builder.waits:
        raise Unresolved
    if late:
        raise blame(
            InvalidArgumentError(
                f"[{late[0].type}] sizes inside a branch or loop must follow from the shapes of what goes in, got one "
                "that depends on data; compute it outside, or pad to a fixed size"
            ),
            late[0],
        )
    program.fetches = [builder.values[t] for t in graph.outputs]
    return Part(program, feeds, fetches)


# -- branches ----------------------------------------------------------------------------------------------------------


def plan_branch(
    builder: Builder, definition: OpDef, groups: Groups, attributes: dict[str, Any], op: Any
) -> list[Value]:
    """A node with a part for each branch; where the branch is known, or shapes depend on it, its operations alone."""
    flat = [v for g in groups for v in g]
    known = builder._known(flat[0], ask=False)
    if known is not None and "fold" in builder.on:
        return _chosen(builder, flat, attributes, known)
    try:
        parts, shapes = _branch_parts(builder, flat, attributes)
    except (OpwrightError, Unresolved):
        if (known := builder._known(flat[0])) is None:
            raise
        return _chosen(builder, flat, attributes, known)
    if shapes is None:
        if (known := builder._known(flat[0])) is None:
            raise Unresolved
        return _chosen(builder, flat, attributes, known)
    specs = list(zip(attributes["dtypes"], shapes, strict=True))
    node = builder._append(definition, groups, attributes, op, specs)
    node.work = Branches(parts)
    return node.outputs


def _branch_parts(builder: Builder, flat: list[Value], attributes: dict[str, Any]) -> tuple[list[Part], Any]:
    """The branches' programs and the shapes of the node's outputs; None for these if the branches disagree."""
    parts: list[Part] = []
    shapes: list[Any] = [None] * len(attributes["dtypes"])
    agree = True
    for graph, inputs, outputs in zip(attributes["graphs"], attributes["inputs"], attributes["outputs"], strict=True):
        where = {made: i for i, made in enumerate(outputs) if made >= 0}
        part = _part(
            builder,
            graph,
            [flat[i] for i in inputs],
            [(INPUT, i) for i in inputs],
            [(OUTPUT, where[i]) for i in range(len(graph.outputs))],
        )
        parts.append(part)
        for value, (_, i) in zip(part.program.fetches, part.fetches, strict=True):
            agree = agree and shapes[i] in (None, value.shape)
            shapes[i] = value.shape
    return parts, shapes if agree else None


def _chosen(builder: Builder, flat: list[Value], attributes: dict[str, Any], known: Any) -> list[Value]:
    graphs = attributes["graphs"]
    index = int(known) if 0 <= int(known) < len(graphs) else len(graphs) - 1
    made = inline(builder, graphs[index], [flat[i] for i in attributes["inputs"][index]])
    pairs = zip(attributes["outputs"][index], attributes["dtypes"], attributes["shapes"], strict=True)
    return [
        made[i] if i >= 0 else constant(np.zeros([d or 0 for d in shape.dims or ()], dtype.numpy), dtype)
        for i, dtype, shape in pairs  # what other branches make is not looked at
    ]


def inline(builder: Builder, graph: Body, given: Sequence[Value]) -> list[Value]:
    """The outputs of a graph, its operations being added to the program."""
    values = dict(zip(graph.inputs, given, strict=True))
    made: dict[Operation, list[Node]] = {}
    for step in graph.spec.operations:
        known = len(builder.program.nodes)
        if any(values[t].dynamic for t in step.inputs):
            raise Unresolved
        groups = [[values[t] for t in group] for group in step.groups]
        try:
            outputs = builder.apply(step.definition, groups, step.attributes, step)
        except OpwrightError as e:
            raise blame(e, step) from None
        made[step] = builder.program.nodes[known:]
        before = [n for c in step.control_inputs for n in made.get(c, [])]
        for node in made[step]:
            node.after += before
        values.update(zip(step.outputs, outputs, strict=True))
    return [values[t] for t in graph.outputs]


# -- loops -------------------------------------------------------------------------------------------------------------


def plan_loop(builder: Builder, definition: OpDef, groups: Groups, attributes: dict[str, Any], op: Any) -> list[Value]:
    flat = [v for g in groups for v in g]
    wiring = attributes["wiring"]
    length = _length(builder, definition, groups, flat, wiring)

    def given(bound: Bound) -> Any:
        what, index = bound
        if what == STATE:
            return flat[wiring.states[index]].shape
        return flat[index].shape[1:] if what == ROW_IN else flat[index]

    fetches = [(NEXT, i) for i in range(len(wiring.states))]
    fetches += [(ROW_OUT, len(wiring.states) + i) for i in range(wiring.rows)]
    body = _part(builder, attributes["body"], [given(b) for b in wiring.body], wiring.body, fetches)
    shapes: list[Any] = [v.shape for v in body.program.fetches]
    for i, (made, first) in enumerate(zip(shapes, wiring.states, strict=False)):
        if made != flat[first].shape:
            raise InvalidArgumentError(
                f"[{wiring.name}] a loop variable must keep its shape while the loop runs, got {flat[first].shape} "
                f"before and {made} after an iteration for number {i}; pad it to a fixed "
                "size, or call while_loop with shape_invariants"
            )
    condition = None
    if attributes["condition"] is not None:
        sources = [given(b) for b in wiring.condition]
        condition = _part(builder, attributes["condition"], sources, wiring.condition, [(TEST, 0)])
    n = len(wiring.states)
    shapes = [*shapes[:n], *((length, *shape) for shape in shapes[n:]), ()]
    node = builder._append(definition, groups, attributes, op, list(zip(attributes["dtypes"], shapes, strict=True)))
    node.work = Loop(condition, body, wiring, -1 if length is None else length, attributes["reverse"])
    return node.outputs


def _length(builder: Builder, definition: OpDef, groups: Groups, flat: list[Value], wiring: Any) -> int | None:
    """How many rows the loop goes over."""
    lengths = {flat[i].shape[0] for what, i in wiring.body if what == ROW_IN}
    if len(lengths) > 1:
        raise InvalidArgumentError(f"[{wiring.name}] elems must have equally many rows, got {sorted(lengths)}")
    if lengths or not wiring.rows:
        return lengths.pop() if lengths else None
    known = builder._known(groups[definition.arg_index("length")][0])
    if known is None:
        raise Unresolved
    return int(known)


# -- preparing and emitting --------------------------------------------------------------------------------------------


class Control:
    """What a node does that runs parts."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts

    def prepare(self, node: Node, lay_out: Callable[[Program, Part], Any]) -> Prepared:
        """Lays the parts out. They never run at the same time: one piece of scratch serves all."""
        sizes: dict[str, int] = {}
        for part in self.parts:
            part.laid = lay_out(part.program, part)
            for device, nbytes in part.laid.sizes.items():
                sizes[device] = max(sizes.get(device, 0), nbytes)
        prepared = Prepared(None, None, self.run)
        prepared.scratch_bytes = sizes.pop("cpu", 0)
        prepared.elsewhere = sizes
        return prepared

    run: Any = None

    def emit(self, node: Node, bases: dict[str, int], emit_part: Callable[[Part], Any], keep: Any) -> Any:
        """The state of the node's function, as void *."""
        raise NotImplementedError


class Branches(Control):
    run = lib.owr_branch_run

    def emit(self, node: Node, bases: dict[str, int], emit_part: Callable[[Part], Any], keep: Any) -> Any:
        parts = keep(ffi.new("owr_part[]", len(self.parts)))
        for target, part in zip(parts, self.parts, strict=True):
            _emit_part(target, part, emit_part(part), node, keep)
        state = keep(ffi.new("owr_branches *"))
        state.parts, state.n, state.running = parts, len(self.parts), -1
        return ffi.cast("void *", state)


class Loop(Control):
    run = lib.owr_loop_run

    def __init__(self, condition: Part | None, body: Part, wiring: Any, length: int, reverse: bool) -> None:
        super().__init__([body] if condition is None else [body, condition])
        self.wiring = wiring
        self.length = length
        self.reverse = reverse

    def prepare(self, node: Node, lay_out: Callable[[Program, Part], Any]) -> Prepared:
        prepared = super().prepare(node, lay_out)
        self.at = []  # where each state's other memory lies in the scratch, from the end of the parts' memory on
        for output in node.outputs[: len(self.wiring.states)]:
            self.at.append(prepared.scratch_bytes)
            prepared.scratch_bytes += -(-output.nbytes // ALIGNMENT) * ALIGNMENT
        inputs = [v for group in node.groups for v in group]
        prepared.inplace = [(i, o) for o, i in enumerate(self.wiring.states) if inputs.count(inputs[i]) == 1]
        return prepared

    def emit(self, node: Node, bases: dict[str, int], emit_part: Callable[[Part], Any], keep: Any) -> Any:
        state = keep(ffi.new("owr_loop *"))
        for part, target in zip(self.parts, (state.body, state.condition), strict=False):
            _emit_part(target, part, emit_part(part), node, keep)
        body = self.parts[0]
        n = len(self.wiring.states)
        state.states, state.n_states = keep(ffi.new("owr_state[]", n or 1)), n
        for i, source in enumerate(self.wiring.states):
            carried = state.states[i]
            setattr(carried, "in", source)
            carried.out, carried.nbytes = i, node.outputs[i].nbytes
            carried.in_place = body.program.fetches[i].storage is body.state_feed(i)
            carried.memory[1] = ffi.cast("char *", bases["cpu"] + self.at[i])
        rows = [{"out": n + i, "stride": body.program.fetches[n + i].nbytes} for i in range(self.wiring.rows)]
        state.rows, state.n_rows = keep(ffi.new("owr_rows[]", rows or 1)), len(rows)
        state.length, state.reverse = self.length, self.reverse
        return ffi.cast("void *", state)


def _emit_part(target: Any, part: Part, emitted: Any, node: Node, keep: Any) -> None:
    keep(emitted)
    once: list[Any] = []
    each: list[Any] = []
    program = part.program
    bound = [(v, part.feeds[v.storage.slot]) for v in program.feeds]
    fed = {id(v.storage) for v in program.feeds}
    bound += [(v, b) for v, b in zip(program.fetches, part.fetches, strict=True) if id(v.storage) not in fed]
    places = patches(emitted.descriptors, [v for v, _ in bound])
    for value, (what, index) in bound:
        stride = math.prod(value.shape) * value.dtype.size if what in (ROW_IN, ROW_OUT) else 0
        for tensor, offset in places[id(value.storage)]:
            patch = {"tensor": tensor, "offset": offset, "stride": stride, "what": what, "index": index}
            (once if what in (INPUT, OUTPUT, TEST) else each).append(patch)
    target.plan = emitted.plan
    target.once, target.n_once = keep(ffi.new("owr_patch[]", once or 1)), len(once)
    target.each, target.n_each = keep(ffi.new("owr_patch[]", each or 1)), len(each)

"""A Spec with concrete feed shapes becomes a Program; what is known already is computed on the way.

Where an output's size depends on data, the program ends before the operations that need to know it. They form the rest
of the step, planned once the first part has run and its results are fed to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from opwright.binding import as_storage
from opwright.dtypes import DType
from opwright.errors import GraphError, InvalidArgumentError, OpwrightError, ShapeError
from opwright.graph import Operation, Tensor
from opwright.inference import Context, Kinds, stored
from opwright.layouts import Layout
from opwright.opdef import OpDef
from opwright.plan.ir import Node, Program, Storage, Value
from opwright.plan.reference import has_kernel, trace_reference
from opwright.plan.spec import Spec, variable_of, variables_of
from opwright.shapes import Shape

MAX_RANK = 12  # runtime.h's OWR_MAX_DIMS
SMALL = 4096  # bytes
LARGEST_CONSTANT = 10 << 20  # bytes; larger values are computed in each run rather than kept


Groups = list[list[Value]]
Specs = list[tuple[DType, tuple[int, ...]]]


class Unresolved(Exception):
    """A shape is not known before the step has begun to run."""


class Builder:
    """Builds one Program. `variables(op)` gives a variable's Storage and shape in the session."""

    def __init__(
        self, spec: Spec, shapes: Sequence[tuple[int, ...]], feeds: Sequence[Any], variables: Any, on: frozenset[str]
    ) -> None:
        self.spec = spec
        self.program = Program()
        self.on = on
        self.variables = variables
        self.values: dict[Tensor, Value] = {}
        self.nodes: dict[Operation, list[Node]] = {}  # which nodes an operation has become
        self.deferred: set[Operation] = set()
        self.touched_later: dict[Operation, bool] = {}  # variable -> whether a deferred operation writes it
        self.asked: set[int] = set()
        self._kinds = Kinds()
        self._first_touching: dict[Operation, Operation] | None = None  # of each variable
        self._feeds = feeds
        for slot, (tensor, shape) in enumerate(zip(spec.feeds, shapes, strict=True)):
            self._feed(slot, tensor, shape)

    def _feed(self, slot: int, tensor: Tensor, shape: tuple[int, ...]) -> None:
        if not tensor.shape.is_compatible_with(shape):
            raise InvalidArgumentError(
                f"{tensor.name} must be fed a value of shape {tensor.shape}, got shape {Shape(shape)}"
            )
        nbytes = math.prod(shape) * tensor.dtype.size
        value = Value(tensor.dtype, Layout.dense(shape), Storage("feed", nbytes, slot=slot))
        self.values[tensor] = value
        self.program.feeds.append(value)

    def build(self) -> Program:
        """The program, up to where sizes become unknown; the rest is in `deferred`."""
        for op in self.spec.operations:
            if self._must_wait(op):
                self._defer(op)
                continue
            known = len(self.program.nodes)
            try:
                self._add(op)
            except Unresolved:
                del self.program.nodes[known:]
                self._defer(op)
            except OpwrightError as e:
                raise blame(e, op) from None
        return self.program

    def rest(self) -> Spec | None:
        """What remains to be run once the program's frontier is known."""
        if not self.deferred:
            return None
        frontier = [t for t in self.values if t.op.definition.role != "constant" and self._needed_later(t)]
        fetches = [t for t in self.spec.fetches if t not in self.values]
        targets = [op for op in self.spec.operations if op in self.deferred]
        return _Rest(fetches, frontier, targets, self.spec)

    def _needed_later(self, tensor: Tensor) -> bool:
        if variable_of(tensor) is not None:
            return False
        return any(tensor in op.inputs for op in self.deferred)

    # -- operations ----------------------------------------------------------------------------------------------------

    def _must_wait(self, op: Operation) -> bool:
        if not self.deferred:
            return False
        if any(t.op in self.deferred for t in op.inputs if t not in self.values):
            return True
        if any(c in self.deferred for c in op.control_inputs):
            return True
        return any(w or self.touched_later.get(v, False) for v, w in variables_of(op) if v in self.touched_later)

    def _defer(self, op: Operation) -> None:
        self.deferred.add(op)
        for variable, writes in variables_of(op):
            self.touched_later[variable] = self.touched_later.get(variable, False) or writes

    def _add(self, op: Operation) -> None:
        role = op.definition.role
        if role == "feed":
            fed = f"dtype {op.outputs[0].dtype.name} and shape {op.outputs[0].shape}"
            raise InvalidArgumentError(f"{op.name} must be fed a value of {fed}, got none")
        if role == "variable":
            self._add_variable(op)
            return
        op = self.spec.extended.get(op, op)
        if op in self.nodes:
            return
        if op.definition.initializes:
            self._make_room(op)
        groups = [[self._value(t) for t in group] for group in op.groups]
        known = len(self.program.nodes)
        outputs = self.apply(op.definition, groups, op.attributes, op)
        made = self.program.nodes[known:]
        self._control(op, made)
        for less in (op, *op.extends):
            self.nodes[less] = made
            for tensor, value in zip(less.outputs, outputs, strict=False):
                self.values.setdefault(tensor, value)

    def _value(self, tensor: Tensor) -> Value:
        value = self.values.get(tensor)
        if value is None:  # a variable that an operation of the step's first part has passed on
            variable = variable_of(tensor)
            assert variable is not None, tensor
            value = self.values[variable.outputs[0]]
        if value.dynamic:
            raise Unresolved
        return value

    def _control(self, op: Operation, made: list[Node]) -> None:
        if not op.control_inputs:
            return
        before = [n for c in op.control_inputs for n in self._last_nodes(c, set())]
        for node in made:
            node.after += before

    def _last_nodes(self, op: Operation, seen: set[Operation]) -> list[Node]:
        """The nodes that stand for an operation; for one that was folded away, for what it waited for."""
        if op in seen:
            return []
        seen.add(op)
        made = self.nodes.get(op, [])
        if made or op.definition.role == "feed":
            return list(made)
        earlier = [t.op for t in op.inputs] + op.control_inputs
        return [n for e in earlier for n in self._last_nodes(e, seen)]

    def _add_variable(self, op: Operation, shape: tuple[int, ...] | None = None) -> None:
        for tensor, storage, dims in zip(op.outputs, *self.variables(op, shape), strict=True):
            self.values[tensor] = Value(tensor.dtype, Layout.dense(dims), storage)
        if self._first_touching is None:
            touching = [(v, o) for o in reversed(self.spec.operations) for v, _ in variables_of(o)]
            self._first_touching = dict(touching)
        first = self._first_touching.get(op)
        fetched = op.outputs[0] in self.spec.fetches
        if fetched or (first is not None and not (first.definition.initializes and _first_ref(first) is op)):
            self.program.needs_initialized.append((op, self.values[op.outputs[0]].storage))

    def _make_room(self, writer: Operation) -> None:
        """Gives a variable whose shape is open memory for what is about to be assigned to it.

        Where the step has to do with its old value before, that comes first, and the assignment with the rest.
        """
        variable = _first_ref(writer)
        if variable is None or variable.definition.role != "variable" or variable.outputs[0].shape.is_known:
            return
        ref, shape = self.values[variable.outputs[0]], self._value(writer.inputs[1]).shape
        if ref.shape == shape:
            return
        if variable.outputs[0] in self.spec.fetches or any(
            v.storage is ref.storage for n in self.program.nodes for v in n.inputs
        ):
            raise Unresolved
        self._add_variable(variable, shape)

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def apply(self, definition: OpDef, groups: Groups, attributes: dict[str, Any], op: Any) -> list[Value]:
        """The outputs of an op on values: known ones, or those of a new node."""
        if definition.role == "constant":
            return [constant(attributes["value"], attributes["dtype"])]
        if definition.role == "nothing":
            self._append(definition, groups, attributes, op, [])
            return []
        if definition.plan_function is not None:
            planned: list[Value] = definition.plan_function(self, definition, groups, attributes, op)
            return planned
        context = partial(self._context, definition, groups, attributes)
        device = getattr(op, "device", "") or ""
        if definition.reference is not None and not has_kernel(definition, groups, attributes, device):
            # Its own rules hold, whatever the ops it is written in would take.
            context().output_shapes()
            return self._inline(definition, groups, attributes, op)
        specs, dynamic, silent = self._kinds.of(definition, groups, attributes, context, self._outputs)
        folded = None if dynamic else self._fold(definition, groups, attributes, specs, silent)
        if folded is not None:
            return folded
        node = self._append(definition, groups, attributes, op, specs)
        if dynamic:
            for value in node.outputs:
                value.dynamic = True
        return node.outputs

    def _outputs(self, context: Context) -> tuple[Specs, bool, bool]:
        """The outputs' dtypes and shapes, whether these are but bounds, and whether no elements are known whatever the
        inputs' values."""
        definition, shapes = context.definition, context.output_shapes()
        dynamic = not all(s.is_known for s in shapes)
        if dynamic and not definition.dynamic:
            raise Unresolved
        specs = [(dtype, shape.known()) for dtype, shape in context.outputs(context.bounds() if dynamic else shapes)]
        for _, shape in specs:
            if len(shape) > MAX_RANK:
                raise ShapeError(f"[{definition.name}] a tensor must have at most {MAX_RANK} dimensions, got {shape}")
        if dynamic or definition.value_function is None:
            return specs, dynamic, True
        known = self._context(definition, context.groups, context.attributes, ask=False)
        return specs, dynamic, definition.value_function(known) is None and not known.asked

    def _inline(self, definition: OpDef, groups: Groups, attributes: dict[str, Any], op: Any) -> list[Value]:
        """The outputs of an op without a kernel, by its reference in other ops."""
        inner, fed = trace_reference(definition, groups, attributes)
        values = dict(zip(inner.feeds, fed, strict=True))
        for step in inner.operations:
            made = self.apply(step.definition, [[values[t] for t in g] for g in step.groups], step.attributes, op)
            values.update(zip(step.outputs, made, strict=True))
        return [values[t] for t in inner.fetches]

    def _append(self, definition: OpDef, groups: Any, attributes: dict[str, Any], op: Any, specs: Any) -> Node:
        node = Node(definition, groups, attributes)
        node.origin = op
        node.name = getattr(op, "name", definition.name)
        node.device = getattr(op, "device", "") or ""
        written = iter(node.writes())
        for (dtype, shape), is_ref in zip(specs, definition.ref_flags(len(specs)), strict=True) if specs else ():
            storage = next(written) if is_ref else Storage("arena", math.prod(shape) * dtype.size)
            node.outputs.append(Value(dtype, Layout.dense(shape), storage, node))
        self.program.nodes.append(node)
        return node

    def _context(self, definition: OpDef, groups: Any, attributes: dict[str, Any], ask: bool = True) -> Context:
        """With ask, values that shape functions want are computed, from fed values if need be."""
        told = self._known if ask else lambda v: v.constant if v.storage.kind == "constant" else None
        return Context(definition, groups, attributes, told, known_of=partial(self._known, ask=False), final=True)

    def _known(self, value: Value, ask: bool = True) -> Any:
        """The value's elements if they are known before the step runs. With ask, fed values count as known."""
        if value.constant is None and value.storage.kind == "feed" and value.layout.offset == 0:
            if not ask:
                return None
            value.constant = self._fed_value(value.storage.slot, value)
        elif value.constant is None and value.node is not None and self._foldable(value.node):
            known = [self._known(v, ask) for v in value.node.inputs]
            if all(k is not None for k in known):
                self._evaluate(value.node, known)
        return value.constant

    def _fed_value(self, slot: int, value: Value) -> Any:
        self.asked.add(slot)
        return as_storage(self._feeds[slot], value.dtype).copy()

    @staticmethod
    def _foldable(node: Node) -> bool:
        return not node.stateful and node.definition is not None and node.definition.role == "kernel"

    def _evaluate(self, node: Node, known: list[Any]) -> None:
        from opwright.eager import evaluate

        assert node.definition is not None
        for output, array in zip(
            node.outputs, evaluate(node.definition, node.groups, known, node.attributes), strict=True
        ):
            output.constant = array

    def _fold(
        self, definition: OpDef, groups: Groups, attributes: Any, specs: Specs, silent: bool
    ) -> list[Value] | None:
        """The outputs as constants, if they follow from the shapes alone, or from constants."""
        if definition.value_function is not None and not silent:
            elements = definition.value_function(self._context(definition, groups, attributes, ask=False))
            if elements is not None and not any(e is None for e in np.asarray(elements, object).flat):
                ((dtype, shape),) = specs
                return [constant(stored(elements, dtype).reshape(shape), dtype)]
        inputs = [v for g in groups for v in g]
        if "fold" not in self.on or definition.stateful or any([v.constant is None for v in inputs]):
            return None
        if any(v.storage.kind == "feed" for v in inputs):
            return None
        nbytes = sum(math.prod(shape) * dtype.size for dtype, shape in specs)
        if definition.view_function is not None and nbytes > SMALL:
            return None  # a view of the constant costs nothing
        if nbytes > max(LARGEST_CONSTANT, sum(v.nbytes for v in inputs)):
            return None
        from opwright.eager import evaluate

        arrays = evaluate(definition, groups, [v.constant for v in inputs], attributes)
        return [constant(array, dtype) for array, (dtype, _) in zip(arrays, specs, strict=True)]


class _Rest(Spec):
    """The operations that had to wait, fed with what the first part computed."""

    def __init__(self, fetches: Any, feeds: Any, targets: Any, whole: Spec) -> None:
        self.fetches = tuple(fetches)
        self.feeds = tuple(feeds)
        self.targets = tuple(targets)
        self.value_feeds = set()
        waiting = set(targets)
        needed = {v for op in targets for v, _ in variables_of(op)}
        needed |= {t.op for op in targets for t in op.inputs if t.op.definition.role == "constant"}
        sources = [op for op in whole.operations if op in needed and op not in waiting]
        self.operations = sources + [op for op in whole.operations if op in waiting]
        self.extended = {op: by for op, by in whole.extended.items() if op in waiting}


def constant(array: Any, dtype: DType) -> Value:
    """A known value, in the dtype's storage."""
    from opwright.runtime import aligned

    array = np.asarray(array)
    memory = aligned(array.nbytes).view(array.dtype).reshape(array.shape)
    memory[...] = array
    value = Value(dtype, Layout.dense(array.shape), Storage("constant", array.nbytes, memory))
    value.constant = memory
    return value


def _first_ref(op: Operation) -> Operation | None:
    touched = [v for v, writes in variables_of(op) if writes]
    return touched[0] if touched else None


def blame(error: OpwrightError, op: Operation) -> OpwrightError:
    """The error with the operation's name and the user's line that built it."""
    if getattr(error, "op", None) is not None:
        return error
    text = f"{error}\n  in {op.name} ({op.type}), built at {op.line}"
    kind = type(error) if not isinstance(error, GraphError) else InvalidArgumentError
    named = kind(text)
    named.op = op  # type: ignore[attr-defined]
    return named

"""FuncGraph: the graph of a function, a branch or a loop's body. What it uses from outside becomes an input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from opwright import EagerTensor, export
from opwright.eager import world
from opwright.errors import GraphError, InvalidArgumentError
from opwright.graph import Graph, Operation, Tensor
from opwright.opdef import OpDef
from opwright.plan.reference import fed
from opwright.plan.spec import Spec, variables_of
from opwright.plan.step import Step
from opwright.shapes import Shape


@export("control.FuncGraph")
class FuncGraph(Graph):
    """A graph with inputs and outputs, inside another graph, or inside eager execution (outer=None).

    Operations with effects run in the order in which they were built, and all of them run; reads of a variable see the
    writes built before them.
    """

    nested = True

    def __init__(self, name: str, outer: Graph | None) -> None:
        super().__init__()
        self.name = name
        self.outer = outer
        self.root = None if outer is None else outer.root
        if outer is not None:  # what belongs to a graph as a whole is that of the outermost
            self.around = (outer, *outer.around)
            self.seed = outer.seed
            self._collections = outer._collections
            self.annotations = outer.annotations
            self.scope.device = outer.scope.device
        self.closed = False  # nothing is added any more but by extend
        self.may_create = False  # whether variables may be made; they are kept in `variables`
        self.variables: list[Any] = []
        self.inputs: list[Tensor] = []  # the arguments, then what was captured
        self.outputs: list[Tensor] = []
        self.captures: list[tuple[Any, Tensor]] = []  # what is used from outside, and the input that stands for it
        self.effects: list[Operation] = []
        self._ordered: list[Operation] = []  # those whose order matters whatever they touch: printing and the like
        self.outer_controls: list[Operation] = []
        self._stand_ins: dict[int, tuple[Any, Tensor]] = {}  # the same and rebuilt constants, by id
        self._written: dict[Operation, Operation] = {}  # variable -> the operation that wrote it last

    def argument(self, dtype: Any, shape: Any, name: str | None = None, ref: bool = False) -> Tensor:
        """A new input."""
        with self.control_dependencies(None):
            made: Tensor = fed(self, dtype, Shape(shape), ref, name)
        self.inputs.append(made)
        return made

    def writes(self, tensor: Tensor) -> bool:
        """Whether an operation writes the variable that an input is."""
        return tensor.op in self._written

    @property
    def stateful(self) -> bool:
        """Whether it must run each time, as written: it has effects, or draws random numbers."""
        return any(op.definition.stateful for op in self.operations if op.definition.role != "nothing")

    def outside(self, variable: Any, value: Any) -> Any:
        """The initial value of a variable that is being made, in the graph or world that it will belong to.

        Raises GraphError where a function makes variables on other calls than the first.
        """
        if self.outer is not None:
            return self.outer.outside(variable, value) if isinstance(self.outer, FuncGraph) else value
        if not self.may_create:
            raise GraphError(
                f"[Variable] a function must make its variables once, on its first call, got another one in "
                f"{self.name!r}; make it outside, or keep it and make it only if it is not there yet"
            )
        self.variables.append(variable)
        return self._evaluated(value) if isinstance(value, Tensor) else value

    def _evaluated(self, tensor: Tensor) -> EagerTensor:
        """The value of a tensor that does not depend on the function's arguments."""
        step = Step(Spec([tensor], [inner for _, inner in self.captures], []), world)
        try:
            (array,) = step.run([outside.storage for outside, _ in self.captures])
        except InvalidArgumentError:
            raise GraphError(
                f"[Variable] initial_value must not depend on the arguments of the function {self.name!r}, got {tensor}"
            ) from None
        return EagerTensor(array, tensor.dtype)

    # -- building ------------------------------------------------------------------------------------------------------

    def create(self, definition: OpDef, groups: Any, attributes: dict[str, Any], name: str | None = None) -> Operation:
        if self.closed:
            raise GraphError(
                f"[{definition.name}] a tensor must be used inside the function that made it, got one of "
                f"{self.name!r} after that was built; return it from there"
            )
        op = super().create(definition, groups, attributes, name)
        self._order(op)
        return op

    def _order(self, op: Operation) -> None:
        before: list[Operation] = []
        for variable, writes in variables_of(op):
            if variable in self._written:
                before.append(self._written[variable])
            if writes:  # the reads that were built before come before it anyhow, those that are needed
                self._written[variable] = op
        definition = op.definition
        if definition.stateful and not definition.random and definition.role not in ("variable", "nothing"):
            if definition.role != "kernel" or not any(arg.is_ref for arg in definition.schema.tensors):
                before += self._ordered[-1:]
                self._ordered.append(op)
            self.effects.append(op)
        op.control_inputs += [b for b in dict.fromkeys(before) if b is not op and b not in op.control_inputs]

    def captured(self, thing: Any) -> Any:
        """What stands in this graph for a tensor outside it. Raises GraphError if it belongs to no graph around."""
        if isinstance(thing, Tensor) and thing.graph is self:
            return thing
        found = self._stand_ins.get(id(thing))
        if found is not None:
            return found[1]
        outside = thing
        if self.outer is not None:
            outside = self.outer.captured(thing)
            if outside is None:
                return None  # an eager tensor inside a plain graph: a constant
        elif isinstance(thing, Tensor):
            raise GraphError(
                f"a tensor must be used inside the function that made it, got {thing} in {self.name!r}; return it from "
                "there, or pass it on as an argument"
            )
        if id(outside) not in self._stand_ins:
            self._stand_ins[id(outside)] = outside, self._stand_in(outside)
        self._stand_ins[id(thing)] = thing, self._stand_ins[id(outside)][1]
        return self._stand_ins[id(thing)][1]

    def _stand_in(self, outside: Any) -> Tensor:
        if isinstance(outside, Tensor) and not outside.is_ref:
            rebuilt = self._rebuilt(outside)
            if rebuilt is not None:
                return rebuilt
        made = self.argument(outside.dtype, outside.shape, ref=outside.is_ref)
        self.captures.append((outside, made))
        return made

    def _rebuilt(self, outside: Tensor) -> Tensor | None:
        """Constants, and what is known of shapes, are made anew: so their values are known in here as well."""
        op = outside.op
        known = op.definition.role == "constant" or op.definition.value_function is not None
        if not known or op.definition.stateful:
            return None
        with self.as_default(), self.control_dependencies(None), self.device(None):
            groups = [[self.captured(t) for t in group] for group in op.groups]
            made = self.create(op.definition, groups, op.attributes).outputs[outside.index]
        made.set_shape(outside.shape)
        return made

    def own(self, thing: Tensor | Operation) -> None:
        if isinstance(thing, Operation) and thing.graph is not self and thing.graph in self.around:
            return
        super().own(thing)

    def control_dependencies(self, controls: Any) -> Any:
        """As Graph's; operations outside come before the whole of this graph."""
        if controls is None:
            return super().control_dependencies(None)
        inner = []
        for control in controls:
            found = self._operation_of(control)
            if found.graph is self:
                inner.append(found)
            else:
                self.outer_controls.append(found)
        return super().control_dependencies(inner)

    def as_graph_element(self, thing: Any, allow_tensor: bool = True, allow_operation: bool = True) -> Any:
        convert = getattr(thing, "__opwright_tensor__", None)
        found = convert() if convert is not None and not isinstance(thing, (Tensor, Operation)) else thing
        if isinstance(found, Tensor) or hasattr(found, "storage"):
            found = self.captured(found)
        return super().as_graph_element(found, allow_tensor, allow_operation)

    # -- in a saved graph: what it is made of; once the graphs around it are there, what binds it to them --------------

    def __opwright_saved__(self) -> dict[str, Any]:
        return {"name": self.name, "outer": self.outer}

    @classmethod
    def __opwright_restored__(cls, saved: dict[str, Any]) -> FuncGraph:
        return cls(saved["name"], saved["outer"])

    def __opwright_bound__(self) -> dict[str, Any]:
        return {"inputs": self.inputs, "captures": self.captures, "controls": self.outer_controls}

    def __opwright_bind__(self, saved: dict[str, Any]) -> None:
        self.inputs, self.captures = list(saved["inputs"]), list(saved["captures"])
        self.outer_controls = list(saved["controls"])
        self._stand_ins = {id(outside): (outside, inner) for outside, inner in self.captures}


@export("control.Body")
class Body:
    """A FuncGraph with its inputs so far and what is wanted of it: what a branch or loop node holds.

    `captures` says which tensor around the node each captured input is.
    """

    def __init__(
        self, graph: FuncGraph, outputs: Sequence[Tensor], captures: Any = None, inputs: Sequence[Tensor] | None = None
    ) -> None:
        self.graph = graph
        self.inputs = tuple(graph.inputs if inputs is None else inputs)
        self.outputs = tuple(outputs)
        self.captures: list[tuple[Any, Tensor]] = list(graph.captures if captures is None else captures)

    def __opwright_saved__(self) -> dict[str, Any]:
        return {"graph": self.graph, "outputs": self.outputs, "captures": self.captures, "inputs": self.inputs}

    @classmethod
    def __opwright_restored__(cls, saved: dict[str, Any]) -> Body:
        return cls(**saved)

    @cached_property
    def spec(self) -> Spec:
        """The graph as a step."""
        return Spec(self.outputs, self.inputs, self.graph.effects)

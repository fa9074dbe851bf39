"""A Subject: an op with dtypes, inputs and attributes that it accepts, and the ways to run it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from opwright import eager
from opwright.dtypes import BY_NAME, DType, from_storage
from opwright.errors import OpwrightError
from opwright.graph import Graph, Tensor
from opwright.kernels import signature as signature_of
from opwright.opdef import OpDef
from opwright.plan import flags
from opwright.plan.instantiate import Builder
from opwright.plan.ir import Node
from opwright.plan.reference import fed
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.schema import TensorArg
from opwright.session import Session
from opwright.shapes import Shape

Array = np.ndarray[Any, Any]
Groups = list[list[Array]]


class Subject:
    """An op and arguments for it. `groups` holds each tensor argument's arrays as their dtypes are stored."""

    def __init__(
        self, op: OpDef, dtypes: list[DType], groups: Groups, attributes: dict[str, Any], domain: Any = None
    ) -> None:
        self.op = op
        self.dtypes = dtypes  # one for each tensor argument
        self.groups = groups
        self.attributes = attributes
        self.domain = domain  # the intervals its floats were drawn from

    def __repr__(self) -> str:
        parts = []
        for arg, dtype, group in zip(self.op.schema.tensors, self.dtypes, self.groups, strict=True):
            shapes = [f"{dtype.name}{list(a.shape)}" for a in group]
            if not shapes:
                continue
            inner = f"[{', '.join(shapes)}]" if arg.is_list else shapes[0]
            small = dtype.is_integer and sum(a.size for a in group) <= 8
            values = [a.tolist() for a in group]
            parts.append(f"{arg.name}={inner}" + (f"={values if arg.is_list else values[0]}" if small else ""))
        parts += [f"{k}={getattr(v, 'name', v)!r}" for k, v in self.attributes.items()]
        return f"{self.op.name}({', '.join(parts)})"

    @property
    def arrays(self) -> list[Array]:
        return [a for group in self.groups for a in group]

    @property
    def size(self) -> int:
        return sum(a.size for a in self.arrays)

    @property
    def args(self) -> list[TensorArg]:
        """The argument that each array belongs to."""
        pairs = zip(self.op.schema.tensors, self.groups, strict=True)
        return [arg for arg, group in pairs for _ in group]

    @property
    def array_dtypes(self) -> list[DType]:
        return [d for d, group in zip(self.dtypes, self.groups, strict=True) for _ in group]

    @property
    def writes(self) -> bool:
        """Whether the op writes variables in place."""
        return any(arg.is_ref for arg in self.op.schema.tensors)

    def with_arrays(self, arrays: Sequence[Array]) -> Subject:
        """The same call with other arrays."""
        rest = iter(arrays)
        groups = [[next(rest) for _ in group] for group in self.groups]
        return Subject(self.op, self.dtypes, groups, self.attributes, self.domain)

    # -- running -------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def outputs(self) -> list[Array]:
        """What the op gives, and the variables it has written, as stored."""
        return [array for array, _ in self.run()]

    @functools.cached_property
    def output_dtypes(self) -> list[DType]:
        return [dtype for _, dtype in self.run()]

    @functools.cached_property
    def values(self) -> list[Array]:
        """The outputs as a user sees them."""
        return [from_storage(a, d) for a, d in self.run()]

    def run(self) -> list[tuple[Array, DType]]:
        """Runs the op as a step of a session: its outputs and the variables it wrote, each with its dtype."""
        step, feeds = self._step()
        arrays = [a.copy() if t.is_ref else a for a, t in zip(self.arrays, feeds, strict=True)]
        made = step.run(list(arrays))
        outputs = [(np.asarray(m), t.dtype) for m, t in zip(made, step.spec.fetches, strict=True)]
        return outputs + [(a, t.dtype) for a, t in zip(arrays, feeds, strict=True) if t.is_ref]

    def refusal(self, changed: TensorArg, tensors: list[Any]) -> str | None:
        """What the op says when one argument's tensors are replaced; None if it runs."""
        args: dict[str, Any] = {}
        for arg, dtype, group in zip(self.op.schema.tensors, self.dtypes, self.groups, strict=True):
            made = tensors if arg is changed else [eager.EagerTensor(a, dtype) for a in group]
            if made or arg.is_list:
                args[arg.name] = made if arg.is_list else made[0]
        try:
            self.op(**args, **self.attributes)
        except OpwrightError as e:
            return str(e).partition("\n")[0]
        return None

    def build(
        self, graph: Graph, shapes: Sequence[Shape] | None = None, through: Callable[[Tensor], Tensor] | None = None
    ) -> tuple[Any, list[Tensor]]:
        """Puts the op into the graph, its inputs of static shapes `shapes` (by default their own), each passed
        `through` a function. Returns the operation and the placeholders to feed."""
        static = [Shape(a.shape) for a in self.arrays] if shapes is None else shapes
        with graph.as_default():
            feeds = [
                fed(graph, d, s, arg.is_ref) for s, d, arg in zip(static, self.array_dtypes, self.args, strict=True)
            ]
            made = iter([through(t) if through and not t.is_ref else t for t in feeds])
            tensors = [[next(made) for _ in group] for group in self.groups]
            return graph.create(self.op, tensors, self.attributes), feeds

    def in_graph(
        self,
        shapes: Sequence[Shape] | None = None,
        plan: str = "",
        through: Callable[[Tensor], Tensor] | None = None,
        after: Callable[[Tensor], Tensor] | None = None,
        feed: Sequence[Array] | None = None,
    ) -> list[Array]:
        """The outputs (not the variables) from a graph, as stored. `plan` as in OPWRIGHT_PLAN."""
        step, feeds = self._step(shapes, plan, through, after)
        values = self.arrays if feed is None else feed
        made = step.run([v.copy() if t.is_ref else v for v, t in zip(values, feeds, strict=True)])
        return [np.asarray(v) for v in made]

    def callable(self) -> Callable[[], Any]:
        """A function that runs the op on its arrays, as a session runs a step."""
        step, feeds = self._step()
        values = [v.copy() if t.is_ref else v for v, t in zip(self.arrays, feeds, strict=True)]
        return lambda: step.run(list(values))

    def _step(self, shapes: Any = None, plan: str = "", through: Any = None, after: Any = None) -> Any:
        graph = Graph()
        op, feeds = self.build(graph, shapes, through)
        with graph.as_default():
            fetches = [after(t) if after else t for t in op.outputs if not t.is_ref]
        session = Session(graph=graph)
        session.raw = True
        return Step(Spec(fetches, feeds, [op]), session, flags.parse(plan)), feeds

    def node(self) -> Node | None:
        """The node the planner makes of the op, unoptimised; None where it needs none: the op is written in others,
        or known from shapes."""
        graph = Graph()
        op, feeds = self.build(graph)
        session = Session(graph=graph)
        spec = Spec([t for t in op.outputs if not t.is_ref], feeds, [op])
        arrays = self.arrays
        builder = Builder(spec, [a.shape for a in arrays], arrays, session.variables, frozenset())
        program = builder.build()
        return next((n for n in program.nodes if n.definition is self.op), None)

    @functools.cached_property
    def signature(self) -> str:
        """The dtypes as kernels spell them."""
        ins = [dtype if group else None for group, dtype in zip(self.groups, self.dtypes, strict=True)]
        n = len([o for o in self.op.schema.outputs if not o.is_ref])
        outs = self.output_dtypes[:n] if not any(o.is_ref for o in self.op.schema.outputs) else self._all_outputs()
        return signature_of(self.op, ins, outs)

    def _all_outputs(self) -> list[DType]:
        node = self.node()
        return [v.dtype for v in node.outputs] if node is not None else []


def as_dtype(name: str) -> DType:
    return BY_NAME[name]

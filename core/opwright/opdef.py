"""OpDef: what an op is. A signature, and the functions its author adds to it.

softmax = OpDef("softmax(logits: T['*b n'], axis: int = -1) -> (y: T['*b n'])", T=dtypes.floats)

@softmax.gradient
def _gradient(node, dy): ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from opwright import schema as schemas
from opwright.errors import SchemaError

F = TypeVar("F", bound=Callable[..., Any])

MISSING: Any = object()
MANY = 2

# What the planner does with a node: run its kernel; take the attribute `value`; take what is fed; take the session's
# storage; nothing; run what its `plan` function has made of it.
ROLES = ("kernel", "constant", "feed", "variable", "nothing", "control")


class OpDef:
    """An op: signature, shape function, gradient, and what the planner may do with it.

    signature    see opwright.schema
    gradient     None: the op has no gradient, and asking for one raises. Otherwise use the decorator.
    role         one of ROLES
    stateful     every node runs each time its step runs; equal nodes are not merged, constant ones not folded
    random       stateful, and its kernels get a random stream (attributes `seed`, `seed2`)
    initializes  writes all of its ref argument without reading it, so that the variable need not be initialised before
    export       dotted public names besides the op's own: "nn.softmax"
    partial      its gradient function takes None, not zeros, for an output without a gradient
    version      stored in saved graphs
    types        the dtypes each type variable ranges over: T=("float32", "float64")
    """

    def __init__(
        self,
        signature: str,
        *,
        gradient: None = MISSING,
        role: str = "kernel",
        stateful: bool = False,
        random: bool = False,
        initializes: bool = False,
        partial: bool = False,
        export: str | Iterable[str] = (),
        version: int = 1,
        **types: Iterable[str],
    ) -> None:
        self.schema = schemas.parse(signature, {name: tuple(dtypes) for name, dtypes in types.items()})
        self.name = self.schema.name
        if role not in ROLES:
            raise SchemaError(f"[{self.name}] role must be one of {', '.join(ROLES)}, got {role!r}")
        self.role = role
        self.random = random
        self.initializes = initializes
        self.partial = partial
        self.stateful = stateful or random or any(a.is_ref for a in self.schema.tensors)
        self.version = version
        self.exports = (export,) if isinstance(export, str) else tuple(export)
        self.package: str | None = None  # the import package that registered it
        self.value_args: set[str] = set()  # arguments whose values shape functions have asked for
        self.gradient_function: Callable[..., Any] | None = gradient
        self.shape_function: Callable[..., Any] | None = None
        self.dtypes_function: Callable[..., Any] | None = None
        self.value_function: Callable[..., Any] | None = None
        self.view_source = 0  # the tensor argument whose memory view_function describes
        self.view_function: Callable[..., Any] | None = None
        self.bound_function: Callable[..., Any] | None = None
        self.plan_function: Callable[..., Any] | None = None
        self.rewrite_function: Callable[..., Any] | None = None
        self.part_function: Callable[..., Any] | None = None
        self.reference: Callable[..., Any] | None = None
        self.example_function: Callable[..., Any] | None = None
        self.python_kernels: dict[str, Callable[..., Any]] = {}
        self.scalar: str | None = None
        # What the short way of eager calls asks: how many tensors each positional parameter takes, what is written, ...
        positional = self.schema.args[: self.schema.n_positional]
        self.takes = tuple((MANY if a.is_list else 1) if isinstance(a, schemas.TensorArg) else 0 for a in positional)
        self.writes = any(a.is_ref for a in self.schema.tensors)
        self.gives_refs = any(self.ref_flags(len(self.schema.outputs)))
        self.is_binary = self.takes[:2] == (1, 1) and not self.writes
        self.single = len(self.schema.outputs) == 1 and not self.schema.outputs[0].is_list
        self.upgrades: dict[int, tuple[int, Callable[..., Any]]] = {}  # from this version: to which, and how
        self._indices = {a.name: i for i, a in enumerate(self.schema.tensors)}
        self._outputs = {o.name: i for i, o in enumerate(self.schema.outputs)}

    # -- what authors add ----------------------------------------------------------------------------------------------

    def gradient(self, function: F) -> F:
        """`function(node, *dys)` returns the gradient of each tensor argument (None: not connected), made of ops.

        `node.input("x")`, `node.output("y")` and `node.attr.axis` give what it needs; a list argument's gradient is a
        list. One `dy` comes for each output.
        """
        return self._set("gradient_function", function)

    def shape(self, function: F) -> F:
        """`function(c)` returns the Shape of each output, from `c.shape("x")`, `c.attr.axis`, `c.value("sizes")`.

        Dimensions may be unknown (None), and values too; `c.require(ok, "text", got)` raises ShapeError otherwise.
        """
        return self._set("shape_function", function)

    def dtypes(self, function: F) -> F:
        """`function(attributes)` returns the dtypes of a list of outputs that do not follow from the signature."""
        return self._set("dtypes_function", function)

    def static_value(self, function: F) -> F:
        """`function(c)` returns what is known of the output's elements when the graph is built.

        An array of object dtype with None where an element is unknown; None where nothing is. For ops that compute
        shapes: `shape`, `stack`, `concat`, ...
        """
        return self._set("value_function", function)

    def view(self, of: str) -> Callable[[F], F]:
        """`@op.view("x") function(c, layout)`: the output's Layout (a list for several outputs) inside the memory of
        argument x, which has `layout`; None if x has to be made dense first. Such an op needs no kernel."""
        self.view_source = self.arg_index(of)
        return lambda function: self._set("view_function", function)

    def bound(self, function: F) -> F:
        """For outputs whose size depends on data: `function(c)` returns the largest shape each output can have.

        The kernels say OW_DYNAMIC and lower the shape to what they wrote.
        """
        return self._set("bound_function", function)

    def rewrite(self, function: F) -> F:
        """`function(node, make)` returns the values that replace a planned node's outputs, or None to leave it.

        `make(op, inputs, **attributes)` plans a new node and returns its outputs, `make.readers[value]` counts who
        reads a value. Results must stay the same, but for the order of sums.
        """
        return self._set("rewrite_function", function)

    def part(self, function: F) -> F:
        """`function(node, make, axis, start, size)` returns elements `start` to `start + size` along an axis of a
        planned node's output, made without the others; None where that is no less work. For rewrites of readers."""
        return self._set("part_function", function)

    def plan(self, function: F) -> F:
        """Of role "control": `function(builder, definition, groups, attributes, op)` returns the outputs' values, of a
        node whose `work` prepares itself and is emitted: programs of its own that it runs."""
        return self._set("plan_function", function)

    def ref(self, function: F) -> F:
        """The op in other ops: its fallback on a device without kernels, its oracle, its gradient of last resort."""
        return self._set("reference", function)

    def examples(self, function: F) -> F:
        """`function(rng)` returns calls that the op is for, each a dict of arguments: `opwright check` then draws no
        others from the signature."""
        return self._set("example_function", function)

    def kernel(self, device: str) -> Callable[[F], F]:
        """A kernel in Python: `function(*arrays, **attributes)` returns the output array or a tuple of them."""

        def decorate(function: F) -> F:
            if device in self.python_kernels:
                raise SchemaError(f"[{self.name}] has two Python kernels for {device}; keep one")
            self.python_kernels[device] = function
            return function

        return decorate

    def upgrade(self, old: int, new: int) -> Callable[[F], F]:
        """`@op.upgrade(1, 2) function(node)`: makes a saved node of version 1 one of version 2, by changing
        `node.attributes` (values by name), `node.inputs` (lists of tensors' names by argument), or `node.op`."""

        if not old < new <= self.version:
            raise SchemaError(
                f"[{self.name}] an upgrade must lead to a later version, at most {self.version}, got {old} to {new}"
            )
        if old in self.upgrades:
            raise SchemaError(f"[{self.name}] has two upgrades from version {old}; keep one")

        def decorate(function: F) -> F:
            self.upgrades[old] = new, function
            return function

        return decorate

    def _set(self, slot: str, function: F) -> F:
        if getattr(self, slot) not in (None, MISSING):
            raise SchemaError(f"[{self.name}] {slot.replace('_', ' ')} is defined twice; keep one")
        setattr(self, slot, function)
        return function

    # -- what the rest of the core asks --------------------------------------------------------------------------------

    def check(self) -> None:
        """Raises SchemaError unless the definition is complete."""
        if self.gradient_function is MISSING and self.reference is None:
            raise SchemaError(
                f"[{self.name}] needs a gradient; define one with @{self.name.rpartition(':')[2]}.gradient, or say "
                "gradient=None if the op has none"
            )
        outputs = self.schema.outputs
        if len(outputs) > 1 and any(o.is_list for o in outputs):
            raise SchemaError(f"[{self.name}] a list must be the only output, got {len(outputs)} outputs")
        if not (all(o.dims is not None and not o.is_list for o in outputs) or self.shape_function):
            raise SchemaError(f"[{self.name}] needs its outputs' shapes; name their dimensions or add @shape")

    @property
    def dynamic(self) -> bool:
        """Whether the outputs' sizes depend on data."""
        return self.bound_function is not None

    @property
    def differentiable(self) -> bool:
        return self.gradient_function is not None

    def arg_index(self, name: str) -> int:
        """The position of a tensor argument among the tensor arguments."""
        try:
            return self._indices[name]
        except KeyError:
            raise SchemaError(
                f"[{self.name}] has no tensor argument {name!r}; it has {', '.join(self._indices)}"
            ) from None

    def ref_flags(self, n: int) -> list[bool]:
        """For each of n outputs whether it is the memory of a ref argument."""
        outs = self.schema.outputs
        return [False] * n if outs and outs[0].is_list else [out.is_ref for out in outs]

    def output_index(self, name: str) -> int:
        try:
            return self._outputs[name]
        except KeyError:
            raise SchemaError(f"[{self.name}] has no output {name!r}; it has {', '.join(self._outputs)}") from None

    # Builds a node in the current graph, or runs the op at once: dispatch.call, which sets itself here.
    __call__: Callable[..., Any]

    def __repr__(self) -> str:
        return f"<OpDef {self.schema}>"


def export(*names: str) -> Callable[[F], F]:
    """Marks a function or class as public under dotted names: @export("nn.dropout")."""

    def decorate(thing: F) -> F:
        thing.__opwright_names__ = names  # type: ignore[attr-defined]
        return thing

    return decorate

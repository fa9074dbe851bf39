"""Variable: a tensor that keeps its value from step to step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

from opwright import OpDef, Shape, as_dtype, convert_to_tensor, export, ops, scopes
from opwright.eagertensor import EagerRef, EagerTensor, equal_elements, value_text
from opwright.errors import ArgumentError, FailedPreconditionError, GraphError
from opwright.operators import Operators
from opwright.shapes import as_shape

from opwright_state.collected import GLOBAL_VARIABLES, TRAINABLE_VARIABLES

variable_op = OpDef(
    "variable(dtype: dtype, shape: shape) -> (ref: ref[dtype], initialized: bool[''])",
    role="variable",
    stateful=True,
    gradient=None,
    export=(),
)


@variable_op.shape
def _shape(c):
    return c.attr.shape, Shape([])


@export("Variable")
class Variable(Operators):
    """A variable with an initial value: an array, a tensor, or a function that returns one.

    In a graph it belongs to the session, and `initializer` gives it its value there; in eager execution it has its
    value at once. Used as a tensor it is its current value; `assign`, `assign_add`, ... change it.

    A step that reads a variable and writes it reads it first, unless the reading depends on the writing.

    validate_shape=False leaves the shape open: assigning with validate_shape=False may change it. Raises ArgumentError
    without an initial value, DTypeError if it has another dtype than `dtype`, ShapeError if its shape is open else.
    """

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = True,
        collections: Any = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        expected_shape: Any = None,
        import_scope: str | None = None,
        constraint: Callable[[Any], Any] | None = None,
        use_resource: bool | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> None:
        if initial_value is None:
            raise ArgumentError("[Variable] initial_value must be given, got None")
        if collections is not None and not isinstance(collections, (list, tuple, set)):
            raise ArgumentError(f"[Variable] collections must be a list of names, got {collections!r}")
        self.trainable = trainable is not False
        self.constraint = constraint
        self._open = not validate_shape or (shape is not None and not as_shape(shape).is_known)
        here = scopes.current_graph()
        if here is not None and here.nested:  # in a function, a branch, a loop: made outside of it, once
            initial_value = here.outside(self, initial_value)  # type: ignore[attr-defined]
        self._graph = scopes.home_graph()
        with scopes.entered(self._graph):
            self._make(initial_value, dtype, name, shape, collections)

    def _make(self, initial_value: Any, dtype: Any, name: str | None, shape: Any, collections: Any) -> None:
        if self._graph is None:
            self._make_eager(initial_value, dtype, name)
            return
        self._make_in_graph(initial_value, dtype, name or "Variable", shape)
        keys = [GLOBAL_VARIABLES] if collections is None else list(collections)
        if self.trainable and TRAINABLE_VARIABLES not in keys:
            keys.append(TRAINABLE_VARIABLES)
        for key in keys:
            self._graph.add_to_collection(key, self)

    def _make_eager(self, initial_value: Any, dtype: Any, name: str | None) -> None:
        value = _evaluated(initial_value, dtype)
        self.ref: Any = EagerRef(value, self, self.trainable)
        self.name = f"{name or 'Variable'}:0"
        self.initial_value = EagerTensor(value.storage.copy(), value.dtype)

    def _make_in_graph(self, initial_value: Any, dtype: Any, name: str, shape: Any) -> None:
        graph = self._graph
        assert graph is not None
        with graph.control_dependencies(None):
            own = graph.unique_name(name)
            with graph.name_scope(own + "/"):
                value = _evaluated(initial_value, dtype)
                self.initial_value = value
            static = as_shape(shape) if shape is not None else Shape(None) if self._open else value.shape
            if not self._open and not static.is_known:
                raise ArgumentError(
                    f"[Variable] initial_value must have a known shape, got {static} for {own!r}; give it one, or pass "
                    "validate_shape=False"
                )
            self.ref, self._flag = variable_op(value.dtype, static, name=own + "/")
            with graph.name_scope(own + "/"):
                self.initializer = ops.assign(self.ref, value, validate_shape=not self._open, name="Assign").op
        self.name = self.ref.name

    # -- in a saved graph ----------------------------------------------------------------------------------------------

    def __opwright_saved__(self) -> dict[str, Any]:
        """What of the variable a saved graph keeps, besides its nodes. Warns of a constraint, a function."""
        if self.constraint is not None:
            warnings.warn(f"the constraint of {self.name}, a function, is not saved", stacklevel=2)
        return {
            "ref": self.ref,
            "initialized": self._flag,
            "initial_value": self.initial_value,
            "initializer": self.initializer,
            "trainable": self.trainable,
            "open": self._open,
        }

    @classmethod
    def __opwright_restored__(cls, saved: dict[str, Any]) -> Variable:
        """The variable whose nodes stand in a graph already."""
        made = cls.__new__(cls)
        made.ref, made._flag = saved["ref"], saved["initialized"]
        made.initial_value, made.initializer = saved["initial_value"], saved["initializer"]
        made.trainable, made._open, made.constraint = saved["trainable"], saved["open"], None
        made._graph, made.name = made.ref.graph, made.ref.name
        return made

    # -- as a tensor ---------------------------------------------------------------------------------------------------

    def __opwright_tensor__(self) -> Any:
        return self.ref

    def value(self) -> Any:
        """The variable as a tensor: in a graph whatever it holds when that is read."""
        return self.ref if self._graph is not None else self.read_value()

    def read_value(self) -> Any:
        """A snapshot of the value, taken after the control dependencies that surround this call."""
        return ops.identity(self.ref, name="read")

    def initialized_value(self) -> Any:
        """The initial value, for use in other variables' initial values."""
        return self.initial_value

    def is_initialized(self) -> Any:
        """Whether the variable has a value, as a tensor."""
        return ops.identity(self._flag, name="IsInitialized") if self._graph is not None else convert_to_tensor(True)

    @property
    def dtype(self) -> Any:
        return self.ref.dtype

    @property
    def shape(self) -> Shape:
        return self.ref.shape  # type: ignore[no-any-return]

    def get_shape(self) -> Shape:
        return self.ref.get_shape()  # type: ignore[no-any-return]

    def set_shape(self, shape: Any) -> None:
        """Adds to what is known of the shape; raises ShapeError if it contradicts that."""
        if self._graph is not None:
            self.ref.set_shape(shape)
        else:
            self.shape.merge(shape)

    @property
    def ndim(self) -> int | None:
        return self.shape.rank

    @property
    def graph(self) -> Any:
        return self._graph

    @property
    def op(self) -> Any:
        return self._in_graph("op").op

    @property
    def device(self) -> str:
        return str(self.ref.device) if self._graph is not None else ""

    def _in_graph(self, what: str) -> Any:
        if self._graph is None:
            raise GraphError(f"{self.name} is eager and has no {what}; build it inside `with Graph().as_default():`")
        return self.ref

    # -- values --------------------------------------------------------------------------------------------------------

    def numpy(self) -> Any:
        """The value of an eager variable as a NumPy array."""
        if self._graph is not None:
            raise GraphError(f"{self.name} belongs to a graph; fetch it with Session.run or call eval()")
        return self.ref.numpy()

    def eval(self, session: Any = None) -> Any:
        """The value in `session`, or in the session that is current."""
        return self._in_graph("sessions").eval(session=session)

    def load(self, value: Any, session: Any = None) -> None:
        """Sets the value in `session`, or in the session that is current, without adding to the graph."""
        session = session or scopes.current_session()
        if session is None:
            raise FailedPreconditionError(f"load needs a session for {self.name}; pass session=")
        session.run(self.initializer, {self.initializer.inputs[1]: value})

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.ref.__array__(*args, **kwargs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.ref)

    def __len__(self) -> int:
        return len(self.ref)

    def __bool__(self) -> bool:
        return True if self._graph is not None else bool(self.ref)

    def __float__(self) -> float:
        return float(self.ref)

    def __int__(self) -> int:
        return int(self.ref)

    def __index__(self) -> int:
        return int(self.ref.__index__())

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        """Which elements are equal; in a graph whether it is the same variable."""
        return self is other if self._graph is not None else equal_elements(self.ref, other)

    def __ne__(self, other: object) -> Any:
        found = self == other
        return not found if isinstance(found, bool) else ops.logical_not(found)

    def __repr__(self) -> str:
        if self._graph is not None:
            return f"<ow.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}>"
        return f"<ow.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}, numpy={value_text(self)}>"

    # -- writing -------------------------------------------------------------------------------------------------------
    # Each method returns the variable with its new value: in a graph a tensor, or with read_value=False the operation.

    def assign(self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Any:
        """Writes all of the variable."""
        if self._graph is None and self._open:
            made = convert_to_tensor(value, self.dtype)
            if made.shape != self.shape:
                self.ref.move(made)
                return self
        return self._written(ops.assign(self.ref, value, validate_shape=not self._open, name=name), read_value)

    def assign_add(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Any:
        """Adds to the variable, element by element."""
        return self._written(ops.assign_add(self.ref, delta, name=name), read_value)

    def assign_sub(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Any:
        """Subtracts from the variable, element by element."""
        return self._written(ops.assign_sub(self.ref, delta, name=name), read_value)

    def count_up_to(self, limit: int) -> Any:
        """Adds 1 and returns the number before; raises OutOfRangeError once that would be `limit`."""
        return ops.count_up_to(self.ref, limit)

    def scatter_update(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Writes the rows that an IndexedSlices names."""
        return self._scattered(ops.scatter_update, sparse_delta, name)

    def scatter_add(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Adds to the rows that an IndexedSlices names."""
        return self._scattered(ops.scatter_add, sparse_delta, name)

    def scatter_sub(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Subtracts from the rows that an IndexedSlices names."""
        return self._scattered(ops.scatter_sub, sparse_delta, name)

    def scatter_mul(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Multiplies the rows that an IndexedSlices names."""
        return self._scattered(ops.scatter_mul, sparse_delta, name)

    def scatter_div(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Divides the rows that an IndexedSlices names."""
        return self._scattered(ops.scatter_div, sparse_delta, name)

    def scatter_min(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Lowers the rows that an IndexedSlices names to its values."""
        return self._scattered(ops.scatter_min, sparse_delta, name)

    def scatter_max(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Raises the rows that an IndexedSlices names to its values."""
        return self._scattered(ops.scatter_max, sparse_delta, name)

    def scatter_nd_update(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Writes the slices that the last dimension of `indices` names."""
        return self._written(ops.scatter_nd_update(self.ref, indices, updates, name=name))

    def scatter_nd_add(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Adds to the slices that the last dimension of `indices` names."""
        return self._written(ops.scatter_nd_add(self.ref, indices, updates, name=name))

    def scatter_nd_sub(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Subtracts from the slices that the last dimension of `indices` names."""
        return self._written(ops.scatter_nd_sub(self.ref, indices, updates, name=name))

    def sparse_read(self, indices: Any, name: str | None = None) -> Any:
        """The rows that `indices` name."""
        return ops.gather(self.ref, indices, name=name)

    def _scattered(self, op: Any, delta: Any, name: str | None) -> Any:
        if not hasattr(delta, "indices"):
            raise ArgumentError(f"[{op.name}] sparse_delta must be an IndexedSlices, got {delta!r}")
        return self._written(op(self.ref, delta.indices, delta.values, name=name))

    def _written(self, result: Any, read_value: bool = True) -> Any:
        if self._graph is None:
            return self
        return result if read_value else result.op


def _evaluated(initial_value: Any, dtype: Any) -> Any:
    value = initial_value() if callable(initial_value) else initial_value
    return convert_to_tensor(value, None if dtype is None else as_dtype(dtype), "Variable")

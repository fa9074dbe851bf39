"""Graph, Operation, Tensor: what is to be computed. A graph holds no numbers but its constants."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opwright import scopes
from opwright.callsite import user_line
from opwright.dtypes import DType
from opwright.errors import GraphError
from opwright.inference import Kinds, constant_value, infer
from opwright.node import NodeAccess
from opwright.opdef import OpDef
from opwright.operators import Operators
from opwright.shapes import Shape

_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>:-]*$")


class Tensor(Operators):
    """One output of an operation: a dtype, a static shape, and no value until a session runs."""

    __slots__ = ("_value", "dtype", "index", "op", "shape")

    def __init__(self, op: Operation, index: int, dtype: DType, shape: Shape) -> None:
        self.op = op
        self.index = index
        self.dtype = dtype
        self.shape = shape
        self._value: Any = _UNASKED

    @property
    def graph(self) -> Graph:
        return self.op.graph

    @property
    def name(self) -> str:
        return f"{self.op.name}:{self.index}"

    @property
    def value_index(self) -> int:
        return self.index

    @property
    def device(self) -> str:
        return self.op.device

    @property
    def ndim(self) -> int | None:
        return self.shape.rank

    @property
    def is_ref(self) -> bool:
        """Whether this is a variable's storage, which ops may write in place."""
        definition = self.op.definition
        return definition.gives_refs and definition.schema.outputs[self.index].is_ref

    def get_shape(self) -> Shape:
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Adds to what is known of the shape; raises ShapeError if it contradicts that."""
        self.shape = self.shape.merge(shape)

    def consumers(self) -> list[Operation]:
        return [op for op in self.graph.operations if self in op.inputs]

    def static_value(self) -> Any:
        """The value as a NumPy array if it is known without running a session, else None."""
        if self._value is _UNASKED:
            self._value = constant_value(self)
        return self._value

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """The value in `session`, or in the session that is current."""
        return _session(session, "eval").run(self, feed_dict)

    def __bool__(self) -> bool:
        raise TypeError(
            f"a graph's tensor has no truth value until a session runs, got {self}; use cond, while_loop or where"
        )

    def __iter__(self) -> Iterator[Any]:
        dims = self.shape.dims
        if not dims or dims[0] is None:
            raise TypeError(f"only a tensor whose first dimension is known can be iterated over, got {self}")
        return iter([self[i] for i in range(dims[0])])

    def __len__(self) -> int:
        dims = self.shape.dims
        if not dims or dims[0] is None:
            raise TypeError(f"only a tensor whose first dimension is known has a length, got {self}; use shape()")
        return dims[0]

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"a graph's tensor has no value until a session runs, got {self}; fetch it with Session.run")

    def __repr__(self) -> str:
        return f"<Tensor {self.name!r} shape={self.shape} dtype={self.dtype.name}>"


_UNASKED = object()


class Operation(NodeAccess):
    """A node: an op with its inputs and attributes."""

    outputs: list[Tensor]

    def __init__(
        self, graph: Graph, definition: OpDef, name: str, groups: Sequence[Sequence[Tensor]], attributes: dict[str, Any]
    ) -> None:
        super().__init__(definition, groups, attributes)
        self.graph = graph
        self.name = name
        self.id = -1
        self.device = graph.scope.device
        self.control_inputs: list[Operation] = []
        self.line = user_line()
        self.extends: tuple[Operation, ...] = ()  # those whose outputs are its first ones: it stands in for them
        self.latest = self  # what extends it most

    @property
    def type(self) -> str:
        return self.definition.name

    @property
    def traceback(self) -> list[str]:
        """Where the user's program built the operation."""
        return [self.line]

    def get_attr(self, name: str) -> Any:
        return self.attributes[name]

    def add_control_input(self, control: Operation) -> None:
        """Makes this operation run after `control`. Raises GraphError if that would close a cycle."""
        self.graph.own(control)
        if control is self or (self.id >= 0 and control.depends_on(self)):
            raise GraphError(f"{self.name!r} must not depend on itself, got the control input {control.name!r}")
        if control not in self.control_inputs:
            self.control_inputs.append(control)

    def depends_on(self, other: Operation) -> bool:
        """Whether `other` runs before this operation in every step that runs both."""
        seen: set[Operation] = set()
        todo = [self]
        while todo:
            op = todo.pop()
            if op is other:
                return True
            if op not in seen:
                seen.add(op)
                todo += [t.op for t in op.inputs] + op.control_inputs
        return False

    def values(self) -> tuple[Tensor, ...]:
        return tuple(self.outputs)

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Runs the operation in `session`, or in the session that is current."""
        _session(session, "run").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<Operation {self.name!r} op={self.type}>"


def _session(session: Any, what: str) -> Any:
    session = session or scopes.current_session()
    if session is None:
        raise GraphError(f"{what} needs a session; pass session=, or call it inside `with Session():`")
    return session


class Graph:
    """A dataflow graph. Nodes are only ever added; what was built stays as it is."""

    nested = False  # whether it takes what it uses from outside as inputs: a function's, a branch's, a body's

    def __init__(self) -> None:
        self._operations: list[Operation] = []
        self._by_name: dict[str, Operation] = {}
        self._used: dict[str, int] = {}
        self._collections: dict[Any, list[Any]] = {}
        self._kinds = Kinds()
        self._lock = threading.RLock()
        self.scope = scopes.Scope()
        self.seed: int | None = None
        self.finalized = False
        self.root: Graph | None = self  # the graph that variables made here belong to; None: they are eager
        self.around: tuple[Graph, ...] = ()  # the graphs that this one lies in
        self.annotations: dict[Any, Any] = {}  # what other packages remember about the graph

    # -- building ------------------------------------------------------------------------------------------------------

    def create(
        self, definition: OpDef, groups: Sequence[Sequence[Tensor]], attributes: dict[str, Any], name: str | None = None
    ) -> Operation:
        """Adds a node. `groups` holds the tensors of each tensor argument. Raises ShapeError where they do not fit."""
        with self._lock:
            if self.finalized:
                raise GraphError(
                    f"[{definition.name}] the graph must not be final, got one; build nodes before finalize()"
                )
            groups = [[self.captured(tensor) for tensor in group] for group in groups]
            stem = definition.name.replace("::", "_")
            op = Operation(self, definition, self.unique_name(name or stem), groups, attributes)
            for index, (dtype, shape) in enumerate(infer(op, self._kinds)):
                op.outputs.append(Tensor(op, index, dtype, shape))
            for control in self.scope.controls:
                op.add_control_input(control)
            op.id = len(self._operations)
            self._operations.append(op)
            self._by_name[op.name] = op
            return op

    def captured(self, thing: Any) -> Any:
        """The tensor that stands for `thing` here: itself; None for an eager tensor. Raises GraphError for another
        graph's."""
        if not isinstance(thing, Tensor):
            return None
        self.own(thing)
        return thing

    def own(self, thing: Tensor | Operation) -> None:
        """Raises GraphError if the tensor or operation belongs to another graph."""
        if thing.graph is not self:
            raise GraphError(f"{thing} must belong to this graph, got one of another graph; build both in one graph")

    def unique_name(self, name: str, mark: bool = True) -> str:
        """`name` inside the current name scope, made unique by a number. A trailing slash: exactly this name."""
        if name.endswith("/"):
            full = name[:-1]
        else:
            if not _NAME.match(name):
                raise GraphError(f"a name must consist of letters, digits and _.\\/>:-, got {name!r}")
            full = f"{self.scope.prefix}{name}"
        key = full.lower()
        count = self._used.get(key, 0)
        if not mark:
            return full if count == 0 else f"{full}_{count}"
        if name.endswith("/"):
            self._used.setdefault(key, 1)
            return full
        self._used[key] = count + 1
        if count:
            candidate = f"{full}_{count}"
            while candidate.lower() in self._used:
                count += 1
                candidate = f"{full}_{count}"
            self._used[key] = count + 1
            self._used[candidate.lower()] = 1
            return candidate
        return full

    @contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """Prefixes the names of nodes built inside. Yields the scope's name with a slash; passing that re-enters it."""
        if not name:
            prefix = ""
        elif name.endswith("/"):
            prefix = name
        else:
            prefix = self.unique_name(name) + "/"
        with self.scope.changed(prefix=prefix):
            yield prefix

    def device(self, name: Any) -> AbstractContextManager[scopes.Scope]:
        """Places the nodes built inside: "/gpu:0", "/cpu:0"; None leaves them where their kernels are."""
        return self.scope.changed(device=scopes.merge_device(self.scope.device, name))

    def control_dependencies(self, controls: Iterable[Any] | None) -> AbstractContextManager[scopes.Scope]:
        """Nodes built inside run after `controls`, operations or tensors. None clears what surrounds the block."""
        if controls is None:
            return self.scope.changed(controls=())
        added = tuple(self._operation_of(c) for c in controls)
        return self.scope.changed(controls=self.scope.controls + added)

    def _operation_of(self, thing: Any) -> Operation:
        found = self.as_graph_element(thing)
        return found.op if isinstance(found, Tensor) else found

    def as_default(self) -> AbstractContextManager[Graph]:
        """Makes this the current graph inside the block."""
        return scopes.entered(self)  # type: ignore[return-value]

    def finalize(self) -> None:
        """Makes the graph refuse new nodes."""
        self.finalized = True

    # -- looking up ----------------------------------------------------------------------------------------------------

    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(self._operations)

    def get_operations(self) -> list[Operation]:
        return list(self._operations)

    @property
    def version(self) -> int:
        return len(self._operations)

    def as_graph_element(self, thing: Any, allow_tensor: bool = True, allow_operation: bool = True) -> Any:
        """The Tensor or Operation that `thing` is, names ("a/b:0", "a/b") or stands for (a variable).

        Raises GraphError if there is none in this graph.
        """
        convert = getattr(thing, "__opwright_tensor__", None)
        if convert is not None and not isinstance(thing, (Tensor, Operation)):
            thing = convert()
        if isinstance(thing, (str, bytes)):
            thing = self._named(thing if isinstance(thing, str) else thing.decode())
        kinds = (Tensor,) * allow_tensor + (Operation,) * allow_operation
        if not isinstance(thing, kinds):
            wanted = " or ".join(k.__name__ for k in kinds)
            raise GraphError(f"a {wanted} of the graph, or its name, is needed, got {thing!r}")
        self.own(thing)
        return thing

    def _named(self, name: str) -> Tensor | Operation:
        op_name, colon, index = name.partition(":")
        op = self._by_name.get(op_name)
        if op is None:
            from opwright.errors import did_you_mean

            raise GraphError(f"the graph has no operation {op_name!r}{did_you_mean(op_name, self._by_name)}")
        if not colon:
            return op
        if not index.isdigit() or int(index) >= len(op.outputs):
            raise GraphError(f"{op_name!r} has {len(op.outputs)} outputs, got the name {name!r}")
        return op.outputs[int(index)]

    def get_tensor_by_name(self, name: str) -> Tensor:
        if ":" not in name:
            raise GraphError(
                f"a tensor's name must end with its output's number, got {name!r}; for the first: {name}:0"
            )
        return self.as_graph_element(name, allow_operation=False)  # type: ignore[no-any-return]

    def get_operation_by_name(self, name: str) -> Operation:
        return self.as_graph_element(name, allow_tensor=False)  # type: ignore[no-any-return]

    # -- collections ---------------------------------------------------------------------------------------------------

    def add_to_collection(self, name: Any, value: Any) -> None:
        self._collections.setdefault(name, []).append(value)

    def get_collection(self, name: Any, scope: str | None = None) -> list[Any]:
        """A copy of the collection; with `scope`, those items whose name matches it from the start."""
        items = self._collections.get(name, [])
        if scope is None:
            return list(items)
        pattern = re.compile(scope)
        return [item for item in items if pattern.match(getattr(item, "name", ""))]

    def get_collection_ref(self, name: Any) -> list[Any]:
        return self._collections.setdefault(name, [])

    def clear_collection(self, name: Any) -> None:
        self._collections.pop(name, None)

    def get_all_collection_keys(self) -> list[Any]:
        return list(self._collections)

    def __repr__(self) -> str:
        return f"<Graph of {len(self._operations)} operations>"


def is_tensor(value: Any) -> bool:
    """Whether `value` is a graph's tensor."""
    return isinstance(value, Tensor)


__all__ = ["Graph", "Operation", "Tensor", "is_tensor"]

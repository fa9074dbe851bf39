"""variable_scope and get_variable: variables shared by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opwright import Graph, as_dtype, ops
from opwright.shapes import as_shape

from opwright_tf1.surface.framework import GraphKeys, get_default_graph


class _AutoReuse:
    def __repr__(self) -> str:
        return "tf.AUTO_REUSE"


AUTO_REUSE = _AutoReuse()


class VariableScope:
    """What get_variable takes from its surroundings: a prefix, whether to share, and defaults."""

    def __init__(self, name: str, reuse: Any = None, initializer: Any = None, regularizer: Any = None) -> None:
        self.name = name
        self.reuse = reuse
        self.initializer = initializer
        self.regularizer = regularizer
        self.dtype: Any = "float32"
        self.original_name_scope = ""

    def reuse_variables(self) -> None:
        """From here on the scope only gives out variables that exist."""
        self.reuse = True

    def set_initializer(self, initializer: Any) -> None:
        self.initializer = initializer

    def get_collection(self, name: Any) -> list[Any]:
        """What a collection holds of this scope."""
        return get_default_graph().get_collection(name, f"{self.name}/" if self.name else None)

    def trainable_variables(self) -> list[Any]:
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def global_variables(self) -> list[Any]:
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)


class _Store:
    """The shared variables of a graph, and the scope that is open."""

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}
        self.scope = VariableScope("")
        self.default_names: dict[str, int] = {}


def _store(graph: Graph) -> _Store:
    found = graph.annotations.setdefault("opwright_tf1.variables", _Store())
    assert isinstance(found, _Store)
    return found


def get_variable_scope() -> VariableScope:
    """The scope that is open."""
    return _store(get_default_graph()).scope


@contextmanager
def variable_scope(
    name_or_scope: Any,
    default_name: str | None = None,
    values: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    reuse: Any = None,
    dtype: Any = None,
    use_resource: Any = None,
    constraint: Any = None,
    auxiliary_name_scope: bool = True,
) -> Iterator[VariableScope]:
    """Prefixes the variables that get_variable makes inside, or gives out those made before (reuse).

    Raises ValueError if neither name_or_scope nor default_name is given.
    """
    if name_or_scope is None and default_name is None:
        raise ValueError("[variable_scope] name_or_scope or default_name must be given, got neither")
    graph = get_default_graph()
    store = _store(graph)
    outer = store.scope
    inner, last = _inner(store, name_or_scope, default_name)
    inner.reuse = reuse or inner.reuse
    inner.initializer = inner.initializer if initializer is None else initializer
    inner.regularizer = regularizer or inner.regularizer
    inner.dtype = dtype or inner.dtype
    store.scope = inner
    try:
        if auxiliary_name_scope and last:
            with graph.name_scope(last) as scope:
                inner.original_name_scope = scope
                yield inner
        else:
            yield inner
    finally:
        store.scope = outer


def _inner(store: _Store, name_or_scope: Any, default_name: str | None) -> tuple[VariableScope, str]:
    """The scope to open, with what it inherits, and the last part of its name."""
    outer = store.scope
    if isinstance(name_or_scope, VariableScope):
        base, name, last = name_or_scope, name_or_scope.name, name_or_scope.name.rpartition("/")[2]
    else:
        last = name_or_scope if name_or_scope is not None else _unused(store, outer, default_name or "")
        base, name = outer, f"{outer.name}/{last}" if outer.name else last
    made = VariableScope(name, base.reuse, base.initializer, base.regularizer)
    made.dtype = base.dtype
    return made, last


def _unused(store: _Store, outer: VariableScope, default_name: str) -> str:
    key = f"{outer.name}/{default_name}"
    count = store.default_names.get(key, 0)
    store.default_names[key] = count + 1
    return f"{default_name}_{count}" if count else default_name


def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Callable[[Any], Any] | None = None,
    trainable: bool | None = None,
    collections: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: Any = None,
    custom_getter: Any = None,
    constraint: Any = None,
    synchronization: Any = None,
    aggregation: Any = None,
) -> Any:
    """The variable of that name in the open scope: made, or given out again where the scope says reuse.

    Raises ValueError if it exists and may not be shared, does not exist and must, or has another shape or dtype.
    """
    graph = get_default_graph()
    store = _store(graph)
    scope = store.scope
    full = f"{scope.name}/{name}" if scope.name else name
    found = store.variables.get(full)
    if found is not None:
        return _shared(full, found, scope, shape, dtype)
    if scope.reuse is True:
        raise ValueError(f"[get_variable] {full!r} must exist where reuse=True, got a new name; use tf.AUTO_REUSE")
    wanted = as_dtype(dtype or scope.dtype)
    initial, known = _initial(full, scope.initializer if initializer is None else initializer, shape, wanted)
    with graph.control_dependencies(None), graph.name_scope(None):
        made = ops.Variable(
            initial,
            trainable=trainable is not False,
            collections=collections,
            validate_shape=validate_shape,
            name=full,
            dtype=wanted,
            shape=known,
            constraint=constraint,
        )
    store.variables[full] = made
    _penalize(graph, full, made, regularizer or scope.regularizer)
    return made


def _penalize(graph: Graph, full: str, variable: Any, regularizer: Callable[[Any], Any] | None) -> None:
    if regularizer is None:
        return
    with graph.name_scope(f"{full}/Regularizer/"):
        loss = regularizer(variable)
    if loss is not None:
        graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)


def _shared(full: str, found: Any, scope: VariableScope, shape: Any, dtype: Any) -> Any:
    if not scope.reuse:
        raise ValueError(
            f"[get_variable] {full!r} must be a new name, got one in use (built at {found.op.line}); set reuse=True or "
            "reuse=tf.AUTO_REUSE in its variable_scope to share it"
        )
    if shape is not None and not as_shape(shape).is_compatible_with(found.shape):
        raise ValueError(f"[get_variable] {full!r} must have shape {found.shape}, got {as_shape(shape)}")
    if dtype is not None and as_dtype(dtype) is not found.dtype:
        raise ValueError(f"[get_variable] {full!r} must have dtype {found.dtype.name}, got {as_dtype(dtype).name}")
    return found


def _initial(full: str, initializer: Any, shape: Any, dtype: Any) -> tuple[Any, Any]:
    """The initial value, or a function that makes it, and the shape."""
    if initializer is not None and not callable(initializer):
        if shape is not None:
            raise ValueError(f"[get_variable] {full!r} must have its shape from its initializer, got a shape as well")
        return initializer, None
    if shape is None:
        raise ValueError(f"[get_variable] {full!r} must be given a shape, got none; only constants have their own")
    dims = as_shape(shape)
    if initializer is None:
        initializer = ops.glorot_uniform_initializer() if dtype.is_floating else ops.zeros_initializer()
    elif isinstance(initializer, type):
        initializer = initializer()
    return (lambda: initializer(dims.as_list(), dtype=dtype)), dims


API: dict[str, Any] = {
    "AUTO_REUSE": AUTO_REUSE,
    "VariableScope": VariableScope,
    "get_variable": get_variable,
    "get_variable_scope": get_variable_scope,
    "variable_scope": variable_scope,
}

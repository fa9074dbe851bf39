"""The variables a graph has, and their initialisation as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from opwright import OpDef, dtypes, export, ops, scopes

GLOBAL_VARIABLES = "variables"
TRAINABLE_VARIABLES = "trainable_variables"
LOCAL_VARIABLES = "local_variables"
MODEL_VARIABLES = "model_variables"
MOVING_AVERAGE_VARIABLES = "moving_average_variables"


def _collection(key: str, scope: str | None) -> list[Any]:
    graph = scopes.current_graph()
    return [] if graph is None else graph.get_collection(key, scope)


@export("global_variables")
def global_variables(scope: str | None = None) -> list[Any]:
    """The variables of the current graph that are not local; with `scope`, those named so from the start."""
    return _collection(GLOBAL_VARIABLES, scope)


@export("trainable_variables")
def trainable_variables(scope: str | None = None) -> list[Any]:
    """The variables of the current graph that were made with trainable=True: what optimizers change by default."""
    return _collection(TRAINABLE_VARIABLES, scope)


@export("local_variables")
def local_variables(scope: str | None = None) -> list[Any]:
    """The variables of the current graph that are not saved: counters and the like."""
    return _collection(LOCAL_VARIABLES, scope)


@export("model_variables")
def model_variables(scope: str | None = None) -> list[Any]:
    """The variables of the current graph that were put in the collection `model_variables`."""
    return _collection(MODEL_VARIABLES, scope)


@export("moving_average_variables")
def moving_average_variables(scope: str | None = None) -> list[Any]:
    """The variables of the current graph that have a moving average."""
    return _collection(MOVING_AVERAGE_VARIABLES, scope)


@export("variables_initializer")
def variables_initializer(var_list: Any, name: str = "init") -> Any:
    """An operation that gives each variable its initial value; eagerly nothing, for there they have it."""
    return ops.group(*[v.initializer for v in var_list], name=name)


@export("global_variables_initializer")
def global_variables_initializer() -> Any:
    """An operation that gives each global variable its initial value."""
    return variables_initializer(global_variables())


@export("local_variables_initializer")
def local_variables_initializer() -> Any:
    """An operation that gives each local variable its initial value."""
    return variables_initializer(local_variables())


@export("is_variable_initialized")
def is_variable_initialized(variable: Any) -> Any:
    """Whether the variable has a value, as a tensor."""
    return variable.is_initialized()


class UninitializedNames:
    """What report_uninitialized_variables gives in a graph: fetched, the names as an array of bytes."""

    def __init__(self, variables: list[Any]) -> None:
        self._names = [v.op.name.encode() for v in variables]
        self._flags = [v.is_initialized() for v in variables]
        self.graph = variables[0].graph if variables else scopes.current_graph()

    def __opwright_fetch__(self) -> tuple[list[Any], Callable[[list[Any]], Any]]:
        def names(flags: list[Any]) -> Any:
            return np.array([n for n, ready in zip(self._names, flags, strict=True) if not ready], object)

        return self._flags, names

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """The names in `session`, or in the session that is current."""
        return (session or scopes.current_session()).run(self, feed_dict)


@export("report_uninitialized_variables")
def report_uninitialized_variables(var_list: Any = None, name: str = "report_uninitialized_variables") -> Any:
    """The names of the variables (by default: global and local ones) without a value; eagerly an empty array."""
    graph = scopes.current_graph()
    listed = global_variables() + local_variables() if var_list is None else list(var_list)
    if graph is None:
        return np.array([], object)
    with graph.name_scope(name):
        return UninitializedNames(listed)


# It names the variable as what it reads, and so the session checks that it has a value.
assert_initialized = OpDef(
    "assert_initialized(variable: T) -> ()", role="nothing", stateful=True, gradient=None, T=dtypes.any_type
)


@export("assert_variables_initialized")
def assert_variables_initialized(var_list: Any = None) -> Any:
    """An operation that raises FailedPreconditionError if one of the variables has no value."""
    listed = global_variables() + local_variables() if var_list is None else list(var_list)
    return ops.group(*[assert_initialized(v) for v in listed], name="assert_variables_initialized") if listed else None

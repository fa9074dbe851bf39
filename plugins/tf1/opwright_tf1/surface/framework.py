"""Graphs, scopes, collections, dtypes and shapes, as TensorFlow 1 calls them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import opwright as ow
from opwright import dtypes, scopes
from opwright.errors import GraphError

from opwright_tf1.dimensions import dimension


class GraphKeys:
    """Names of the standard collections."""

    GLOBAL_VARIABLES = VARIABLES = "variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    LOCAL_VARIABLES = "local_variables"
    MODEL_VARIABLES = "model_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    SUMMARIES = "summaries"
    LOSSES = "losses"
    REGULARIZATION_LOSSES = "regularization_losses"
    UPDATE_OPS = "update_ops"
    TRAIN_OP = "train_op"
    GLOBAL_STEP = "global_step"
    QUEUE_RUNNERS = "queue_runners"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    ACTIVATIONS = "activations"
    WEIGHTS = "weights"
    BIASES = "biases"


def get_default_graph() -> ow.Graph:
    """The current graph."""
    found = scopes.current_graph()
    if found is None:
        raise GraphError("there is no default graph; build inside `with tf.Graph().as_default():`")
    return found


def reset_default_graph() -> None:
    """Makes a new, empty default graph. Raises GraphError inside `with graph.as_default():`."""
    if scopes.open_graphs():
        raise GraphError("the default graph must not be reset inside `with graph.as_default():`; leave the block first")
    scopes.set_base_graph(ow.Graph())


@contextmanager
def name_scope(name: str | None = None, default_name: str | None = None, values: Any = None) -> Iterator[str]:
    """Prefixes the names of nodes built inside; yields the scope's name with a slash."""
    with get_default_graph().name_scope(name if name is not None else default_name) as scope:
        yield scope


def op_scope(values: Any, name: str | None, default_name: str | None = None) -> AbstractContextManager[str]:
    """`name_scope` with the arguments in the order they once had."""
    return name_scope(name, default_name, values)


def device(device_name_or_function: Any) -> AbstractContextManager[Any]:
    """Places the nodes built inside: "/gpu:0", "/cpu:0"."""
    return get_default_graph().device(device_name_or_function)


def control_dependencies(control_inputs: Any) -> AbstractContextManager[Any]:
    """Nodes built inside run after the given operations or tensors."""
    return get_default_graph().control_dependencies(control_inputs)


def colocate_with(op: Any, ignore_existing: bool = False) -> AbstractContextManager[Any]:
    """Places the nodes built inside where `op` is."""
    return get_default_graph().device(op.device or None)


def add_to_collection(name: Any, value: Any) -> None:
    """Adds a value to a collection of the current graph."""
    get_default_graph().add_to_collection(name, value)


def get_collection(key: Any, scope: str | None = None) -> list[Any]:
    """A copy of a collection of the current graph; with `scope`, of what is named so from the start."""
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key: Any) -> list[Any]:
    """A collection of the current graph itself."""
    return get_default_graph().get_collection_ref(key)


def convert_to_tensor(value: Any, dtype: Any = None, name: str | None = None, preferred_dtype: Any = None) -> Any:
    """The value as a tensor of the current graph."""
    return ow.convert_to_tensor(value, dtype, name)


_DTYPES = {d.name: d for d in dtypes.ALL} | {"half": dtypes.float16, "double": dtypes.float64}

API: dict[str, Any] = {
    **_DTYPES,
    **{f"{name}_ref": dtype for name, dtype in _DTYPES.items()},
    "DType": ow.DType,
    "Graph": ow.Graph,
    "GraphKeys": GraphKeys,
    "IndexedSlices": ow.IndexedSlices,
    "Operation": ow.Operation,
    "Tensor": ow.Tensor,
    "Dimension": dimension,
    "TensorShape": ow.Shape,
    "add_to_collection": add_to_collection,
    "as_dtype": ow.as_dtype,
    "colocate_with": colocate_with,
    "control_dependencies": control_dependencies,
    "convert_to_tensor": convert_to_tensor,
    "device": device,
    "get_collection": get_collection,
    "get_collection_ref": get_collection_ref,
    "get_default_graph": get_default_graph,
    "gradients": ow.gradients,
    "name_scope": name_scope,
    "op_scope": op_scope,
    "python.framework.ops.get_default_graph": get_default_graph,
    "python.framework.ops.reset_default_graph": reset_default_graph,
    "reset_default_graph": reset_default_graph,
}

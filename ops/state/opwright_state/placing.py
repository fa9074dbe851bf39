"""device: where the operations built in a block run, and the variables made in it live."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from opwright import export, scopes
from opwright.errors import GraphError


@export("device")
def device(device_name: Any) -> AbstractContextManager[Any]:
    """Places what is built inside the block: on "/cpu:0", "/gpu:0" (also "cuda:0"), ...; None: nowhere in particular.

    Raises GraphError for another device than the CPU where no graph is current: eager ops run on the CPU.
    """
    graph = scopes.current_graph()
    if graph is not None:
        return graph.device(device_name)
    wanted = scopes.merge_device("", device_name)
    if wanted and not wanted.startswith("cpu"):
        raise GraphError(f"[device] eager ops run on the CPU, got {device_name!r}; build a graph")
    return nullcontext()

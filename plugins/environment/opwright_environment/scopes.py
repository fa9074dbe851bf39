"""name_scope, device, control_dependencies, is_tensor: what surrounds the ops of a program."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from opwright import EagerTensor, Tensor, export
from opwright.scopes import current_graph


@export("name_scope")
def name_scope(name: str) -> AbstractContextManager[str]:
    """A block whose nodes have names that begin with `name`; eager ops have no names."""
    graph = current_graph()
    return nullcontext(f"{name}/") if graph is None else graph.name_scope(name)


@export("device")
def device(device_name: Any) -> AbstractContextManager[Any]:
    """A block whose nodes run on a device: "/cpu:0", "/gpu:0". Eager ops run on the CPU all the same."""
    graph = current_graph()
    return nullcontext(device_name) if graph is None else graph.device(device_name)


@export("control_dependencies")
def control_dependencies(control_inputs: Any) -> AbstractContextManager[Any]:
    """A block whose nodes run after others; eager ops run in the order of the program anyway."""
    graph = current_graph()
    return nullcontext(control_inputs) if graph is None else graph.control_dependencies(control_inputs)


@export("executing_eagerly")
def executing_eagerly() -> bool:
    """Whether ops run at once: no graph is current."""
    return current_graph() is None


@export("is_tensor")
def is_tensor(x: Any) -> bool:
    """Whether x is a tensor or a variable."""
    return isinstance(x, (EagerTensor, Tensor)) or hasattr(x, "__opwright_tensor__")

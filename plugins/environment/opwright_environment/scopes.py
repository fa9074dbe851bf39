"""name_scope, device, control_dependencies, is_tensor: what surrounds the ops of a program."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from opwright import EagerTensor, Tensor, export
from opwright.devices import device as find_device
from opwright.errors import InvalidArgumentError
from opwright.scopes import current_graph, merge_device

from opwright_environment.config import soft_placement

_log = logging.getLogger("opwright")
_warned: set[str] = set()


@export("name_scope")
def name_scope(name: str) -> AbstractContextManager[str]:
    """A block whose nodes have names that begin with `name`; eager ops have no names."""
    graph = current_graph()
    return nullcontext(f"{name}/") if graph is None else graph.name_scope(name)


@export("device")
def device(device_name: Any) -> AbstractContextManager[Any]:
    """A block whose nodes run on a device: "/cpu:0", "/gpu:0".

    Eager ops run on the CPU. So an eager block for another device warns once that they do; if there is no such device,
    it raises InvalidArgumentError, unless config.set_soft_device_placement(True) allows the CPU in its place.
    """
    graph = current_graph()
    if graph is not None:
        return graph.device(device_name)
    wanted = merge_device("", device_name)
    if wanted and wanted != "cpu:0" and not soft_placement[0]:
        _check(wanted, device_name)
    return nullcontext(device_name)


def _check(wanted: str, name: Any) -> None:
    try:
        find_device(wanted)
    except InvalidArgumentError as e:
        raise InvalidArgumentError(
            f"[device] the device must be there, got {str(name)!r}: {e}; config.set_soft_device_placement(True) runs "
            "such blocks on the CPU"
        ) from None
    if wanted not in _warned:
        _warned.add(wanted)
        _log.warning(
            "eager ops run on the CPU, also inside `with device(%r)`; put the block into a function or a graph",
            str(name),
        )


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

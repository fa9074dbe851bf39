"""Devices: where memory lies and kernels run. The CPU is here; others come from plugins."""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

from opwright.errors import InvalidArgumentError
from opwright.runtime import NULL, Arena


class Device(Protocol):
    """What the planner needs of a device. `name` is "cuda:0"; its part before the colon is the kind kernels name."""

    name: str

    def why_unavailable(self) -> str | None:
        """None if the device can be used now; else the reason, and the way out."""

    def arena(self) -> Any:
        """An object whose commit(nbytes) returns the address of that much memory, which never moves."""

    def allocate(self, nbytes: int) -> Any:
        """Memory on the device: an object with `address`, alive as long as it is held."""

    def upload(self, array: Any) -> Any:
        """A copy of a dense NumPy array in the device's memory, like allocate's."""

    def fuses(self, scalar: str) -> bool:
        """Whether the device can make kernels out of kernel.h's `scalar` expressions."""

    def compile(self, cluster: Any, descriptors: Any) -> Any:
        """A Prepared kernel for a cluster of elementwise nodes (plan/fuse.py), each of which has such an expression."""

    def copy_kernel(self, node: Any) -> Any:
        """A Prepared kernel for a node that copies its input to its output, which is dense: from this device to the
        host, the other way, from another device of its kind, or within it. There the input may have any strides, else
        it is dense."""

    @property
    def stream(self) -> Any:
        """What kernels get as ow_call.stream."""


class Cpu:
    """The host's processors and memory."""

    name = "cpu:0"
    stream = NULL

    def why_unavailable(self) -> str | None:
        return None

    def arena(self) -> Any:
        return Arena()


@cache
def devices() -> dict[str, Any]:
    """Every registered device by name, available or not."""
    from opwright.plugins import hooks

    found: dict[str, Any] = {"cpu:0": Cpu()}

    def register(*added: Any) -> None:
        for one in added:
            found.setdefault(one.name, one)

    hooks().opwright_register_devices(register=register)
    return found


def device(name: str) -> Any:
    """The device of a name ("cpu", "cuda:0"), usable. Raises InvalidArgumentError if it is not."""
    full = name if ":" in name else f"{name or 'cpu'}:0"
    found = devices().get(full)
    if found is None:
        raise InvalidArgumentError(f"there is no device {full!r}; there are {', '.join(devices())}")
    reason = found.why_unavailable()
    if reason:
        raise InvalidArgumentError(f"device {full!r} cannot be used: {reason}")
    return found

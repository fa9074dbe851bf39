"""config.*: which devices there are, and how many threads work."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from opwright import export
from opwright.devices import devices
from opwright.errors import ArgumentError
from opwright.runtime import set_workers, workers

_KINDS = {"cuda": "GPU"}
soft_placement = [False]
_log = logging.getLogger("opwright")


@dataclass(frozen=True)
class PhysicalDevice:
    """A device: its name ("/physical_device:GPU:0") and kind ("CPU", "GPU")."""

    name: str
    device_type: str


def _found(device_type: str | None, word: str) -> list[PhysicalDevice]:
    count: dict[str, int] = {}
    listed = []
    for name in _names():
        kind = _KINDS.get(name.partition(":")[0], name.partition(":")[0].upper())
        number = count.setdefault(kind, 0)
        count[kind] += 1
        listed.append(PhysicalDevice(f"/{word}:{kind}:{number}", kind))
    return [d for d in listed if device_type is None or d.device_type == device_type.upper()]


def _names() -> list[str]:
    """The devices that can be used now, the CPU first."""
    return [name for name, device in devices().items() if device.why_unavailable() is None]


@export("config.list_physical_devices", "config.experimental.list_physical_devices")
def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices of a kind ("CPU", "GPU") that can be used, or all."""
    return _found(device_type, "physical_device")


@export("config.list_logical_devices", "config.experimental.list_logical_devices")
def list_logical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The same: a device is not divided."""
    return _found(device_type, "device")


@export("config.get_visible_devices", "config.experimental.get_visible_devices")
def get_visible_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices that programs see: all of them."""
    return list_physical_devices(device_type)


@export("config.set_visible_devices", "config.experimental.set_visible_devices")
def set_visible_devices(devices: Any, device_type: str | None = None) -> None:
    """Accepts devices that are there; to see fewer, set CUDA_VISIBLE_DEVICES. Raises ArgumentError for others."""
    known = list_physical_devices(device_type)
    for device in devices if isinstance(devices, (list, tuple)) else [devices] if devices else []:
        if device not in known:
            raise ArgumentError(f"[set_visible_devices] devices must be among {known}, got {device}")


@export("config.experimental.set_memory_growth")
def set_memory_growth(device: Any, enable: bool) -> None:
    """Memory is taken as it is needed, whatever is asked for here."""


@export("config.experimental.get_memory_growth")
def get_memory_growth(device: Any) -> bool:
    """True: memory is taken as it is needed."""
    return True


@export("config.threading.get_intra_op_parallelism_threads")
def get_intra_op_parallelism_threads() -> int:
    """How many threads share a step's work."""
    return workers()


@export("config.threading.set_intra_op_parallelism_threads")
def set_intra_op_parallelism_threads(num_threads: int) -> None:
    """Sets how many threads share a step's work; 0 leaves it as it is."""
    if num_threads:
        set_workers(num_threads)


@export("config.set_soft_device_placement")
def set_soft_device_placement(enabled: bool) -> None:
    """Whether an eager block for a device that is not there runs on the CPU instead of raising."""
    soft_placement[0] = bool(enabled)


@export("config.get_soft_device_placement")
def get_soft_device_placement() -> bool:
    """Whether an eager block for a device that is not there runs on the CPU."""
    return soft_placement[0]


@export("test.is_gpu_available")
def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: Any = None) -> bool:
    """Whether there is a GPU that can be used."""
    return bool(list_physical_devices("GPU"))


@export("test.is_built_with_cuda")
def is_built_with_cuda() -> bool:
    """Whether a GPU's device is installed; it may still lack its hardware."""
    return any(not name.startswith("cpu") for name in devices())


@export("debugging.set_log_device_placement")
def set_log_device_placement(enabled: bool) -> None:
    """Says in the log that `opwright explain` shows where ops run and why; single placements are not logged."""
    if enabled:
        _log.warning("placements are not logged one by one; `opwright explain OP` shows the kernels of an op")

"""NVIDIA GPUs: devices "cuda:0", "cuda:1", ..., which TensorFlow's programs call "/gpu:0", "/gpu:1", ..."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opwright import hookimpl

from opwright_cuda.device import CudaDevice
from opwright_cuda.doctor import report_on


def _count() -> int:
    """How many GPUs the system has device files for; at least 1, so that "cuda:0" can say what is missing."""
    return max(1, len(list(Path("/dev").glob("nvidia[0-9]*"))))


@hookimpl
def opwright_register_devices(register: Any) -> None:
    register(*(CudaDevice(number) for number in range(_count())))


@hookimpl
def opwright_doctor(report: Any) -> None:
    report_on(report)

"""What `opwright doctor` says about GPUs besides whether they can be used."""

from __future__ import annotations

import importlib
from typing import Any

from opwright.devices import devices
from opwright.registry import registry
from opwright.runtime import SUFFIX, package_files

from opwright_cuda.device import CudaDevice


def report_on(report: Any) -> None:
    """The GPUs that can be used, and the families whose CUDA kernels are there."""
    for found in devices().values():
        if isinstance(found, CudaDevice) and found.why_unavailable() is None:
            version, capability = found.gpu.version, found.gpu.capability
            driver = f"a driver for CUDA {version // 1000}.{version % 1000 // 10}"
            report("cuda", True, f"{found.name}: {found.gpu.name}, capability {capability / 10}, {driver}")
    registry.load_all()
    built = sorted(p.name for p in registry.packages() if not p.error and _has_kernels(p.module))
    if built:
        report("cuda", True, f"CUDA kernels in {', '.join(built)}")
    else:
        lost = "on GPUs only elementwise ops run"
        report("cuda", "note", f"built without nvcc: {lost}; install CUDA's nvcc, then opwright from source")


def _has_kernels(module: str) -> bool:
    folders = getattr(importlib.import_module(module), "__path__", ())
    return bool(package_files(folders, f"lib*_cuda{SUFFIX}"))

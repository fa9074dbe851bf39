"""Kernels on oneDNN: float32 convolutions, and matmul where that is faster than the portable kernel."""

from __future__ import annotations

import ctypes
import importlib.metadata
import platform
import sys
from pathlib import Path
from typing import Any

from opwright import hookimpl
from opwright.errors import LibraryError
from opwright.kernels import KernelPack
from opwright.runtime import package_files

OPS = ("conv", "conv_backprop_filter", "conv_backprop_input", "matmul")
LOST = "matmul and convolutions run on the portable kernels"

_held: list[Any] = []  # the library, once it is open


def library_file() -> Path:
    """Where onednn-cpu-gomp has put libdnnl.so.3. Raises LibraryError if it is not installed."""
    try:
        files = importlib.metadata.distribution("onednn-cpu-gomp").files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    found = [Path(str(f.locate())).resolve() for f in files if f.name == "libdnnl.so.3"]
    there = [path for path in found if path.exists()]
    if not there:
        raise LibraryError(f"[onednn] libdnnl.so.3 is missing, so {LOST}; pip install onednn-cpu-gomp")
    return there[0]


def prepare() -> None:
    """Opens oneDNN, so that the kernel library finds it. Raises LibraryError where that cannot be."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        raise LibraryError(f"[onednn] the kernels are for Linux on x86-64, got {sys.platform}; {LOST}")
    if not package_files(__path__, "libonednn_cpu*.so"):
        raise LibraryError(
            f"[onednn] opwright was built without oneDNN, so {LOST}; pip install onednn-devel-cpu-gomp, then reinstall "
            "opwright from source"
        )
    if not _held:
        # RTLD_LOCAL: a library that brings another oneDNN (PyTorch) must not bind to this one. Ours names its soname.
        try:
            _held.append(ctypes.CDLL(str(library_file()), mode=ctypes.RTLD_LOCAL))
        except OSError as e:
            raise LibraryError(f"[onednn] libdnnl.so.3 could not be opened ({e}), so {LOST}") from None


@hookimpl
def opwright_register_kernels(register: Any) -> None:
    register(
        KernelPack(
            "onednn",
            ops=OPS,
            package="opwright_onednn",
            prepare=prepare,
        )
    )


@hookimpl
def opwright_doctor(report: Any) -> None:
    try:
        prepare()
    except LibraryError as e:
        report("onednn", False, str(e))
    else:
        report("onednn", True, str(library_file()))

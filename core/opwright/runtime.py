"""libopwright through cffi: the one place where Python meets the C++ runtime."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

import opwright
from opwright._abi import ffi
from opwright.errors import LibraryError, ResourceExhaustedError

SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")

_opened: list[Any] = []  # where the flag is not known


def package_files(paths: Any, pattern: str) -> list[Path]:
    """Files of a package that match, looked for in each folder of its __path__ (an editable install has two)."""
    return [file for folder in paths for file in sorted(Path(folder).glob(pattern))]


def open_forever(path: Any) -> Any:
    """A library through cffi. Its code stays: threads may be in it, and states be freed by it, while Python ends."""
    _opened.append(ffi.dlopen(str(path), ffi.RTLD_NOW | ffi.RTLD_LOCAL | getattr(ffi, "RTLD_NODELETE", 0)))
    return _opened[-1]


def _open_runtime() -> Any:
    found = package_files(opwright.__path__, f"libopwright{SUFFIX}")
    if not found:
        raise LibraryError(f"libopwright{SUFFIX} is missing from {list(opwright.__path__)}; reinstall opwright")
    return open_forever(found[0])


lib: Any = _open_runtime()
host: Any = lib.owr_host()
run_plan: Any = lib.owr_run  # bound once: looking a function up costs 75 ns
NULL: Any = ffi.NULL


def cpu_quota() -> int:
    """How many processors this process may use: its affinity mask and its cgroup's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
        if quota != "max":
            count = min(count, max(1, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        pass
    return count


def workers() -> int:
    """How many threads share a step's parallel stages, the caller included."""
    return int(lib.owr_workers())


def set_workers(n: int) -> None:
    """Sets how many threads share a step's parallel stages. Plans already built use at most the number they know."""
    if n < 1:
        raise ValueError(f"the number of workers must be positive, got {n}")
    lib.owr_set_workers(n)


set_workers(int(os.environ.get("OPWRIGHT_WORKERS", 0)) or cpu_quota())


def aligned(nbytes: int) -> np.ndarray[Any, Any]:
    """Fresh zeroed bytes that start on 64."""
    raw = np.zeros(nbytes + 64, np.uint8)
    start = -address(raw) % 64
    return raw[start : start + nbytes]


def address(array: np.ndarray[Any, Any]) -> int:
    """Where a contiguous array's elements are."""
    return int(ffi.cast("uintptr_t", ffi.from_buffer(array)))


class Arena:
    """Memory for the intermediate values of plans that never run at the same time. It grows but never moves."""

    RESERVED = (1 << 38, 1 << 35, 1 << 32)  # address space asked for; less where the system grants no more
    STEP = 1 << 21

    def __init__(self) -> None:
        self.size = 0
        self._lock = threading.Lock()
        tried = ((size, lib.owr_arena_reserve(size)) for size in self.RESERVED)
        self.reserved, self.base = next((t for t in tried if t[1] != NULL), (0, NULL))
        if self.base == NULL:
            raise ResourceExhaustedError("no address space for an arena is to be had; raise the process's limit")
        self._owner = ffi.gc(self.base, lambda base, size=self.reserved: lib.owr_arena_release(base, size))

    def commit(self, nbytes: int) -> int:
        """Makes sure that nbytes can be used, and returns the address of the first."""
        with self._lock:
            wanted = -(-nbytes // self.STEP) * self.STEP
            if wanted > self.size:
                if wanted > self.reserved or lib.owr_arena_commit(self.base, self.size, wanted):
                    raise ResourceExhaustedError(f"the step needs {nbytes / 2**20:.0f} MiB at once, more than there is")
                self.size = wanted
        return int(ffi.cast("uintptr_t", self.base))


class Lane:
    """What one run at a time uses: arenas, and the executables laid out in them."""

    def __init__(self) -> None:
        self.arena = Arena()
        self.arenas: dict[str, Any] = {}  # of other devices
        self.executables: dict[Any, Any] = {}
        self.latest: dict[Any, Any] = {}  # of each step the executable that ran last, if shapes alone decide on it


class Lanes:
    """Lanes of a session: as many as there have been runs at one time. A run takes one from `free`, a new one if there
    is none, and puts it back on the same list."""

    def __init__(self) -> None:
        self.free: list[Lane] = []

    def clear(self) -> None:
        """Makes lanes and their executables go: the free ones now, the others when their run ends."""
        self.free = []

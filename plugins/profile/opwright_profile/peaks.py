"""The machine's peaks, measured once a process: float32 operations and bytes copied, a second and core."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import numpy as np
from opwright.runtime import lib, workers

_BUDGET = 0.05  # seconds of multiply-adds
_COPIES = 8
_BLOCK = 1 << 26  # bytes: past any cache


@dataclass(frozen=True)
class Peaks:
    """Rates of all workers together: float32 operations a second, and bytes read or written a second."""

    flops: float
    bandwidth: float


@cache
def peaks() -> Peaks:
    """Multiply-adds in registers times the workers; copies of 64 MiB by one core, which already fill the bus."""
    return Peaks(lib.owr_peak_flops(_BUDGET) * workers(), _copy_bandwidth())


def _copy_bandwidth() -> float:
    """Bytes a second that a copy reads and writes, one core; the best of some."""
    source, target = np.ones(_BLOCK, np.uint8), np.ones(_BLOCK, np.uint8)
    best = 0.0
    for _ in range(_COPIES):
        start = time.perf_counter()
        np.copyto(target, source)
        best = max(best, 2 * _BLOCK / (time.perf_counter() - start))
    return best

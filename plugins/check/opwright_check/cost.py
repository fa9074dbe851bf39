"""What a call costs: time and throughput, as a share of the bandwidth of a copy measured beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from opwright.errors import OpwrightError

from opwright_check.outcome import Outcome, check, ok, skip
from opwright_check.subject import Subject

COPIED = 1 << 23  # bytes of the copy that bandwidth is measured with
SECONDS = 0.05  # of measuring


@dataclass(frozen=True)
class Cost:
    """The median time of a call, the bytes it must read and write, and the bandwidth of a copy."""

    call: str
    seconds: float
    nbytes: int
    bandwidth: float

    @property
    def share(self) -> float:
        return self.nbytes / self.seconds / self.bandwidth

    def __str__(self) -> str:
        rate = self.nbytes / self.seconds / 1e9
        return f"{1e9 * self.seconds:,.0f} ns a call, {rate:.2f} GB/s, {100 * self.share:.0f} % of a copy"


@check("cost", "dtype")
def cost(subject: Subject) -> Outcome:
    """What a call costs through a session: nothing that fails."""
    try:
        return ok(str(measured(subject, SECONDS)))
    except OpwrightError as e:
        return skip(f"it does not run twice on the same variables: {e}")


def measured(subject: Subject, seconds: float) -> Cost:
    """The cost of a call on fed arrays, through a plan as a session runs it."""
    run = subject.callable()
    nbytes = sum(a.nbytes for a in (*subject.arrays, *subject.outputs))
    return Cost(repr(subject), median_time(run, seconds), nbytes, copy_bandwidth())


@cache
def copy_bandwidth() -> float:
    """Bytes read and written a second by a copy of 8 MiB."""
    source, target = np.ones(COPIED, np.uint8), np.empty(COPIED, np.uint8)
    return 2 * COPIED / median_time(lambda: np.copyto(target, source), SECONDS)


def median_time(function: Callable[[], Any], seconds: float) -> float:
    """The median time of a call, of batches that fill about `seconds`."""
    function()
    started = time.perf_counter()
    function()
    once = max(time.perf_counter() - started, 1e-7)
    batch = max(1, int(seconds / once / 10))
    times = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(batch):
            function()
        times.append((time.perf_counter() - started) / batch)
    return sorted(times)[len(times) // 2]

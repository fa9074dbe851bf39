"""What a call costs: as a multiple of what changing the signs of as many bytes costs at the same moment, so that the
number says something on another machine, and of the machine's peaks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from opwright.errors import OpwrightError
from opwright.opdef import OpDef
from opwright.registry import registry
from opwright.runtime import Lane
from opwright_profile.peaks import peaks

from opwright_check.drawing import Draw, stored
from opwright_check.outcome import Outcome, check, ok, skip
from opwright_check.registration import nothing_drawn
from opwright_check.subject import Subject, as_dtype

SECONDS = 0.05  # of measuring
ROUNDS = 7
SLOWER = 1.2  # times the cost that was written: worth a word


@dataclass(frozen=True)
class Cost:
    """A call, its time in seconds, the bytes it must read and write, its arithmetic, and its time as a multiple of the
    yardstick's."""

    call: str
    elements: int
    seconds: float
    nbytes: int
    flops: float
    multiple: float

    @property
    def share(self) -> float:
        """Of the bandwidth of a copy."""
        return self.nbytes / self.seconds / peaks().bandwidth

    def __str__(self) -> str:
        each = 1e9 * self.seconds / max(1, self.elements)
        text = f"{self.multiple:.2f} times `negative` of as many bytes: {each:.2f} ns an element, "
        text += f"{self.nbytes / self.seconds / 1e9:.2f} GB/s ({self.share:.0%} of a copy)"
        if self.flops:
            rate = self.flops / self.seconds
            text += f", {rate / 1e9:.2f} GF/s ({rate / peaks().flops:.0%} of the peak)"
        return text


@check("cost", "op")
def cost(op: OpDef, draw: Draw) -> Outcome:
    """What a call costs through a session, beside a simple op of as many bytes: nothing that fails."""
    if not draw.subjects:
        return skip(nothing_drawn(draw))
    alike = [s for s in draw.subjects if s.dtypes == draw.subjects[0].dtypes]
    try:
        found = measured(max(alike, key=lambda s: s.size), SECONDS)
    except OpwrightError as e:
        return skip(f"it does not run twice on the same variables: {e}")
    return ok(str(found), {"call": found.call, "multiple": round(found.multiple, 3)})


def measured(subject: Subject, seconds: float) -> Cost:
    """The cost of a call on fed arrays, through a plan as a session runs it, in turns with the yardstick."""
    nbytes = sum(a.nbytes for a in (*subject.arrays, *subject.outputs))
    elements = max((a.size for a in (*subject.arrays, *subject.outputs)), default=0)
    functions = [subject.callable(), yardstick(nbytes)]
    batches = [max(1, int(seconds / ROUNDS / 2 / _once(f))) for f in functions]
    times = np.array([[_time(f, n) for f, n in zip(functions, batches, strict=True)] for _ in range(ROUNDS)])
    multiple = float(np.median(times[:, 0] / times[:, 1]))
    return Cost(repr(subject), elements, float(np.median(times[:, 0])), nbytes, flops_of(subject), multiple)


def yardstick(nbytes: int) -> Callable[[], Any]:
    """`negative` of float32 values that take, with its result, as many bytes."""
    dtype = as_dtype("float32")
    values = stored(np.ones(max(1, nbytes // 8)), dtype)
    return Subject(registry.op("negative"), [dtype], [[values]], {}).callable()


def flops_of(subject: Subject) -> float:
    """The operations that the kernels of the call's plan say they do."""
    step, _ = subject._step()
    values = [a.copy() for a in subject.arrays]
    nodes = step.executable(Lane(), values).emitted.nodes
    return float(sum(node.prepared.flops for node in nodes if node.prepared is not None))


def _once(function: Callable[[], Any]) -> float:
    function()
    return max(_time(function, 1), 1e-7)


def _time(function: Callable[[], Any], n: int) -> float:
    """The time of a call, of n in a row."""
    started = time.perf_counter()
    for _ in range(n):
        function()
    return (time.perf_counter() - started) / n

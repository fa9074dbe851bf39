"""Whether an op computes more than 2^31 bytes: offsets in 32 bits go wrong there. Only where asked for by name."""

from __future__ import annotations

import os

import numpy as np
from opwright.opdef import OpDef

from opwright_check.drawing import Draw
from opwright_check.outcome import Outcome, check, ok, require, skip
from opwright_check.registration import nothing_drawn
from opwright_check.subject import Array, Subject

BYTES = 2**31 + 2**16  # of the largest tensor
ROWS = 1 << 22  # bytes that are compared at a time


@check("large", "op", extra=True)
def large(op: OpDef, draw: Draw) -> Outcome:
    """Tensors of more than 2^31 bytes: a small call over and over gives the small result over and over."""
    leads = {(arg.dims or ("",))[0] for arg in (*op.schema.tensors, *op.schema.outputs)}
    if len(leads) != 1 or not next(iter(leads)).startswith(("*", "...")):
        return skip("its signature does not say that leading dimensions are examples")
    if op.random or any(arg.is_ref for arg in op.schema.tensors):
        return skip("it is random, or writes variables")
    filled = [s for s in draw.subjects if s.arrays and all(a.size for a in (*s.arrays, *s.outputs)) and _whole(s)]
    if not filled:
        return skip(nothing_drawn(draw))
    subject = min(filled, key=lambda s: max(a.itemsize for a in (*s.arrays, *s.outputs)))
    sizes = [a.nbytes for a in (*subject.arrays, *subject.outputs)]
    times = -(-BYTES // max(sizes))
    needed, there = 3 * times * sum(sizes), os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        return skip(f"it needs {needed / 1e9:.0f} GB of memory, there are {there / 1e9:.0f}")
    made = subject.with_arrays([np.tile(a, (times, *[1] * a.ndim)) for a in subject.arrays]).in_graph()
    for k, (got, want) in enumerate(zip(made, subject.outputs, strict=False)):
        wrong = _first_wrong(got, want)
        require(wrong < 0, f"{subject}: of {times} times that, output {k} differs from the {wrong}th on")
    return ok(f"{max(a.nbytes for a in made) / 1e9:.1f} GB")


def _whole(subject: Subject) -> bool:
    """Whether no input is broadcast: all can be repeated."""
    return len({a.ndim for a in subject.arrays}) == 1


def _first_wrong(got: Array, want: Array) -> int:
    """The first of the repetitions that is not bit by bit as wanted; -1 if there is none."""
    rows = got.reshape(len(got), -1)
    step = max(1, ROWS // want.nbytes)
    for i in range(0, len(rows), step):
        block = rows[i : i + step]
        same = (block.view(np.uint8) == np.ascontiguousarray(want).reshape(1, -1).view(np.uint8)).all(1)
        if not same.all():
            return i + int(np.argmin(same))
    return -1

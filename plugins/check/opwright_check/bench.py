"""Calls of an op at several sizes, timed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opwright.errors import ArgumentError
from opwright.registry import registry

from opwright_check.cost import measured
from opwright_check.registration import nothing_drawn
from opwright_check.suite import drawn


def benchmarks(name: str, seconds: float) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number of rows, and a row for each of the op's drawn calls, in the dtype it is drawn in first, by size.

    Raises ArgumentError where none can be drawn.
    """
    draw = drawn(registry.op(name))
    if not draw.subjects:
        raise ArgumentError(f"[{name}] {nothing_drawn(draw)}")
    first = draw.subjects[0].dtypes
    alike = sorted((s for s in draw.subjects if s.dtypes == first and s.size), key=lambda s: s.size)
    for subject in alike:
        cost = measured(subject, seconds)
        row = {
            "call": cost.call,
            "ns": 1e9 * cost.seconds,
            "gbs": cost.nbytes / cost.seconds / 1e9,
            "share": cost.share,
        }
        yield len(alike), row

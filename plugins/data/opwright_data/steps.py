"""Steps on elements that a thread reads ahead: what Session.run_steps does with an iterator of feeds."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

from opwright import export
from opwright.errors import OutOfRangeError

from opwright_data.threads import ahead

# Elements are handed over in lists of what was read in some time: one by one it takes longer than a small step.
CHUNK, SECONDS = 32, 1e-3
AHEAD = 2  # lists


@export("data.run_steps")
def run_steps(run: Callable[[Any], Any], n: int, feeds: Iterable[Any], collect: bool = False) -> Any:
    """`run(element)` for the first `n` elements of `feeds`: what the last call returns, or with `collect` each of them.

    A thread reads ahead, some milliseconds or elements, and nothing beyond the n-th. Raises what the iterator raises,
    after the steps before; OutOfRangeError if it ends early.
    """
    found: deque[Any] = deque(maxlen=None if collect else 1)
    left = n
    with closing(ahead(_in_lists(islice(feeds, n)), AHEAD)) as lists:
        for elements in lists:
            found.extend(map(run, elements))
            left -= len(elements)
    if left:
        raise OutOfRangeError(f"[run_steps] feeds must give n = {n} elements, got {n - left}")
    return list(found) if collect else found[0]


def _in_lists(source: Iterable[Any]) -> Iterator[list[Any]]:
    elements: list[Any] = []
    end = 0.0
    try:
        for element in source:
            elements.append(element)
            if len(elements) == CHUNK or time.perf_counter() > end:
                yield elements
                elements, end = [], time.perf_counter() + SECONDS
    except Exception:
        yield elements  # the steps before come first
        raise
    yield elements

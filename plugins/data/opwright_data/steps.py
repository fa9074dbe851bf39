"""Steps on elements that a thread reads ahead: what Session.run_steps does."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Any

from opwright import export
from opwright.errors import ArgumentError, OutOfRangeError

from opwright_data.threads import ahead

# Elements are handed over in lists of what was read in some time: one by one it takes longer than a small step.
CHUNK, SECONDS = 32, 1e-3
AHEAD = 2  # lists
Run = Callable[[Any], Any]


@export("data.run_steps")
def run_steps(run: Run, repeat: Run, n: int, feeds: Any, collect: bool = False) -> Any:
    """n steps on what `feeds` gives: what the last returns, or with `collect` a list of what each does.

    None or a dict is fed to every step: `repeat(feeds)` does all n. Of an iterator each of the first n elements goes to
    `run`; a thread reads ahead, some milliseconds or elements, and nothing beyond the n-th. Raises what the iterator
    raises, after the steps before; OutOfRangeError if it ends early.
    """
    if n < 1:
        raise ArgumentError(f"[run_steps] n must be at least 1, got {n}")
    if feeds is None or isinstance(feeds, Mapping):
        return [run(feeds) for _ in range(n)] if collect else repeat(feeds)
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

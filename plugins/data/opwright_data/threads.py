"""Reading ahead in threads. What goes wrong there is raised where the element is asked for."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_END = object()


def ahead(source: Iterator[Any], size: int) -> Iterator[Any]:
    """The elements of an iterator, up to `size` of them read before they are asked for."""
    if size < 1:
        yield from source
        return
    waiting: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(size)
    stopped = threading.Event()

    def offer(item: tuple[Any, BaseException | None]) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.05)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            for element in source:
                if not offer((element, None)):
                    return
            offer((_END, None))
        except BaseException as e:  # to be raised in the other thread
            offer((_END, e))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        while True:
            element, error = waiting.get()
            if error is not None:
                raise error
            if element is _END:
                return
            yield element
    finally:
        stopped.set()
        thread.join()


def in_order(function: Callable[[Any], Any], source: Iterator[Any], n: int) -> Iterator[Any]:
    """A function of each element, n of them computed at a time, in their order."""
    with ThreadPoolExecutor(n) as pool:
        pending: deque[Future[Any]] = deque()
        try:
            for element in source:
                pending.append(pool.submit(function, element))
                if len(pending) >= n:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

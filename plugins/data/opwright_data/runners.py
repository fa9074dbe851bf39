"""Coordinator, QueueRunner, start_queue_runners: threads that run steps to fill queues, and stop together."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

from opwright import export, scopes
from opwright.errors import CancelledError, GraphError, OutOfRangeError

from opwright_data.queues import Queue

_COLLECTION = "queue_runners"
_running: weakref.WeakSet[QueueRunner] = weakref.WeakSet()


@export("train.Coordinator")
class Coordinator:
    """Stops threads together: each asks should_stop, any may request_stop, with what it failed of; join waits for all,
    and raises that. Errors of `clean_stop_exception_types` (OutOfRangeError: the data is at its end) only stop."""

    def __init__(self, clean_stop_exception_types: Any = None) -> None:
        self._clean = tuple(clean_stop_exception_types or (OutOfRangeError,))
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._threads: set[threading.Thread] = set()
        self.joined = False

    def request_stop(self, ex: Any = None) -> None:
        """Lets should_stop be true from now on. `ex`: the exception, or sys.exc_info()."""
        error = ex[1] if isinstance(ex, tuple) else ex
        if isinstance(error, BaseException) and not isinstance(error, self._clean) and not self._stop.is_set():
            self._error = error
        self._stop.set()

    def clear_stop(self) -> None:
        """Forgets that a stop was requested, and why."""
        self._stop.clear()
        self._error, self.joined = None, False

    def should_stop(self) -> bool:
        return self._stop.is_set()

    def wait_for_stop(self, timeout: float | None = None) -> bool:
        """Waits until a stop is requested; False if that took longer than `timeout` seconds."""
        return self._stop.wait(timeout)

    @contextlib.contextmanager
    def stop_on_exception(self) -> Iterator[None]:
        """Requests a stop if the block raises, and keeps the exception for join."""
        try:
            yield
        except BaseException as e:
            self.request_stop(e)

    def register_thread(self, thread: threading.Thread) -> None:
        """Lets join wait for it."""
        self._threads.add(thread)

    def raise_requested_exception(self) -> None:
        if self._error is not None:
            raise self._error

    def join(
        self,
        threads: Sequence[threading.Thread] | None = None,
        stop_grace_period_secs: float = 120,
        ignore_live_threads: bool = False,
    ) -> None:
        """Waits for the threads, registered ones too, and raises what one of them stopped of. Raises RuntimeError if
        some still run `stop_grace_period_secs` after a stop was requested."""
        waiting = [*self._threads, *(threads or ())]
        while any(t.is_alive() for t in waiting) and not self._stop.wait(0.1):
            pass
        end = time.monotonic() + stop_grace_period_secs
        for thread in waiting:
            thread.join(max(0.0, end - time.monotonic()))
        self.joined = True
        self._threads.clear()
        self.raise_requested_exception()
        alive = [t.name for t in waiting if t.is_alive()]
        if alive and not ignore_live_threads:
            raise RuntimeError(f"[join] threads must stop within {stop_grace_period_secs} s, got {' '.join(alive)}")


@export("train.QueueRunner", "train.queue_runner.QueueRunner")
class QueueRunner:
    """Runs each of `enqueue_ops` again and again in a thread of its own, until the data is at its end (the queue is
    closed then, so that what is in it can still be used), the session is closed, or the coordinator says so."""

    def __init__(
        self,
        queue: Queue,
        enqueue_ops: Sequence[Any],
        close_op: Any = None,
        cancel_op: Any = None,
        queue_closed_exception_types: Any = None,
    ) -> None:
        self.queue = queue
        self.enqueue_ops = list(enqueue_ops)
        self.queue_closed_exception_types = tuple(queue_closed_exception_types or (OutOfRangeError,))
        self.exceptions_raised: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._session: Any = None
        self._left = 0
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self.queue.name

    def create_threads(
        self, sess: Any, coord: Coordinator | None = None, daemon: bool = True, start: bool = True
    ) -> list[threading.Thread]:
        """The threads, started; none if they run for this session already."""
        if self._session is sess and any(t.is_alive() for t in self._threads):
            return []
        self.queue.serve(sess)
        self._session, self._left, self.exceptions_raised = sess, len(self.enqueue_ops), []
        made = [
            threading.Thread(target=self._run, args=(sess, op, coord), name=f"{self.name}-{i}", daemon=daemon)
            for i, op in enumerate(self.enqueue_ops)
        ]
        self._threads = list(made)
        if coord is not None:
            closing = threading.Thread(target=self._close_on_stop, args=(coord, made), name=f"{self.name}-close")
            closing.daemon = daemon
            made.append(closing)
            for thread in made:
                coord.register_thread(thread)
        _running.add(self)
        if start:
            for thread in made:
                thread.start()
        return made

    def _run(self, session: Any, op: Any, coord: Coordinator | None) -> None:
        try:
            while not (coord is not None and coord.should_stop()):
                session.run(op)
        except (*self.queue_closed_exception_types, CancelledError):
            pass
        except Exception as e:
            if not session.closed:
                self.exceptions_raised.append(e)
                if coord is None:
                    raise
                coord.request_stop(e)
        finally:
            with self._lock:
                self._left -= 1
                if self._left == 0 and self._session is session:
                    self.queue.shut()

    def _close_on_stop(self, coord: Coordinator, others: list[threading.Thread]) -> None:
        """Wakes those that wait for room, or would wait for ever."""
        while not coord.wait_for_stop(0.1):
            if not any(t.is_alive() for t in others if t is not threading.current_thread()):
                return
        self.stop()

    def stop(self) -> None:
        """Closes the queue and lets the threads end."""
        self.queue.shut(cancel=True)

    def join(self, seconds: float) -> None:
        for thread in self._threads:
            if thread.is_alive():
                thread.join(seconds)


@atexit.register
def _stop_all() -> None:
    """A daemon thread that is in a step when Python ends would be torn out of it."""
    for runner in list(_running):
        runner.stop()
    for runner in list(_running):
        runner.join(5.0)


@export("train.add_queue_runner", "train.queue_runner.add_queue_runner")
def add_queue_runner(qr: QueueRunner, collection: str = _COLLECTION) -> None:
    """Lets start_queue_runners start it, with the others of the current graph."""
    graph = scopes.current_graph()
    if graph is None:
        raise GraphError("[add_queue_runner] a graph must be current, got None; queue runners run steps of a graph")
    graph.add_to_collection(collection, qr)


@export("train.start_queue_runners", "train.queue_runner.start_queue_runners")
def start_queue_runners(
    sess: Any = None,
    coord: Coordinator | None = None,
    daemon: bool = True,
    start: bool = True,
    collection: str = _COLLECTION,
) -> list[threading.Thread]:
    """Starts all queue runners of the session's graph; their threads. Raises GraphError without a session."""
    session = sess if sess is not None else scopes.current_session()
    if session is None:
        raise GraphError("[start_queue_runners] a session must be given or current, got None")
    runners = session.graph.get_collection(collection)
    return [thread for runner in runners for thread in runner.create_threads(session, coord, daemon, start)]

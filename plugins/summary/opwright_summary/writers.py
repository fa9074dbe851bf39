"""create_file_writer: event files, and which of them summaries go to."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opwright import export
from opwright.errors import ArgumentError, FailedPreconditionError
from opwright_io.records import framed

from opwright_summary.messages import event

_numbers = itertools.count()


class EventFile:
    """A file of events in a folder, made when the first event comes. Thread-safe."""

    def __init__(self, logdir: Any, suffix: str = "", max_queue: int = 10, flush_seconds: float = 120.0) -> None:
        self.folder = os.fsdecode(logdir)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self.path = os.path.join(self.folder, name + suffix)
        self._most = max_queue
        self._seconds = flush_seconds
        self._waiting: list[bytes] = []
        self._flushed = time.monotonic()
        self._lock = threading.Lock()
        self.closed = False

    def add(self, step: int = 0, **content: Any) -> None:
        """Adds an event (see messages.event). Raises FailedPreconditionError once the file is closed."""
        if self.closed:
            raise FailedPreconditionError(f"[summary] the writer must be open, got a closed one of {self.folder!r}")
        with self._lock:
            self._waiting.append(framed(event(time.time(), step, **content)))
            full = len(self._waiting) > self._most or time.monotonic() - self._flushed > self._seconds
        if full:
            self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        with self._lock:
            fresh = not os.path.exists(self.path)
            if fresh:
                os.makedirs(self.folder, exist_ok=True)
                self._waiting.insert(0, framed(event(time.time(), file_version="brain.Event:2")))
            with open(self.path, "ab") as file:
                file.writelines(self._waiting)
            self._waiting.clear()
            self._flushed = time.monotonic()

    def close(self) -> None:
        """Writes what waits; no more can be added."""
        if not self.closed:
            self.flush()
            self.closed = True


class Recording(threading.local):
    """Where a thread's summaries go, at which step, and whether."""

    def __init__(self) -> None:
        self.writer: SummaryWriter | None = None
        self.step: Any = None
        self.wanted: Any = True


recording = Recording()


@export("summary.SummaryWriter")
class SummaryWriter:
    """Writes summaries to an event file: made by create_file_writer."""

    def __init__(self, file: EventFile | None) -> None:
        self.file = file

    @contextmanager
    def as_default(self, step: Any = None) -> Iterator[SummaryWriter]:
        """A block whose summaries go here, at `step` if it is given."""
        before = recording.writer, recording.step
        recording.writer = self
        recording.step = before[1] if step is None else step
        try:
            yield self
        finally:
            recording.writer, recording.step = before
            self.flush()

    def set_as_default(self, step: Any = None) -> None:
        """Summaries of this thread go here from now on."""
        recording.writer = self
        recording.step = recording.step if step is None else step

    def init(self) -> None:
        """Nothing: the file is made when it is needed."""

    def flush(self) -> None:
        """Writes what waits."""
        if self.file is not None and not self.file.closed:
            self.file.flush()

    def close(self) -> None:
        """Writes what waits, and ends."""
        if self.file is not None:
            self.file.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


@export("summary.create_file_writer")
def create_file_writer(
    logdir: Any,
    max_queue: int | None = None,
    flush_millis: int | None = None,
    filename_suffix: str | None = None,
    name: str | None = None,
) -> SummaryWriter:
    """A writer of an event file of its own in the folder. Events are written when more than max_queue (10) wait, after
    flush_millis (120,000), and on flush and close."""
    if hasattr(logdir, "numpy"):
        logdir = logdir.numpy()
    if not isinstance(logdir, (str, bytes, os.PathLike)):
        raise ArgumentError(f"[summary.create_file_writer] logdir must be a path, got {logdir!r}")
    seconds = 120.0 if flush_millis is None else flush_millis / 1000
    suffix = ".v2" if filename_suffix is None else filename_suffix
    return SummaryWriter(EventFile(logdir, suffix, 10 if max_queue is None else max_queue, seconds))


@export("summary.create_noop_writer")
def create_noop_writer() -> SummaryWriter:
    """A writer that writes nothing."""
    return SummaryWriter(None)


@export("summary.flush")
def flush(writer: SummaryWriter | None = None, name: str | None = None) -> None:
    """Writes what waits in a writer, or in the one that summaries go to."""
    chosen = writer or recording.writer
    if chosen is not None:
        chosen.flush()


@export("summary.experimental.set_step")
def set_step(step: Any) -> None:
    """The step of summaries that give none."""
    recording.step = step


@export("summary.experimental.get_step")
def get_step() -> Any:
    """The step of summaries that give none; None if that is not set."""
    return recording.step


@export("summary.record_if")
@contextmanager
def record_if(condition: Any) -> Iterator[None]:
    """A block whose summaries are written only if the condition, a bool, a tensor or a function giving one, holds."""
    before, recording.wanted = recording.wanted, condition
    try:
        yield
    finally:
        recording.wanted = before


@export("summary.should_record_summaries")
def should_record_summaries() -> bool:
    """Whether summaries are written now."""
    wanted = recording.wanted() if callable(recording.wanted) else recording.wanted
    return recording.writer is not None and recording.writer.file is not None and bool(wanted)

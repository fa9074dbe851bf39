"""FixedLengthRecordReader, WholeFileReader, TextLineReader, TFRecordReader: records of files named by a queue."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opwright import export, ops
from opwright.errors import InvalidArgumentError

from opwright_data.queues import Queue


class _Reader:
    """Goes through the records of one file after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: Iterator[tuple[str, bytes]] = iter(())
        self._state: Any = None  # of the queue that the current file's name came from

    def read(self, queue: Queue, name: str | None = None) -> tuple[Any, Any]:
        """(key, value): which record it is, and its bytes, both strings. The end of the queue is an OutOfRangeError."""
        key, value = ops.py_func(lambda: self._next(queue), [], ["string", "string"], name=name or "reader_read")
        key.set_shape([])
        value.set_shape([])
        return key, value

    def _next(self, queue: Queue) -> list[Any]:
        with self._lock:
            if self._state is not queue.state:  # it serves another session now
                self._state, self._records = queue.state, iter(())
            while True:
                for key, value in self._records:
                    return [key.encode(), value]
                ((file,),) = queue.take(1, 1)
                self._records = self._of(Path(os.fsdecode(file.item())))

    def _of(self, file: Path) -> Iterator[tuple[str, bytes]]:
        raise NotImplementedError


@export("FixedLengthRecordReader")
class FixedLengthRecordReader(_Reader):
    """Records of `record_bytes`, between a header and a footer. Raises InvalidArgumentError for a file that does not
    hold whole ones."""

    def __init__(
        self,
        record_bytes: int,
        header_bytes: int | None = None,
        footer_bytes: int | None = None,
        hop_bytes: int | None = None,
        name: str | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__()
        self._length, self._header, self._footer = record_bytes, header_bytes or 0, footer_bytes or 0
        self._hop = hop_bytes or record_bytes

    def _of(self, file: Path) -> Iterator[tuple[str, bytes]]:
        size = file.stat().st_size - self._header - self._footer
        if size < 0 or (self._hop == self._length and size % self._length):
            text = f"{file} must hold whole records of {self._length} bytes between header and footer, got {size} bytes"
            raise InvalidArgumentError(f"[reader_read] {text}")
        with file.open("rb") as opened:
            for i, start in enumerate(range(0, size - self._length + 1, self._hop)):
                opened.seek(self._header + start)
                yield f"{file}:{i}", opened.read(self._length)


@export("WholeFileReader")
class WholeFileReader(_Reader):
    """A file is a record; its name is the key."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__()

    def _of(self, file: Path) -> Iterator[tuple[str, bytes]]:
        yield str(file), file.read_bytes()


@export("TextLineReader")
class TextLineReader(_Reader):
    """A line is a record, without its end; the key is the file's name and the number of the line, from 1 on."""

    def __init__(self, skip_header_lines: int | None = None, name: str | None = None) -> None:
        super().__init__()
        self._skipped = skip_header_lines or 0

    def _of(self, file: Path) -> Iterator[tuple[str, bytes]]:
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            if number > self._skipped:
                yield f"{file}:{number}", line


@export("TFRecordReader")
class TFRecordReader(_Reader):
    """Records of TFRecord files, as `io.tf_record_iterator` gives them; the key is the file's name and their number."""

    def __init__(self, name: str | None = None, options: Any = None) -> None:
        super().__init__()
        self._options = options

    def _of(self, file: Path) -> Iterator[tuple[str, bytes]]:
        for i, record in enumerate(ops.io.tf_record_iterator(str(file), self._options)):
            yield f"{file}:{i}", record

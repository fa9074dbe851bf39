"""TFRecord files: each record is its length (8 bytes), that's masked CRC-32C, the data, that's masked CRC-32C."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from opwright import export
from opwright.errors import ArgumentError, DataLossError, NotFoundError

from opwright_io.crc32c import masked


def framed(data: bytes) -> bytes:
    """A record as it stands in a file."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(length)) + data + struct.pack("<I", masked(data))


def _compression(options: Any) -> str:
    kind = getattr(options, "compression_type", options) or ""
    if kind not in ("", "GZIP", "ZLIB"):
        raise ArgumentError(f"[TFRecord] compression_type must be '', GZIP or ZLIB, got {kind!r}")
    return str(kind)


@export("io.TFRecordOptions")
class TFRecordOptions:
    """How records are compressed: "", "GZIP" or "ZLIB"."""

    def __init__(self, compression_type: str | None = None) -> None:
        self.compression_type = _compression(compression_type)


@export("io.TFRecordWriter", "python_io.TFRecordWriter")
class TFRecordWriter:
    """Writes records to a file, as a context manager or until `close`."""

    def __init__(self, path: Any, options: Any = None) -> None:
        kind = _compression(options)
        self._deflate = zlib.compressobj() if kind == "ZLIB" else None
        self._file: Any = gzip.open(path, "wb") if kind == "GZIP" else open(path, "wb")

    def write(self, record: Any) -> None:
        """Appends a record: bytes, or a tensor of one string."""
        data = record.numpy() if hasattr(record, "numpy") else record
        data = framed(data.encode() if isinstance(data, str) else data)
        self._file.write(self._deflate.compress(data) if self._deflate else data)

    def flush(self) -> None:
        """Hands what was written to the system."""
        self._file.flush()

    def close(self) -> None:
        """Ends the file."""
        if not self._file.closed:
            if self._deflate:
                self._file.write(self._deflate.flush())
            self._file.close()

    def __enter__(self) -> TFRecordWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


@export("io.tf_record_iterator", "python_io.tf_record_iterator")
def tf_record_iterator(path: Any, options: Any = None) -> Iterator[bytes]:
    """The records of a file. Raises DataLossError where one is cut off or its checksum is wrong."""
    name, kind = os.fsdecode(path), _compression(options)
    if not os.path.exists(name):
        raise NotFoundError(f"[TFRecord] path must be a file, got {name!r}")
    with gzip.open(name) if kind == "GZIP" else open(name, "rb") as file:
        if kind == "ZLIB":
            yield from _records(_Inflated(file), name)
        else:
            yield from _records(file, name)


class _Inflated:
    """Reads what zlib has deflated."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._inflate = zlib.decompressobj()
        self._left = b""

    def read(self, n: int) -> bytes:
        while len(self._left) < n:
            more = self._file.read(1 << 16)
            if not more:
                break
            self._left += self._inflate.decompress(more)
        found, self._left = self._left[:n], self._left[n:]
        return found


def _records(file: Any, name: str) -> Iterator[bytes]:
    number = 0
    while head := file.read(12):
        length = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
        if len(head) < 12 or struct.unpack("<I", head[8:])[0] != masked(head[:8]):
            raise DataLossError(f"[TFRecord] record {number} of {name!r} must begin with a length and its checksum")
        data, crc = file.read(length), file.read(4)
        if len(crc) < 4 or struct.unpack("<I", crc)[0] != masked(data):
            raise DataLossError(f"[TFRecord] record {number} of {name!r} must have the checksum it says; it is damaged")
        yield data
        number += 1

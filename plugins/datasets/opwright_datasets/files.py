"""Data files: the format of the MNIST files, and fetching with a cache, checksums and a progress bar."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path) -> np.ndarray[Any, Any]:
    """The array in an IDX file, gzipped or not (the format is described on the MNIST page). Raises ValueError if it is
    damaged."""
    path = Path(path)
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        data = file.read()
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_TYPES:
        raise ValueError(f"[read_idx] {path} must be an IDX file, got the first bytes {data[:4]!r}")
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    dtype = np.dtype(_IDX_TYPES[data[2]])
    found = len(data) - 4 - 4 * rank
    if found != dtype.itemsize * int(np.prod(shape)):
        raise ValueError(
            f"[read_idx] {path} must hold {shape} elements of {dtype.name}, got {found} bytes; fetch it again"
        )
    return np.frombuffer(data, dtype, offset=4 + 4 * rank).reshape(shape).astype(dtype.newbyteorder("="))


def cache_folder() -> Path:
    """Where fetched files are kept: $OPWRIGHT_DATA, else the user's cache folder."""
    chosen = os.environ.get("OPWRIGHT_DATA")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "opwright"


def fetch(url: str, sha256: str, folder: str | Path | None = None) -> Path:
    """The local copy of a file, downloaded if it is not there yet, with a progress bar, and checked.

    Raises ImportError without pooch, ValueError on a wrong checksum.
    """
    try:
        import pooch
    except ImportError:
        raise ImportError("downloading needs pooch; pip install 'opwright[datasets]'") from None
    target = Path(folder) if folder is not None else cache_folder()
    name = url.rpartition("/")[2]
    found = pooch.retrieve(url, f"sha256:{sha256}", fname=name, path=target, progressbar=Bar(name))
    return Path(found)


class Bar:
    """A rich progress bar in the form pooch asks for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._progress: Any = None
        self._task: Any = None
        self.total = 0

    def update(self, n: int) -> None:
        if self._progress is None:
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

            columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
            self._progress = Progress(*columns)
            self._progress.start()
            self._task = self._progress.add_task(self._name, total=self.total)
        self._progress.update(self._task, advance=n)

    def reset(self) -> None:
        if self._progress is not None:
            self._progress.reset(self._task, total=self.total)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()

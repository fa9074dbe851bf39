"""TextLineDataset, TFRecordDataset: strings from files."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from typing import Any

from opwright import export, ops
from opwright.errors import ArgumentError, NotFoundError

from opwright_data.dataset import Dataset


class _Files(Dataset):
    """The pieces of files, in order, as scalar strings."""

    def __init__(self, filenames: Any, pieces: Callable[[str], Iterator[bytes]]) -> None:
        names = names_of(filenames)
        super().__init__(lambda: (ops.constant(piece) for name in names for piece in pieces(name)))


@export("data.TextLineDataset")
class TextLineDataset(_Files):
    """The lines of text files, without what ends them. `compression_type` is "" or "GZIP". Raises NotFoundError, when
    it comes to it, where a file is missing."""

    def __init__(
        self,
        filenames: Any,
        compression_type: str | None = None,
        buffer_size: int | None = None,
        num_parallel_reads: int | None = None,
        name: str | None = None,
    ) -> None:
        if compression_type not in (None, "", "GZIP"):
            raise ArgumentError(f"[TextLineDataset] compression_type must be '' or 'GZIP', got {compression_type!r}")

        def lines(path: str) -> Iterator[bytes]:
            if not os.path.exists(path):
                raise NotFoundError(f"[TextLineDataset] filenames must be files, got {path!r}")
            with gzip.open(path) if compression_type else open(path, "rb") as file:
                for line in file:
                    yield line.removesuffix(b"\n").removesuffix(b"\r")

        super().__init__(filenames, lines)


@export("data.TFRecordDataset")
class TFRecordDataset(_Files):
    """The records of TFRecord files (see io.tf_record_iterator). `compression_type` is "", "GZIP" or "ZLIB"."""

    def __init__(
        self,
        filenames: Any,
        compression_type: str | None = None,
        buffer_size: int | None = None,
        num_parallel_reads: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(filenames, lambda path: ops.io.tf_record_iterator(path, compression_type))


def names_of(filenames: Any) -> list[str]:
    """A name, a list of names, or a tensor of them."""
    if hasattr(filenames, "numpy"):
        filenames = filenames.numpy()
        filenames = filenames.ravel().tolist() if hasattr(filenames, "ravel") else filenames
    single = isinstance(filenames, (str, bytes, os.PathLike))
    return [os.fsdecode(name) for name in ([filenames] if single else filenames)]

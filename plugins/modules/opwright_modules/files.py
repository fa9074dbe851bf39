"""Tensors by name in a file, in safetensors' format; bfloat16 by its bits, its names in the file's metadata."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from opwright import EagerTensor, as_dtype
from opwright.errors import InvalidArgumentError

SUFFIX = ".safetensors"
_DTYPES = "opwright.dtype:"  # in front of a tensor's name in the metadata, where NumPy has no such dtype


def write_tensors(file: Path, tensors: Mapping[str, EagerTensor]) -> None:
    """Writes tensors by name. The file is there as a whole or not at all."""
    from safetensors.numpy import save

    arrays = {name: np.asarray(tensor.storage, order="C") for name, tensor in tensors.items()}
    kept = {f"{_DTYPES}{n}": t.dtype.name for n, t in tensors.items() if t.dtype.name != t.storage.dtype.name}
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.write_bytes(save(arrays, kept or None))
    os.replace(unfinished, file)


def read_tensors(file: Path) -> dict[str, EagerTensor]:
    """The tensors of a file by name. Raises InvalidArgumentError if it is damaged or of another format."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "np") as opened:
            kept = opened.metadata() or {}
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}
        return {n: EagerTensor(a, as_dtype(kept.get(f"{_DTYPES}{n}", a.dtype.name))) for n, a in arrays.items()}
    except (SafetensorError, ValueError, KeyError, TypeError) as e:
        raise InvalidArgumentError(f"[read] {file} must be a file of the format safetensors, got: {e}") from None

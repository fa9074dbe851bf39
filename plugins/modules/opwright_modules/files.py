"""Tensors in a file of the format safetensors (https://github.com/huggingface/safetensors): the length of a header as 8
bytes, the header in JSON (dtype, shape and place of each tensor), their bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from opwright import EagerTensor, as_dtype
from opwright.errors import InvalidArgumentError

SUFFIX = ".safetensors"
_CODES = {"bool": "BOOL", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64"} | {
    f"{name}{bits}": f"{kind}{bits}" for name, kind in (("int", "I"), ("uint", "U")) for bits in (8, 16, 32, 64)
}
_NAMES = {code: name for name, code in _CODES.items()}


def write_tensors(file: Path, tensors: Mapping[str, EagerTensor]) -> None:
    """Writes tensors by name. The file is there as a whole or not at all."""
    header: dict[str, Any] = {}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + tensor.storage.nbytes
        shape = list(tensor.storage.shape)
        header[name] = {"dtype": _CODES[tensor.dtype.name], "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.part")
    with unfinished.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            out.write(np.ascontiguousarray(tensor.storage).tobytes())
    os.replace(unfinished, file)


def read_tensors(file: Path) -> dict[str, EagerTensor]:
    """The tensors of a file by name. Raises InvalidArgumentError if it is damaged or of another format."""
    data = file.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:start])
        return {
            name: _tensor(part, memoryview(data)[start:]) for name, part in header.items() if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise InvalidArgumentError(f"[read] {file} must be a file of the format safetensors, got: {e}") from None


def _tensor(part: dict[str, Any], data: memoryview) -> EagerTensor:
    dtype = as_dtype(_NAMES[part["dtype"]])
    begin, end = part["data_offsets"]
    return EagerTensor(np.frombuffer(data[begin:end], dtype.numpy).reshape(part["shape"]), dtype)

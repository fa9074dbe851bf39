"""read_file, write_file: whole files as strings."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any

import numpy as np
from opwright import OpDef, Shape, convert_to_tensor, export, ops
from opwright.errors import NotFoundError

read_file = OpDef(
    "read_file(filename: string['']) -> (contents: string[''])", stateful=True, gradient=None, export="io.read_file"
)
write_file = OpDef(
    "write_file(filename: string[''], contents: string['']) -> ()", stateful=True, gradient=None, export="io.write_file"
)


@read_file.shape
def _read_shape(c):
    return Shape([])


@read_file.kernel("cpu")
def _read(filename):
    path = Path(os.fsdecode(filename[()]))
    try:
        return np.array(path.read_bytes(), object)
    except FileNotFoundError:
        raise NotFoundError(f"[read_file] filename must be a file, got {str(path)!r}") from None


@write_file.kernel("cpu")
def _write(filename, contents):
    path = Path(os.fsdecode(filename[()]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents[()])
    return ()


@export("io.matching_files", "matching_files")
def matching_files(pattern: Any, name: str | None = None) -> Any:
    """The names of the files that a glob pattern, or one of several, matches, in order."""

    def found(patterns: Any) -> Any:
        names = {name for one in patterns.reshape(-1) for name in glob.glob(one)}
        return np.array(sorted(names), object)

    made = ops.py_func(found, [convert_to_tensor(pattern, "string")], "string", name=name)
    return ops.ensure_shape(made, [None])

"""The folder of a saved graph: written as a whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from opwright.errors import GraphError

from opwright_saving.writing import FORMAT

GRAPH, TENSORS = "graph.json", "tensors.safetensors"


def write(path: Path, described: dict[str, Any], tensors: dict[str, Any]) -> Path:
    """Puts both files into the folder `path`. Raises GraphError if something else is there."""
    from safetensors.numpy import save_file

    if path.exists() and not (path / GRAPH).is_file():
        raise GraphError(f"[save] path must be new, or a saved graph to be replaced, got {str(path)!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        made.chmod(0o777 & ~_umask())
        (made / GRAPH).write_text(json.dumps(described, indent=1), encoding="utf-8")
        save_file({name: np.asarray(array, order="C") for name, array in tensors.items()}, made / TENSORS)
        for file in (made / GRAPH, made / TENSORS, made):
            _flush(file)
        _replace(path, made)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return path


def _replace(path: Path, made: Path) -> None:
    """Renames; an older folder stands under `_aside`'s name for the moment in which the path is free."""
    if path.exists():
        shutil.rmtree(_aside(path), ignore_errors=True)
        path.rename(_aside(path))
    made.rename(path)
    _flush(path.parent)
    shutil.rmtree(_aside(path), ignore_errors=True)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.replaced")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush(path: Path) -> None:
    """Waits until the file or folder is on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What write put there. Raises GraphError if there is no saved graph, or one of a later format."""
    from safetensors.numpy import load_file

    if not path.exists() and _aside(path).exists():
        path = _aside(path)  # the process that replaced it ended between two renames
    try:
        described = json.loads((path / GRAPH).read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise GraphError(f"[load] path must be a folder that save wrote, got {str(path)!r}: {e}") from e
    if described.get("format") != FORMAT:
        raise GraphError(
            f"[load] the graph must have format {FORMAT}, got {described.get('format')!r}, written by opwright "
            f"{described.get('opwright')}; upgrade opwright"
        )
    return described, load_file(path / TENSORS)

"""tf.train.Saver: a session's variables by name, in files of the format of train.Checkpoint; and their folders."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opwright import convert_to_tensor, ops, scopes
from opwright.errors import ArgumentError, NotFoundError
from opwright_modules.files import SUFFIX, read_tensors, write_tensors

from opwright_tf1.surface.sessions import get_default_session

_STATE = "checkpoint"  # the file of a folder that names its checkpoints, the latest first


@dataclass
class CheckpointState:
    """What a folder's file `checkpoint` says: the latest one, and all that are kept."""

    model_checkpoint_path: str = ""
    all_model_checkpoint_paths: list[str] = field(default_factory=list)


def get_checkpoint_state(checkpoint_dir: Any, latest_filename: str | None = None) -> CheckpointState | None:
    """The state of a folder of checkpoints; None if it has none."""
    folder = Path(os.fsdecode(checkpoint_dir))
    try:
        lines = (folder / (latest_filename or _STATE)).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found: dict[str, list[str]] = {}
    for line in lines:
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), []).append(str(folder / value.strip().strip('"')))
    latest = found.get("model_checkpoint_path", [])
    return CheckpointState(latest[0], found.get("all_model_checkpoint_paths", latest)) if latest else None


def checkpoint_exists(checkpoint_prefix: Any) -> bool:
    """Whether there is a checkpoint of that name."""
    return Path(os.fsdecode(checkpoint_prefix) + SUFFIX).exists()


class Saver:
    """Writes variables of a session to files, and reads them back. `var_list` holds variables, or names them in a dict;
    by default all. The last max_to_keep files are kept (0 or None: all).
    """

    def __init__(
        self,
        var_list: Any = None,
        reshape: bool = False,
        sharded: bool = False,
        max_to_keep: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000.0,
        name: str | None = None,
        **_: Any,
    ) -> None:
        listed = ops.global_variables() if var_list is None else var_list
        named = listed.items() if isinstance(listed, dict) else [(v.op.name, v) for v in listed]
        self._variables = dict(named)
        if not self._variables:
            raise ArgumentError("[Saver] there must be variables to save, got none; make them before the Saver")
        self._most = max_to_keep or 0
        self.last_checkpoints: list[str] = []

    def save(
        self,
        sess: Any,
        save_path: Any,
        global_step: Any = None,
        latest_filename: str | None = None,
        meta_graph_suffix: str = "meta",
        write_meta_graph: bool = True,
        write_state: bool = True,
        **_: Any,
    ) -> str:
        """Writes the values to `<save_path>-<global_step>`; returns that name. The graph itself: `ow.save`."""
        path = os.fsdecode(save_path)
        if global_step is not None:
            step = sess.run(global_step) if hasattr(global_step, "graph") else global_step
            path = f"{path}-{int(step)}"
        values = sess.run(list(self._variables.values()))
        with scopes.entered(None):
            tensors = {
                name: convert_to_tensor(value, variable.dtype)
                for (name, variable), value in zip(self._variables.items(), values, strict=True)
            }
        write_tensors(Path(path + SUFFIX), tensors)
        self.last_checkpoints = [p for p in self.last_checkpoints if p != path] + [path]
        while self._most and len(self.last_checkpoints) > self._most:
            Path(self.last_checkpoints.pop(0) + SUFFIX).unlink(missing_ok=True)
        if write_state:
            self._write_state(Path(path).parent / (latest_filename or _STATE))
        return path

    def _write_state(self, file: Path) -> None:
        names = [Path(path).name for path in self.last_checkpoints]
        lines = [f'model_checkpoint_path: "{names[-1]}"', *[f'all_model_checkpoint_paths: "{n}"' for n in names]]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def restore(self, sess: Any, save_path: Any) -> None:
        """Sets the variables to a checkpoint's values. Raises NotFoundError where the file, or a variable in it, is
        missing; ShapeError where a value has another shape."""
        file = Path(os.fsdecode(save_path) + SUFFIX)
        if not file.exists():
            raise NotFoundError(f"[Saver] save_path must be what save returned, got {os.fsdecode(save_path)!r}")
        found = read_tensors(file)
        missing = sorted(self._variables.keys() - found.keys())
        if missing:
            raise NotFoundError(f"[Saver] {file} must hold the variables {', '.join(missing)}, which it does not")
        for name, variable in self._variables.items():
            variable.load(found[name].numpy(), sess or get_default_session())


API: dict[str, Any] = {
    "train.Saver": Saver,
    "train.checkpoint_exists": checkpoint_exists,
    "train.get_checkpoint_state": get_checkpoint_state,
}

"""Checkpoint: the values of variables in a file, by the path to each."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from opwright import export
from opwright.errors import ArgumentError, FailedPreconditionError, InvalidArgumentError

from opwright_modules.files import SUFFIX, read_tensors, write_tensors
from opwright_modules.module import Module, is_variable, walk

_STATE = "checkpoint"  # the file that names the latest checkpoint of a folder, as TensorFlow writes it


def _file(path: Any) -> Path:
    """The file of a checkpoint, named with or without its suffix. Raises FileNotFoundError if it is not there."""
    for file in (Path(path), Path(f"{os.fspath(path)}{SUFFIX}")):
        if file.is_file():
            return file
    raise FileNotFoundError(f"there is no checkpoint {os.fspath(path)!r}")


class Status:
    """What came of restoring: which values found their variable, and which variables their value."""

    def __init__(self, unused: list[str], missing: list[str]) -> None:
        self.unused = unused
        self.missing = missing

    def assert_consumed(self) -> Status:
        """Raises FailedPreconditionError if values are left over, or variables were left alone."""
        if self.unused:
            raise FailedPreconditionError(
                f"[restore] every value of the checkpoint must have its variable, got none for {', '.join(self.unused)}"
            )
        return self.assert_existing_objects_matched()

    def assert_existing_objects_matched(self) -> Status:
        """Raises FailedPreconditionError if a variable was left alone."""
        if self.missing:
            raise FailedPreconditionError(
                f"[restore] every variable must have its value, got none for {', '.join(self.missing)}"
            )
        return self

    def expect_partial(self) -> Status:
        """Says that it may be incomplete."""
        return self


@export("train.Checkpoint")
class Checkpoint:
    """Saves and restores the variables of modules, optimizers, metrics and variables, which are given by name.

    A value is found again by the path to its variable: names of keywords, attributes, keys, numbers in lists.
    """

    def __init__(self, root: Any = None, **objects: Any) -> None:
        for name, thing in objects.items():
            known = is_variable(thing) or hasattr(thing, "__opwright_state__")
            if not (known or isinstance(thing, (Module, dict, list, tuple))):
                raise ArgumentError(f"[Checkpoint] {name} must hold variables, got {thing!r}")
        self._objects = dict(objects) if root is None else {"root": root, **objects}
        self._count = 0
        self.__dict__.update(objects)

    def _variables(self) -> dict[str, Any]:
        return {path: thing for path, thing in walk(self._objects) if is_variable(thing)}

    def write(self, file_prefix: Any, options: Any = None) -> str:
        """Writes the file `<file_prefix>.safetensors`, and returns its name without the suffix."""
        tensors = {path: v.__opwright_tensor__() for path, v in self._variables().items()}
        write_tensors(Path(f"{os.fspath(file_prefix)}{SUFFIX}"), tensors)
        return os.fspath(file_prefix)

    def save(self, file_prefix: Any, options: Any = None) -> str:
        """Writes `<file_prefix>-<number>.safetensors`, numbers counting up, and notes it as the latest."""
        self._count += 1
        path = self.write(f"{os.fspath(file_prefix)}-{self._count}")
        (Path(path).parent / _STATE).write_text(f'model_checkpoint_path: "{Path(path).name}"\n')
        return path

    def restore(self, save_path: Any, options: Any = None) -> Status:
        """Gives variables their values; those that an optimizer makes later get theirs when it makes them. No path, no
        change. Raises FileNotFoundError, and InvalidArgumentError where a shape or dtype has changed."""
        if save_path is None:
            return Status([], [])
        number = re.search(r"-(\d+)(\.safetensors)?$", os.fspath(save_path))
        self._count = max(self._count, int(number.group(1)) if number else 0)
        values = read_tensors(_file(save_path))
        variables = self._variables()
        for path in values.keys() & variables.keys():
            value, variable = values[path], variables[path]
            if value.dtype is not variable.dtype or not value.shape.is_compatible_with(variable.shape):
                raise InvalidArgumentError(
                    f"[restore] {path} must be {variable.dtype.name} of shape {variable.shape}, got {value.dtype.name} "
                    f"of shape {value.shape}"
                )
            variable.assign(value)
        unused = sorted(values.keys() - variables.keys())
        for path, thing in walk(self._objects):
            if hasattr(thing, "__opwright_restore__"):
                later = {name: values[name] for name in unused if name.startswith(f"{path}/")}
                thing.__opwright_restore__({name[len(path) + 1 :]: value for name, value in later.items()})
                unused = [name for name in unused if name not in later]
        return Status(unused, sorted(variables.keys() - values.keys()))

    read = restore


@export("train.CheckpointManager")
class CheckpointManager:
    """Keeps the last max_to_keep checkpoints of a folder."""

    def __init__(
        self, checkpoint: Checkpoint, directory: Any, max_to_keep: int | None, checkpoint_name: str = "ckpt"
    ) -> None:
        self.checkpoint = checkpoint
        self.directory = os.fspath(directory)
        self._prefix = os.path.join(self.directory, checkpoint_name)
        self._max_to_keep = max_to_keep
        latest = latest_checkpoint(directory)
        if latest is not None:
            checkpoint._count = max(checkpoint._count, *map(_number, self.checkpoints), 0)

    @property
    def checkpoints(self) -> list[str]:
        """The checkpoints in the folder, oldest first."""
        pattern = re.compile(re.escape(os.path.basename(self._prefix)) + r"-\d+$")
        found = [f.with_suffix("") for f in Path(self.directory).glob(f"*{SUFFIX}") if pattern.match(f.stem)]
        return [str(f) for f in sorted(found, key=_number)]

    @property
    def latest_checkpoint(self) -> str | None:
        return self.checkpoints[-1] if self.checkpoints else None

    def save(self, checkpoint_number: Any = None) -> str:
        """Writes a checkpoint, and deletes the oldest ones if there are too many."""
        if checkpoint_number is not None:
            self.checkpoint._count = int(checkpoint_number) - 1
        path = self.checkpoint.save(self._prefix)
        if self._max_to_keep is not None:
            for old in self.checkpoints[: -self._max_to_keep]:
                os.remove(f"{old}{SUFFIX}")
        return path

    def restore_or_initialize(self) -> str | None:
        """Restores the latest checkpoint; returns it, or None if there is none."""
        latest = self.latest_checkpoint
        if latest is not None:
            self.checkpoint.restore(latest)
        return latest


def _number(path: Any) -> int:
    return int(os.fspath(path).rpartition("-")[2])


@export("train.latest_checkpoint")
def latest_checkpoint(checkpoint_dir: Any, latest_filename: str | None = None) -> str | None:
    """The checkpoint that was saved last in a folder, or None."""
    state = Path(checkpoint_dir) / (latest_filename or _STATE)
    found = re.search(r'model_checkpoint_path: "(.*)"', state.read_text()) if state.is_file() else None
    return str(state.parent / found.group(1)) if found else None


class Reader:
    """A checkpoint's values by their paths."""

    def __init__(self, file: Path) -> None:
        self._values = read_tensors(file)

    def get_tensor(self, name: str) -> Any:
        return self._values[name].numpy()

    def has_tensor(self, name: str) -> bool:
        return name in self._values

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        return {name: list(value.shape.known()) for name, value in self._values.items()}

    def get_variable_to_dtype_map(self) -> dict[str, Any]:
        return {name: value.dtype for name, value in self._values.items()}


@export("train.load_checkpoint")
def load_checkpoint(ckpt_dir_or_file: Any) -> Reader:
    """A checkpoint, or a folder's latest one, to read values from. Raises FileNotFoundError if there is none."""
    latest = latest_checkpoint(ckpt_dir_or_file) if Path(ckpt_dir_or_file).is_dir() else None
    return Reader(_file(latest or ckpt_dir_or_file))


@export("train.list_variables")
def list_variables(ckpt_dir_or_file: Any) -> list[tuple[str, list[int]]]:
    """The paths and shapes of a checkpoint's values."""
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


@export("train.load_variable")
def load_variable(ckpt_dir_or_file: Any, name: str) -> Any:
    """One value of a checkpoint, as an array."""
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name)

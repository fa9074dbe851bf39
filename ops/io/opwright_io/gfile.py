"""io.gfile: files and folders under TensorFlow's names. Paths are those of the file system."""

from __future__ import annotations

import glob as globbing
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opwright import export
from opwright.errors import AlreadyExistsError, NotFoundError


def _path(name: Any) -> str:
    return os.fsdecode(name)


def _found(op: str, name: Any) -> str:
    path = _path(name)
    if not os.path.exists(path):
        raise NotFoundError(f"[{op}] path must exist, got {path!r}")
    return path


@export("io.gfile.GFile", "gfile.GFile", "gfile.Open", "gfile.FastGFile", "io.gfile.Open")
class GFile:
    """A file, opened when it is first read or written: text, or bytes with "b" in `mode`."""

    def __init__(self, name: Any, mode: str = "r") -> None:
        self.name = _path(name)
        self.mode = mode
        self._opened: Any = None

    @property
    def _file(self) -> Any:
        if self._opened is None:
            if "r" in self.mode:
                _found("GFile", self.name)
            self._opened = open(self.name, self.mode, encoding=None if "b" in self.mode else "utf-8")
        return self._opened

    def read(self, n: int = -1) -> Any:
        """The next n characters or bytes, by default all that are left."""
        return self._file.read(n)

    def write(self, content: Any) -> None:
        """Writes text, or bytes."""
        self._file.write(content)

    def readline(self) -> Any:
        """The next line, with its end."""
        return self._file.readline()

    def readlines(self) -> list[Any]:
        """The lines that are left."""
        return list(self._file.readlines())

    def seek(self, offset: int, whence: int = 0) -> None:
        """Goes to a place in the file."""
        self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place in the file."""
        return int(self._file.tell())

    def size(self) -> int:
        """How many bytes the file has."""
        return os.path.getsize(self.name)

    def flush(self) -> None:
        """Hands what was written to the system."""
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def __enter__(self) -> GFile:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)


@export("io.gfile.exists", "gfile.Exists")
def exists(path: Any) -> bool:
    """Whether there is such a file or folder."""
    return os.path.exists(_path(path))


@export("io.gfile.isdir", "gfile.IsDirectory")
def isdir(path: Any) -> bool:
    """Whether there is such a folder."""
    return os.path.isdir(_path(path))


@export("io.gfile.listdir", "gfile.ListDirectory")
def listdir(path: Any) -> list[str]:
    """The names in a folder, in order. Raises NotFoundError where there is none."""
    return sorted(os.listdir(_found("listdir", path)))


@export("io.gfile.glob", "gfile.Glob")
def glob(pattern: Any) -> list[str]:
    """The paths that a pattern, or one of several, matches, in order."""
    patterns = [pattern] if isinstance(pattern, (str, bytes, os.PathLike)) else list(pattern)
    return sorted({found for one in patterns for found in globbing.glob(_path(one))})


@export("io.gfile.makedirs", "gfile.MakeDirs")
def makedirs(path: Any) -> None:
    """Makes a folder and those above it, where they are missing."""
    os.makedirs(_path(path), exist_ok=True)


@export("io.gfile.mkdir", "gfile.MkDir")
def mkdir(path: Any) -> None:
    """Makes a folder. Raises NotFoundError if the one above it is missing, AlreadyExistsError if it is there."""
    try:
        os.mkdir(_path(path))
    except FileNotFoundError:
        raise NotFoundError(f"[mkdir] the folder above must exist, got {_path(path)!r}; use makedirs") from None
    except FileExistsError:
        raise AlreadyExistsError(f"[mkdir] path must not exist, got {_path(path)!r}; use makedirs") from None


@export("io.gfile.remove", "gfile.Remove")
def remove(path: Any) -> None:
    """Deletes a file. Raises NotFoundError where there is none."""
    os.remove(_found("remove", path))


@export("io.gfile.rmtree", "gfile.DeleteRecursively")
def rmtree(path: Any) -> None:
    """Deletes a folder and all in it. Raises NotFoundError where there is none."""
    shutil.rmtree(_found("rmtree", path))


def _free(op: str, path: str, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path):
        raise AlreadyExistsError(f"[{op}] dst must not exist, got {path!r}; pass overwrite=True")


@export("io.gfile.copy", "gfile.Copy")
def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Copies a file. Raises AlreadyExistsError if dst is there, unless overwrite."""
    _free("copy", _path(dst), overwrite)
    shutil.copyfile(_found("copy", src), _path(dst))


@export("io.gfile.rename", "gfile.Rename")
def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Renames a file or folder. Raises AlreadyExistsError if dst is there, unless overwrite."""
    _free("rename", _path(dst), overwrite)
    os.replace(_found("rename", src), _path(dst))


@export("io.gfile.stat", "gfile.Stat")
def stat(path: Any) -> os.stat_result:
    """What the file system knows of a file. Raises NotFoundError where there is none."""
    return Path(_found("stat", path)).stat()


@export("io.gfile.walk", "gfile.Walk")
def walk(top: Any, topdown: bool = True) -> Iterator[tuple[str, list[str], list[str]]]:
    """Folder by folder its path, the folders and the files in it."""
    return os.walk(_path(top), topdown)


@export("io.gfile.join")
def join(path: Any, *paths: Any) -> str:
    """Parts of a path as one."""
    return os.path.join(_path(path), *[_path(part) for part in paths])

"""`python -m opwright_tf1 program.py [args]`: runs a program written for `import tensorflow as tf`, unchanged."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import runpy
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import opwright_tf1


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives out this package as `tensorflow`, and its names as modules of it."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if fullname != "tensorflow" and not fullname.startswith("tensorflow."):
            return None
        try:
            _found(fullname)
        except AttributeError:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: Any) -> ModuleType:
        found = _found(spec.name)
        module = ModuleType(spec.name, doc=f"opwright_tf1 as {spec.name}")
        module.__getattr__ = lambda name: getattr(found, name)  # type: ignore[method-assign]
        return module

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run: names are looked up when they are asked for."""


def _found(fullname: str) -> Any:
    found: Any = opwright_tf1
    for part in fullname.split(".")[1:]:
        if part not in ("compat", "v1"):  # tensorflow.compat.v1 is tensorflow
            found = getattr(found, part)
    return found


def run(arguments: Sequence[str]) -> None:
    """Runs a program, the first of the arguments, with the rest. From then on `tensorflow` is this package."""
    sys.meta_path.insert(0, Finder())
    sys.argv = list(arguments)
    runpy.run_path(sys.argv[0], run_name="__main__")


def main() -> None:
    """Runs the program named on the command line."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m opwright_tf1 program.py [args]")
    run(sys.argv[1:])


if __name__ == "__main__":
    main()

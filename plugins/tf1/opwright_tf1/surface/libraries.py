"""tf.load_op_library: the ops of a package, by the file of its kernel library."""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path
from typing import Any

from opwright.errors import LibraryError, PluginError
from opwright.registry import registry


def load_op_library(library_filename: Any) -> types.ModuleType:
    """The ops of the installed package that a kernel library belongs to: `load_op_library(path).zero_out(x)`.

    Raises LibraryError for a file that is not there or belongs to no installed package, PluginError if that is broken.
    """
    path = Path(library_filename).absolute()
    if not path.is_file():
        raise LibraryError(f"[load_op_library] the library must be a file, got {str(library_filename)!r}")
    registry.load_all()
    for package in registry.packages():
        spec = importlib.util.find_spec(package.module)
        folders = [Path(p).resolve() for p in (spec and spec.submodule_search_locations) or ()]
        if path.resolve().parent in folders:
            if package.error:
                raise PluginError(f"{package} could not be loaded: {package.error}")
            return _module(path.stem, package.module)
    raise LibraryError(
        f"[load_op_library] the library must belong to an installed package of ops, got {str(library_filename)!r}; pip "
        "install the project that it was built by"
    )


def _module(name: str, package: str) -> types.ModuleType:
    made = types.ModuleType(name)
    for op in registry.ops():
        if op.package == package:
            setattr(made, op.name.rpartition(":")[2], op)
    return made


API: dict[str, Any] = {"load_op_library": load_op_library}

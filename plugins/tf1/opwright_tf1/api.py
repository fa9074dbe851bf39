"""How a TensorFlow 1 name is looked up: a function of this package, a renamed op, or the op of that name."""

from __future__ import annotations

import importlib
from typing import Any

from opwright.errors import did_you_mean
from opwright.registry import Namespace, registry

from opwright_tf1.names import MODULES, NAMESPACES, RENAMED


class Api:
    """The names below a dotted prefix: `tf.nn`, `tf.train`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = resolve(f"{self._prefix}{name}")
        self.__dict__[name] = found
        return found

    def __dir__(self) -> list[str]:
        names = {*_defined(), *RENAMED, *registry.all_names()}
        n = len(self._prefix)
        return sorted({name[n:].partition(".")[0] for name in names if name.startswith(self._prefix)})

    def __repr__(self) -> str:
        return f"<tf.{self._prefix}*>"


_table: dict[str, Any] = {}


def _defined() -> dict[str, Any]:
    """What the modules of this package define, by dotted name."""
    if not _table:
        for module in MODULES:
            _table.update(importlib.import_module(f"opwright_tf1.surface.{module}").API)
    return _table


def resolve(name: str) -> Any:
    """What `tf.<name>` stands for. Raises AttributeError if there is no such name."""
    table = _defined()
    if name in table:
        return table[name]
    if name.startswith("compat.v1."):
        return resolve(name.removeprefix("compat.v1."))
    if name in NAMESPACES or any(known.startswith(f"{name}.") for known in table):
        return Api(f"{name}.")
    try:
        found = registry.name(RENAMED.get(name, name))
    except AttributeError:
        known = [*table, *RENAMED, *registry.all_names()]
        raise AttributeError(f"tf.{name} is not there{did_you_mean(name, known)}") from None
    return Api(f"{name}.") if isinstance(found, Namespace) else found

"""Every registered op and function by name: `from opwright import ops; ops.softmax(x)`, `ops.acme.softplus(x)`."""

from __future__ import annotations

from typing import Any

from opwright.registry import Namespace, registry

_names = Namespace(registry, "")


def __getattr__(name: str) -> Any:
    found = globals()[name] = getattr(_names, name)
    return found


def __dir__() -> list[str]:
    return dir(_names)

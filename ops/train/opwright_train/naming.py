"""Name scopes for functions that make several nodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opwright import scopes


@contextmanager
def scope(name: str | None, default: str) -> Iterator[Any]:
    """Puts the nodes built inside under `name`; the last of them takes what this yields as its name."""
    graph = scopes.current_graph()
    if graph is None:
        yield None
    else:
        with graph.name_scope(name or default) as full:
            yield full


@contextmanager
def after(operations: list[Any]) -> Iterator[None]:
    """What is built inside runs after the operations; eagerly they have run already."""
    graph = scopes.current_graph()
    if graph is None:
        yield
    else:
        with graph.control_dependencies(operations):
            yield

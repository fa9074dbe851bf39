"""Name scopes for functions that make several nodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opwright import scopes


@contextmanager
def scope(name: str | None, default: str) -> Iterator[str | None]:
    """Puts the nodes built inside under `name`; the last of them takes what this yields as its name."""
    graph = scopes.current_graph()
    if graph is None:
        yield None
    else:
        with graph.name_scope(name or default) as full:
            yield full

"""The thread's current graph, and what surrounds a node being built: name scope, device, control dependencies."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opwright.graph import Graph


class _Thread(threading.local):
    def __init__(self) -> None:
        self.graphs: list[Graph | None] = []
        self.sessions: list[Any] = []
        self.tapes: list[Any] = []


thread = _Thread()
base_graph: list[Graph | None] = [None]  # what lies under every thread's stack: None means eager


def current_graph() -> Graph | None:
    """The graph that nodes are built in; None: ops run at once."""
    stack = thread.graphs
    return stack[-1] if stack else base_graph[0]


def home_graph() -> Graph | None:
    """The graph that variables made now belong to; None: they are eager."""
    graph = current_graph()
    return None if graph is None else graph.root


def set_base_graph(graph: Graph | None) -> None:
    """Chooses the graph that is current where no `as_default` is open; None makes eager execution the default."""
    base_graph[0] = graph


@contextmanager
def entered(graph: Graph | None) -> Iterator[Graph | None]:
    """Makes `graph` (None: eager execution) current inside the block."""
    thread.graphs.append(graph)
    try:
        yield graph
    finally:
        thread.graphs.pop()


def open_graphs() -> int:
    """How many `as_default` blocks are open on this thread."""
    return len(thread.graphs)


def current_session() -> Any:
    """The session entered last on this thread, or None."""
    return thread.sessions[-1] if thread.sessions else None


def push_session(session: Any) -> None:
    thread.sessions.append(session)


def pop_session(session: Any) -> None:
    """Removes the session entered last; raises RuntimeError if that is another one."""
    if not thread.sessions or thread.sessions[-1] is not session:
        raise RuntimeError("sessions must be left in the reverse order of entering")
    thread.sessions.pop()


class Scope:
    """What a graph adds to each node built in it."""

    def __init__(self) -> None:
        self.prefix = ""
        self.device = ""
        self.controls: tuple[Any, ...] = ()

    @contextmanager
    def changed(self, **values: Any) -> Iterator[Scope]:
        saved = {name: getattr(self, name) for name in values}
        try:
            for name, value in values.items():
                setattr(self, name, value)
            yield self
        finally:
            for name, value in saved.items():
                setattr(self, name, value)


def merge_device(outer: str, inner: Any) -> str:
    """The device that `inner` ("/gpu:0", "cpu", None, ...) names inside a block for `outer`; None clears it."""
    if inner is None:
        return ""
    if callable(inner):
        return outer
    parts = [p for p in str(inner).lower().replace("/device:", "/").split("/") if p]
    kinds = [p for p in parts if not p.startswith(("job:", "replica:", "task:"))]
    if not kinds:
        return outer
    kind, _, index = kinds[-1].partition(":")
    kind = {"gpu": "cuda"}.get(kind, kind)
    return f"{kind}:{int(index) if index.isdigit() else 0}"


def unique(values: Iterable[Any]) -> list[Any]:
    """The values in order, each once, by identity."""
    seen: dict[int, Any] = {}
    for value in values:
        seen.setdefault(id(value), value)
    return list(seen.values())

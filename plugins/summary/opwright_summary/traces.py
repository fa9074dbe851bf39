"""trace_on, trace_export: the graphs of the functions that were called in between, for TensorBoard."""

from __future__ import annotations

from typing import Any

from opwright import export
from opwright.errors import FailedPreconditionError
from opwright_function.function import watchers

from opwright_summary.recording import graph as write_graph

_seen: dict[int, Any] = {}


def _watch(concrete: Any) -> None:
    _seen[id(concrete)] = concrete


@export("summary.trace_on")
def trace_on(graph: bool = True, profiler: bool = False, profiler_outdir: str | None = None) -> None:
    """Remembers from now on the graphs of `function`s that are called. `opwright profile` shows times."""
    _seen.clear()
    if graph and _watch not in watchers:
        watchers.append(_watch)


@export("summary.trace_off")
def trace_off() -> None:
    """Stops remembering, and forgets."""
    _seen.clear()
    if _watch in watchers:
        watchers.remove(_watch)


@export("summary.trace_export")
def trace_export(name: str, step: Any = None, profiler_outdir: str | None = None) -> None:
    """Writes the graphs of the functions called since trace_on, which it ends."""
    if _watch not in watchers:
        raise FailedPreconditionError("[summary.trace_export] a trace must be running, got none; call trace_on first")
    for concrete in list(_seen.values()):
        write_graph(concrete.graph)
    trace_off()

"""save and load: a graph, and what a session's variables hold, in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opwright import Graph, Session, export, ops
from opwright.dtypes import from_storage, to_storage

from opwright_saving.folder import read, write
from opwright_saving.reading import build
from opwright_saving.requirements import check
from opwright_saving.writing import describe

_VARIABLE = "variable/"  # before the names of the tensors that variables held


@export("save")
def save(what: Any, path: Any) -> Path:
    """Writes a Graph, or a Session (then with the values of its variables), to the folder `path`; returns its path.

    `graph.json` there holds the nodes, the collections, and the version and package of each op; `tensors.safetensors`
    the constants and values. An earlier saved graph is replaced as a whole, or, if anything fails, not at all. Raises
    GraphError for a node that holds a Python object, such as py_func's.
    """
    session = what if isinstance(what, Session) else None
    graph = what.graph if session is not None else what
    if not isinstance(graph, Graph):
        raise TypeError(f"[save] a Graph or a Session is needed, got {what!r}")
    described, tensors = describe(graph)
    if session is not None:
        ready = [op.outputs[0] for op in _variables(graph) if session.is_initialized(op)]
        for ref, value in zip(ready, session.run(ready), strict=True):
            tensors[f"{_VARIABLE}{ref.op.name}"] = to_storage(value, ref.dtype)
    return write(Path(path), described, tensors)


@export("load")
def load(path: Any) -> Session:
    """A session on the saved graph (its `graph`), with the variables' values, if they were saved.

    Names are those of old: `session.run("loss:0", {"x:0": batch})`. Raises PluginError where packages of ops are
    missing or too old, with the pip command that helps; GraphError where there is no saved graph.
    """
    described, tensors = read(Path(path))
    check(described["ops"])
    graph = build(described, tensors)
    session = Session(graph=graph)
    for op in _variables(graph):
        value = tensors.get(f"{_VARIABLE}{op.name}")
        if value is not None:
            ref = op.outputs[0]
            writer = _writer(graph, ref)
            session.run(writer, {writer.inputs[1]: from_storage(value, ref.dtype)})
    return session


def _variables(graph: Graph) -> list[Any]:
    return [op for op in graph.operations if op.definition.role == "variable"]


def _writer(graph: Graph, ref: Any) -> Any:
    """An operation that assigns to the variable: the one that initialises it, or a new one."""
    for op in graph.operations:
        if op.type == "assign" and op.inputs[0] is ref and not op.control_inputs:
            return op
    with graph.as_default():
        value = ops.placeholder(ref.dtype, ref.shape, name=f"{ref.op.name}/restored")
        return ops.assign(ref, value, name=f"{ref.op.name}/Restore").op

"""summary.scalar, histogram, image, text, graph: one event each, written at once, or when a traced step runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from opwright import Graph, convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError, ShapeError

from opwright_summary import messages
from opwright_summary.writers import recording, should_record_summaries


def _write(op: str, name: str, data: Any, step: Any, made: Callable[[str, Any], list[bytes]]) -> bool:
    """Writes the summaries that `made` makes of the tag and the data's value; whether it did (or will)."""
    if not should_record_summaries():
        return False
    step = recording.step if step is None else step
    if step is None:
        raise ArgumentError(f"[{op}] a step must be given, got None; pass step= or call summary.experimental.set_step")
    assert recording.writer is not None
    file = recording.writer.file
    assert file is not None
    graph = scopes.current_graph()
    tag = name if graph is None else f"{graph.scope.prefix}{name}"

    def write(value: Any, at: Any) -> None:
        for summary in made(tag, value):
            file.add(int(at), summary=summary)

    ops.py_func(write, [data, convert_to_tensor(step)], [])
    return True


@export("summary.scalar")
def scalar(name: str, data: Any, step: Any = None, description: str | None = None) -> bool:
    """Writes a number. Whether summaries are written now is returned, here and below."""
    tensor = convert_to_tensor(data)
    if tensor.shape.rank not in (0, None):
        raise ShapeError(f"[summary.scalar] data must be one number, got shape {tensor.shape}")
    return _write("summary.scalar", name, tensor, step, lambda tag, value: [messages.scalar(tag, value)])


@export("summary.histogram")
def histogram(
    name: str, data: Any, step: Any = None, buckets: int | None = None, description: str | None = None
) -> bool:
    """Writes how many of the numbers lie where, in `buckets` (30) ranges of one width. No infinities, no nan."""
    count = 30 if buckets is None else buckets
    if count < 1:
        raise ArgumentError(f"[summary.histogram] buckets must be positive, got {buckets}")
    made = lambda tag, value: [messages.histogram(tag, value, count)]  # noqa: E731
    return _write("summary.histogram", name, convert_to_tensor(data), step, made)


@export("summary.image")
def image(name: str, data: Any, step: Any = None, max_outputs: int = 3, description: str | None = None) -> bool:
    """Writes the first max_outputs of images [n, height, width, channels]: uint8, or floats in [0, 1]."""
    tensor = convert_to_tensor(data)
    if tensor.shape.rank not in (4, None) or (tensor.shape.rank and tensor.shape[3] not in (None, 1, 2, 3, 4)):
        raise ShapeError(
            f"[summary.image] data must be [n, height, width, channels] with 1 to 4 channels, got shape {tensor.shape}"
        )

    def made(tag: str, value: Any) -> list[bytes]:
        shown = value[:max_outputs]
        tags = [f"{tag}/image"] if max_outputs == 1 else [f"{tag}/image/{i}" for i in range(len(shown))]
        return [messages.image(t, pixels) for t, pixels in zip(tags, shown, strict=False)]

    return _write("summary.image", name, tensor, step, made)


@export("summary.text")
def text(name: str, data: Any, step: Any = None, description: str | None = None) -> bool:
    """Writes a string or a tensor of strings, which TensorBoard shows as Markdown."""
    made = lambda tag, value: [messages.text(tag, np.asarray(value, object))]  # noqa: E731
    return _write("summary.text", name, convert_to_tensor(data, "string"), step, made)


@export("summary.graph")
def graph(graph_data: Graph) -> bool:
    """Writes a graph, such as a function's `get_concrete_function(...).graph`."""
    if not isinstance(graph_data, Graph):
        raise ArgumentError(f"[summary.graph] graph_data must be a Graph, got {graph_data!r}")
    writer = recording.writer
    if writer is None or writer.file is None:
        return False
    writer.file.add(graph=messages.graph_def(graph_data))
    return True

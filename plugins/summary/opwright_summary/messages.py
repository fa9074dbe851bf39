"""TensorFlow's messages Event, Summary and GraphDef as bytes (core/util/event.proto, core/framework/summary.proto)."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from opwright import Graph, ops, scopes
from opwright_io.wire import block, double, integer, single

_DT_STRING = 7


def event(wall_time: float, step: int = 0, **content: Any) -> bytes:
    """An Event: with `file_version` text, `graph` a GraphDef's bytes or `summary` a Summary's."""
    head = double(1, wall_time) + integer(2, step)
    number = {"file_version": 3, "graph": 4, "summary": 5}
    return head + b"".join(block(number[name], value) for name, value in content.items())


def scalar(tag: str, value: Any) -> bytes:
    """A Summary of one number."""
    return block(1, block(1, tag) + single(2, float(value)))


def histogram(tag: str, values: Any, buckets: int = 30) -> bytes:
    """A Summary of numbers counted in buckets of one width."""
    data = np.asarray(values, np.float64).reshape(-1)
    data = data[np.isfinite(data)]
    low, high = (data.min(), data.max()) if data.size else (0.0, 0.0)
    counts, limits = np.histogram(
        data, buckets if high > low else 1, (low, high) if high > low else (low - 0.5, low + 0.5)
    )
    numbers = (low, high, data.size, data.sum(), (data * data).sum())
    body = b"".join(double(i + 1, float(n)) for i, n in enumerate(numbers))
    packed = [struct.pack(f"<{len(row)}d", *row) for row in (limits[1:], counts)]
    return block(1, block(1, tag) + block(5, body + block(6, packed[0]) + block(7, packed[1])))


def image(tag: str, pixels: Any) -> bytes:
    """A Summary of one image: uint8, or floats in [0, 1], [height, width, channels]."""
    array = np.asarray(pixels)
    if array.dtype.kind == "f":
        array = np.clip(np.rint(array * 255.0), 0, 255)
    height, width, channels = array.shape
    with scopes.entered(None):  # at once, whatever graph the caller builds
        png = ops.io.encode_png(ops.constant(array.astype(np.uint8))).numpy()
    body = integer(1, height) + integer(2, width) + integer(3, channels) + block(4, png)
    return block(1, block(1, tag) + block(4, body))


def text(tag: str, strings: Any) -> bytes:
    """A Summary of text, read as Markdown."""
    array = np.asarray(strings, object)
    shape = b"".join(block(2, integer(1, size)) for size in array.shape)
    tensor = integer(1, _DT_STRING) + block(2, shape) + b"".join(block(8, s) for s in array.flat)
    metadata = block(1, block(1, "text"))
    return block(1, block(1, tag) + block(8, tensor) + block(9, metadata))


def graph_def(graph: Graph) -> bytes:
    """A GraphDef: the graph's nodes and what they take."""
    return b"".join(block(1, _node(op)) for op in graph.operations)


def _node(op: Any) -> bytes:
    taken = [t.name.removesuffix(":0") for t in op.inputs] + [f"^{c.name}" for c in op.control_inputs]
    body = block(1, op.name) + block(2, op.type) + b"".join(block(3, name) for name in taken)
    return body + (block(4, op.device) if op.device else b"")

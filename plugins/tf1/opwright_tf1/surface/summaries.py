"""tf.summary and tf.train.SummaryWriter: nodes that describe values for TensorBoard, and the files they go to."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any

from opwright import Graph, convert_to_tensor, ops
from opwright.errors import ArgumentError
from opwright_io.wire import fields
from opwright_summary import messages
from opwright_summary.writers import EventFile

from opwright_tf1.surface.framework import GraphKeys, add_to_collection, get_collection, get_default_graph


def _summary(name: str, value: Any, made: Callable[[str, Any], list[bytes]], collections: Any) -> Any:
    """A string: the Summary that `made` makes of the tag and the value."""
    tag = f"{get_default_graph().scope.prefix}{name}"
    text = ops.py_func(lambda array: b"".join(made(tag, array)), [convert_to_tensor(value)], "string", name=name)
    text = ops.ensure_shape(text, [])
    for key in [GraphKeys.SUMMARIES] if collections is None else collections:
        add_to_collection(key, text)
    return text


def scalar(name: str, tensor: Any, collections: Any = None, family: str | None = None) -> Any:
    """Describes one number."""
    return _summary(name, tensor, lambda tag, v: [messages.scalar(tag, v)], collections)


def histogram(name: str, values: Any, collections: Any = None, family: str | None = None) -> Any:
    """Describes how many of the values lie where."""
    return _summary(name, values, lambda tag, v: [messages.histogram(tag, v)], collections)


def image(name: str, tensor: Any, max_outputs: int = 3, collections: Any = None, family: str | None = None) -> Any:
    """Describes the first max_outputs of images [n, height, width, channels]: uint8, or floats, scaled to [0, 255]."""

    def made(tag: str, value: Any) -> list[bytes]:
        shown = value[:max_outputs]
        if shown.dtype.kind == "f" and shown.size:
            low, high = shown.min(), abs(shown).max() or 1.0
            shown = shown / high if low >= 0 else shown / (2 * high) + 0.5  # 0 in the middle
        tags = [f"{tag}/image"] if max_outputs == 1 else [f"{tag}/image/{i}" for i in range(len(shown))]
        return [messages.image(t, pixels) for t, pixels in zip(tags, shown, strict=False)]

    return _summary(name, tensor, made, collections)


def text(name: str, tensor: Any, collections: Any = None) -> Any:
    """Describes strings."""
    return _summary(name, tensor, lambda tag, v: [messages.text(tag, v)], collections)


def merge(inputs: Any, collections: Any = None, name: str | None = None) -> Any:
    """Several summaries as one."""
    merged = ops.strings.join(list(inputs), name=name)
    for key in collections or ():
        add_to_collection(key, merged)
    return merged


def merge_all(key: Any = GraphKeys.SUMMARIES, scope: str | None = None, name: str | None = None) -> Any:
    """All summaries of the graph as one; None if there are none."""
    found = get_collection(key, scope)
    return merge(found, name=name) if found else None


class Value:
    """A number with its tag, for Summary(value=[...])."""

    def __init__(self, tag: str = "", simple_value: float = 0.0) -> None:
        self.tag = tag
        self.simple_value = simple_value


class _Values(list[Value]):
    def add(self, tag: str = "", simple_value: float = 0.0) -> Value:
        self.append(Value(tag, simple_value))
        return self[-1]


class Summary:
    """Numbers described in Python: Summary(value=[Summary.Value(tag="loss", simple_value=0.5)])."""

    Value = Value

    def __init__(self, value: Any = ()) -> None:
        self.value = _Values(value)

    def SerializeToString(self) -> bytes:
        """The message's bytes."""
        return b"".join(messages.scalar(v.tag, v.simple_value) for v in self.value)

    @staticmethod
    def FromString(data: bytes) -> Summary:
        """The numbers in a message."""

        made = Summary()
        for number, value in fields(data):
            parts = dict(fields(value)) if number == 1 else {}
            if 2 in parts:
                made.value.add(parts[1].decode(), struct.unpack("<f", parts[2])[0])
        return made


class FileWriter:
    """Writes summaries to an event file in a folder, and the graph if it is given."""

    def __init__(
        self,
        logdir: Any,
        graph: Any = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        graph_def: Any = None,
        filename_suffix: str | None = None,
        session: Any = None,
    ) -> None:
        self._folder = os.fsdecode(logdir)
        self._options = filename_suffix or "", max_queue, flush_secs
        self._file = EventFile(self._folder, *self._options)
        self._file.flush()
        if graph is not None or graph_def is not None:
            self.add_graph(graph if graph is not None else graph_def)

    def add_summary(self, summary: Any, global_step: Any = None) -> None:
        """Writes what a summary's node gave, or a Summary, at a step."""
        data = summary.SerializeToString() if hasattr(summary, "SerializeToString") else summary
        if not isinstance(data, bytes):
            raise ArgumentError(f"[FileWriter] summary must be what a summary gave when it was run, got {summary!r}")
        self._file.add(0 if global_step is None else int(global_step), summary=data)

    def add_graph(self, graph: Any, global_step: Any = None, graph_def: Any = None) -> None:
        """Writes a graph's nodes."""
        if not isinstance(graph, Graph):
            raise ArgumentError(f"[FileWriter] graph must be a Graph, got {graph!r}; pass sess.graph")
        self._file.add(0 if global_step is None else int(global_step), graph=messages.graph_def(graph))

    def get_logdir(self) -> str:
        """The folder."""
        return self._folder

    def flush(self) -> None:
        """Writes what waits."""
        self._file.flush()

    def close(self) -> None:
        """Writes what waits, and ends."""
        self._file.close()

    def reopen(self) -> None:
        """Goes on in a new file."""
        self._file = EventFile(self._folder, *self._options)

    def __enter__(self) -> FileWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def image_summary(tag: str, tensor: Any, max_images: int = 3, collections: Any = None, name: str | None = None) -> Any:
    """`summary.image` under its first name."""
    return image(tag, tensor, max_images, collections)


_OLD = {
    "scalar_summary": scalar,
    "histogram_summary": histogram,
    "image_summary": image_summary,
    "merge_summary": merge,
    "merge_all_summaries": merge_all,
    "train.SummaryWriter": FileWriter,
    "Summary": Summary,
}
_NEW = {
    "scalar": scalar,
    "histogram": histogram,
    "image": image,
    "text": text,
    "merge": merge,
    "merge_all": merge_all,
    "FileWriter": FileWriter,
    "Summary": Summary,
}
API: dict[str, Any] = _OLD | {f"summary.{name}": made for name, made in _NEW.items()}

"""Event files: read back field by field."""

import struct

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, FailedPreconditionError, ShapeError
from opwright_io.wire import fields


def events(folder):
    """(step, field of the event, its bytes) of each event in the folder's only file."""
    (path,) = sorted(folder.glob("events.out.tfevents.*.v2"))
    found = []
    for record in ow.io.tf_record_iterator(path):
        parts = dict(fields(record))
        assert struct.unpack("<d", parts[1])[0] > 1.7e9  # seconds since 1970
        found += [(parts[2], number, parts[number]) for number in (3, 4, 5) if number in parts]
    return found


def values(folder):
    """(step, tag, the fields of the value) of each summary."""
    found = []
    for step, number, data in events(folder):
        if number == 5:
            value = dict(fields(dict(fields(data))[1]))
            found.append((step, value[1].decode(), value))
    return found


@pytest.fixture
def writer(tmp_path):
    made = ow.summary.create_file_writer(tmp_path)
    with made.as_default():
        yield made
    made.close()


def test_scalars(tmp_path, writer):
    assert ow.summary.scalar("loss", 0.5, step=3)
    assert ow.summary.scalar("loss", ow.constant(2), step=ow.constant(4, "int64"))
    writer.flush()
    assert events(tmp_path)[0] == (0, 3, b"brain.Event:2")
    assert [(s, t, struct.unpack("<f", v[2])[0]) for s, t, v in values(tmp_path)] == [
        (3, "loss", 0.5),
        (4, "loss", 2.0),
    ]


def test_histograms(tmp_path, writer):
    x = np.array([0.0, 1.0, 1.0, 4.0, np.nan])
    ow.summary.histogram("h", x, step=0, buckets=4)
    ow.summary.histogram("one", [2.0, 2.0], step=0)
    writer.flush()
    for (_, _, value), (low, high, count, total, squares), limits, counts in zip(
        values(tmp_path),
        [(0, 4, 4, 6, 18), (2, 2, 2, 4, 8)],
        [(1, 2, 3, 4), (2.5,)],
        [(1, 2, 0, 1), (2,)],
        strict=True,
    ):
        parts = dict(fields(value[5]))
        assert [struct.unpack("<d", parts[i])[0] for i in range(1, 6)] == [low, high, count, total, squares]
        assert struct.unpack(f"<{len(limits)}d", parts[6]) == limits
        assert struct.unpack(f"<{len(counts)}d", parts[7]) == counts


def test_images(tmp_path, writer, rng):
    pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    x = rng.integers(0, 256, (4, 2, 3, 3)).astype(np.uint8)
    ow.summary.image("im", x, step=0)
    ow.summary.image("one", x / np.float32(255), step=0, max_outputs=1)
    writer.flush()
    found = values(tmp_path)
    assert [tag for _, tag, _ in found] == ["im/image/0", "im/image/1", "im/image/2", "one/image"]
    for (_, _, value), pixels in zip(found, [*x[:3], x[0]], strict=True):
        parts = dict(fields(value[4]))
        assert [parts[i] for i in (1, 2, 3)] == [2, 3, 3]
        np.testing.assert_array_equal(ow.io.decode_png(parts[4]), pixels)


def test_text(tmp_path, writer):
    ow.summary.text("t", ["a", "b"], step=0)
    writer.flush()
    ((_, _, value),) = values(tmp_path)
    tensor = list(fields(value[8]))
    assert tensor[0] == (1, 7)  # DT_STRING
    assert [v for n, v in tensor if n == 8] == [b"a", b"b"]
    assert dict(fields(dict(fields(value[9]))[1])) == {1: b"text"}


def test_inside_functions_when_they_run(tmp_path, writer):
    @ow.function
    def train(x, step):
        ow.summary.scalar("sum", ow.reduce_sum(x), step=step)
        return x * 2.0

    ow.summary.trace_on()
    for i in range(3):
        train(ow.fill([2], float(i)), ow.constant(i, "int64"))
    ow.summary.trace_export("train", step=0)
    writer.flush()
    found = [(s, t, struct.unpack("<f", v[2])[0]) for s, t, v in values(tmp_path)]
    assert found == [(0, "sum", 0.0), (1, "sum", 2.0), (2, "sum", 4.0)]
    (graph,) = [data for _, number, data in events(tmp_path) if number == 4]
    nodes = [dict(fields(node)) for _, node in fields(graph)]
    assert b"reduce_sum" in [node[2] for node in nodes]
    with pytest.raises(FailedPreconditionError, match=r"\[summary.trace_export\] a trace must be running"):
        ow.summary.trace_export("again")


def test_steps_and_conditions(tmp_path, writer):
    with pytest.raises(ArgumentError, match=r"\[summary.scalar\] a step must be given, got None"):
        ow.summary.scalar("x", 1.0)
    ow.summary.experimental.set_step(7)
    try:
        ow.summary.scalar("x", 1.0)
        with ow.summary.record_if(False):
            assert not ow.summary.scalar("never", 1.0)
        with ow.summary.record_if(lambda: ow.summary.experimental.get_step() == 7):
            assert ow.summary.should_record_summaries()
    finally:
        ow.summary.experimental.set_step(None)
    with writer.as_default(step=9):
        ow.summary.scalar("y", 1.0)
    with ow.summary.create_noop_writer().as_default():
        assert not ow.summary.scalar("never", 1.0, step=0)
    writer.flush()
    assert [(s, t) for s, t, _ in values(tmp_path)] == [(7, "x"), (9, "y")]


def test_what_is_refused(tmp_path):
    assert not ow.summary.scalar("nowhere", 1.0, step=0)
    with pytest.raises(ShapeError, match=r"\[summary.scalar\] data must be one number, got shape \(2,\)"):
        ow.summary.scalar("x", [1.0, 2.0], step=0)
    with pytest.raises(ShapeError, match=r"\[summary.image\] data must be \[n, height, width, channels\]"):
        ow.summary.image("x", np.zeros((2, 2, 3)), step=0)
    with pytest.raises(ArgumentError, match=r"\[summary.histogram\] buckets must be positive, got 0"):
        ow.summary.histogram("x", [1.0], step=0, buckets=0)
    with pytest.raises(ArgumentError, match=r"\[summary.graph\] graph_data must be a Graph"):
        ow.summary.graph(None)
    closed = ow.summary.create_file_writer(tmp_path)
    closed.close()
    closed.set_as_default()
    try:
        with pytest.raises(FailedPreconditionError, match=r"\[summary\] the writer must be open, got a closed one"):
            ow.summary.scalar("x", 1.0, step=0)
    finally:
        ow.summary.create_noop_writer().set_as_default()

"""Queues, runners, producers and readers: orders, ends, threads that stop, sessions one after another, errors."""

import subprocess
import sys
import threading
import time

import numpy as np
import opwright as ow
import pytest
from opwright.errors import (
    ArgumentError,
    CancelledError,
    GraphError,
    OutOfRangeError,
    RunError,
    ShapeError,
)


@pytest.fixture
def session():
    with ow.Graph().as_default(), ow.Session() as session:
        yield session


def finish(coord, threads):
    coord.request_stop()
    coord.join(threads, stop_grace_period_secs=10)
    assert not any(t.is_alive() for t in threads)


def test_first_in_first_out(session):
    queue = ow.FIFOQueue(10, ["int32", "float32"], [[], [2]])
    x = ow.placeholder("int32", [])
    put = queue.enqueue([x, ow.fill([2], ow.cast(x, "float32"))])
    n, pair = queue.dequeue()
    assert (n.shape, pair.shape, pair.dtype) == ((), (2,), "float32")
    for i in range(3):
        session.run(put, {x: i})
    assert session.run(queue.size()) == 3
    for i in range(3):
        found = session.run([n, pair])
        assert found[0] == i
        np.testing.assert_array_equal(found[1], [i, i])


def test_batches_and_the_end(session):
    queue = ow.FIFOQueue(100, "int32", [[]])
    session.run(queue.enqueue_many([np.arange(10, dtype=np.int32)]))
    four, some = queue.dequeue_many(4), queue.dequeue_up_to(4)
    assert (four.shape, some.shape) == ((4,), (None,))
    np.testing.assert_array_equal(session.run(four), [0, 1, 2, 3])
    assert not session.run(queue.is_closed())
    session.run(queue.close())
    assert session.run(queue.is_closed())
    np.testing.assert_array_equal(session.run(four), [4, 5, 6, 7])
    with pytest.raises(OutOfRangeError, match="4 elements must be in the queue fifo_queue, which is closed, got 2"):
        session.run(four)
    np.testing.assert_array_equal(session.run(some), [8, 9])  # what was too little is still there
    with pytest.raises(OutOfRangeError, match="1 elements must be in the queue"):
        session.run(some)
    with pytest.raises(CancelledError, match="queue fifo_queue must be open"):
        session.run(queue.enqueue(1))


def test_a_full_queue_waits_for_room(session):
    queue = ow.FIFOQueue(2, "int32", [[]])
    put = queue.enqueue_many([np.arange(6, dtype=np.int32)])
    thread = threading.Thread(target=session.run, args=(put,))
    thread.start()
    found = [int(session.run(queue.dequeue())) for _ in range(6)]
    thread.join(10)
    assert found == list(range(6))


def test_batches_larger_than_the_capacity(session):
    queue = ow.FIFOQueue(2, "int32", [[]])
    thread = threading.Thread(target=session.run, args=(queue.enqueue_many([np.arange(6, dtype=np.int32)]),))
    thread.start()
    np.testing.assert_array_equal(session.run(queue.dequeue_many(6)), range(6))
    thread.join(10)


def test_shuffling_keeps_some_to_choose_from(session):
    queue = ow.RandomShuffleQueue(200, 50, "int32", [[]], seed=1)
    session.run(queue.enqueue_many([np.arange(100, dtype=np.int32)]))
    found = session.run(queue.dequeue_many(50)).tolist()
    assert found != sorted(found)
    session.run(queue.close())
    found += session.run(queue.dequeue_many(50)).tolist()
    assert sorted(found) == list(range(100))


def test_padding_and_names(session):
    queue = ow.PaddingFIFOQueue(10, ["float32"], [[None]], names=["row"])
    x = ow.placeholder("float32", [None])
    for n in (1, 3):
        session.run(queue.enqueue({"row": x}), {x: np.ones(n)})
    np.testing.assert_array_equal(session.run(queue.dequeue_many(2)["row"]), [[1, 0, 0], [1, 1, 1]])


def test_queues_at_once():
    queue = ow.queue.FIFOQueue(3, "float32", [[]])
    queue.enqueue(2.5)
    assert float(queue.dequeue()) == 2.5


def test_a_program_of_producer_reader_and_batches(session, tmp_path):
    for k in range(3):
        np.arange(6 * k, 6 * k + 6, dtype=np.int16).tofile(tmp_path / f"{k}.bin")  # 3 records of 2 numbers
    names = [str(tmp_path / f"{k}.bin") for k in range(3)]
    files = ow.train.string_input_producer(names, num_epochs=2, shuffle=False)
    key, value = ow.FixedLengthRecordReader(4).read(files)
    assert (key.dtype, key.shape, value.shape) == ("string", (), ())
    pair = ow.reshape(ow.decode_raw(value, "int16"), [2])
    first, last = ow.train.batch([pair[0], ow.cast(pair[1], "int32")], 4, allow_smaller_final_batch=True)
    assert (first.shape, first.dtype, last.dtype) == ((None,), "int16", "int32")
    coord = ow.train.Coordinator()
    threads = ow.train.start_queue_runners(session, coord)
    rows = []
    with coord.stop_on_exception():
        while not coord.should_stop():
            a, b = session.run([first, last])
            np.testing.assert_array_equal(a + 1, b)
            rows += a.tolist()
    coord.join(threads, stop_grace_period_secs=10)  # the end of the data is no error
    assert rows == [*range(0, 18, 2)] * 2
    with pytest.raises(OutOfRangeError):
        session.run(key)


def test_many_threads_read_each_record_once(session, tmp_path):
    (tmp_path / "lines.txt").write_text("head\n" + "".join(f"{i}\n" for i in range(200)))
    files = ow.train.string_input_producer([str(tmp_path / "lines.txt")], num_epochs=1)
    _, value = ow.TextLineReader(skip_header_lines=1).read(files)
    numbers = ow.strings.to_number(value, "int32")
    out = ow.train.shuffle_batch([numbers], 20, 100, 10, num_threads=8, seed=3)
    threads = ow.train.start_queue_runners(session)
    found = [i for _ in range(10) for i in session.run(out).tolist()]
    assert sorted(found) == list(range(200))
    assert found != sorted(found)
    with pytest.raises(OutOfRangeError):
        session.run(out)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_whole_files_and_tfrecords(session, tmp_path):
    with ow.io.TFRecordWriter(str(tmp_path / "records")) as writer:
        for text in (b"one", b"two"):
            writer.write(text)
    for reader, wanted in (
        (ow.TFRecordReader(), [(f"{tmp_path}/records:0", b"one"), (f"{tmp_path}/records:1", b"two")]),
        (ow.WholeFileReader(), [(f"{tmp_path}/records", (tmp_path / "records").read_bytes())]),
    ):
        read = reader.read(ow.train.string_input_producer([str(tmp_path / "records")], num_epochs=1))
        for thread in ow.train.start_queue_runners(session):
            thread.join(10)
        found = [tuple(session.run(list(read))) for _ in wanted]
        assert [(key.decode(), value) for key, value in found] == wanted
        with pytest.raises(OutOfRangeError):
            session.run(list(read))


def test_stopping_wakes_threads_that_wait(session):
    out = ow.train.batch([ow.random.uniform([3])], 2, num_threads=4, capacity=5)
    coord = ow.train.Coordinator()
    threads = ow.train.start_queue_runners(session, coord)
    assert session.run(out).shape == (2, 3)
    time.sleep(0.05)  # until the queue is full
    finish(coord, threads)


def test_each_session_begins_anew(tmp_path):
    with ow.Graph().as_default():
        which = ow.train.range_input_producer(5, num_epochs=1, shuffle=False).dequeue()
        out = ow.train.batch([which], 2)
        for _ in range(3):
            with ow.Session() as session:
                coord = ow.train.Coordinator()
                threads = ow.train.start_queue_runners(session, coord)
                np.testing.assert_array_equal(session.run(out), [0, 1])
                finish(coord, threads)


def test_an_error_in_a_thread_reaches_join(session):
    def fail():
        raise ValueError("no data today")

    ow.train.batch([ow.ensure_shape(ow.py_func(fail, [], "int32"), [])], 2)
    coord = ow.train.Coordinator()
    threads = ow.train.start_queue_runners(session, coord)
    assert coord.wait_for_stop(10)
    with pytest.raises(RunError, match="no data today"):
        coord.join(threads)
    coord.clear_stop()
    assert not coord.should_stop()


def test_slices_of_tensors(session):
    rows, labels = np.arange(12, dtype=np.float32).reshape(6, 2), np.arange(6)
    row, label = ow.train.slice_input_producer([rows, labels], num_epochs=1, seed=5)
    out = ow.train.batch({"row": row, "label": label}, 6)
    ow.train.start_queue_runners(session)
    found = session.run(out)
    assert sorted(found["label"].tolist()) == list(range(6))
    np.testing.assert_array_equal(found["row"], rows[found["label"]])


def test_a_program_that_just_ends_ends(tmp_path):
    program = (
        "import opwright_tf1 as tf\nx = tf.train.shuffle_batch([tf.random_uniform([9])], 4, 50, 20, num_threads=4)\n"
        "sess = tf.Session()\ntf.train.start_queue_runners(sess=sess)\nprint(sess.run(x).shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "(4, 9)\n", "")


def test_errors(session, tmp_path):
    queue = ow.FIFOQueue(3, ["int32"], [[2]])
    for error, text, function in (
        (ArgumentError, r"vals must have the queue's 1 components, got 2", lambda: queue.enqueue([1, 2])),
        (
            ShapeError,
            r"vals must have the shape \(2,\) of the queue fifo_queue, got \(3,\)",
            lambda: queue.enqueue([[1, 2, 3]]),
        ),
        (ArgumentError, "a shape for each of 2 dtypes", lambda: ow.FIFOQueue(3, ["int32", "int32"], [[2]])),
        (
            ArgumentError,
            "min_after_dequeue must be less than capacity = 3, got 3",
            lambda: ow.RandomShuffleQueue(3, 3, "int32"),
        ),
        (ArgumentError, "there must be an item at least, got none", lambda: ow.train.string_input_producer([])),
    ):
        with pytest.raises(error, match=text):
            function()
    (tmp_path / "odd").write_bytes(b"12345")
    _, value = ow.FixedLengthRecordReader(4).read(ow.train.string_input_producer([str(tmp_path / "odd")]))
    ow.train.start_queue_runners(session)
    with pytest.raises(RunError, match="must hold whole records of 4 bytes between header and footer, got 5 bytes"):
        session.run(value)


def test_runners_need_a_session_and_a_graph():
    with pytest.raises(GraphError, match="a session must be given or current, got None"):
        ow.train.start_queue_runners()
    with pytest.raises(GraphError, match="a graph must be current, got None"):
        ow.train.string_input_producer(["a"])

"""RunOptions, RunMetadata, Timeline: the traces of single runs."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import opwright_tf1 as tf
import pytest


@pytest.fixture
def step():
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float32, [64, 32])
        y = tf.reduce_max(tf.matmul(x, np.ones((32, 16), np.float32), name="product"))
        yield lambda **more: sess.run(y, {x: np.ones((64, 32))}, **more)


def traced(step):
    metadata = tf.RunMetadata()
    found = step(options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
    return found, metadata


def test_a_traced_run_tells_what_its_nodes_took(step):
    found, metadata = traced(step)
    assert found == 32
    (device,) = metadata.step_stats.dev_stats
    assert device.device == "/job:localhost/replica:0/task:0/device:CPU:0"
    (product,) = [n for n in device.node_stats if n.node_name.startswith("product")]
    assert product.timeline_label.endswith(" = matmul()")
    assert 0 < product.all_end_rel_nanos < 1e9
    assert 0 < product.all_end_rel_micros <= product.all_end_rel_nanos / 1000 + 1
    assert product.op_end_rel_micros == product.all_end_rel_micros
    starts = [n.all_start_nanos for n in device.node_stats]
    assert starts == sorted(starts)


def test_runs_without_a_trace_report_nothing(step):
    metadata = tf.RunMetadata()
    assert step(options=tf.RunOptions(trace_level=tf.RunOptions.NO_TRACE), run_metadata=metadata) == 32
    assert step(run_metadata=metadata) == 32
    assert step(options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)) == 32
    assert metadata.step_stats.dev_stats == []


def test_timelines_load_in_chrome(step):
    trace = json.loads(tf.python.client.timeline.Timeline(traced(step)[1].step_stats).generate_chrome_trace_format())
    names = [e["args"]["name"] for e in trace["traceEvents"] if e["ph"] == "M"]
    assert names == ["/job:localhost/replica:0/task:0/device:CPU:0 Compute"]
    (product,) = [e for e in trace["traceEvents"] if e["name"] == "matmul"]
    assert product["args"]["name"].startswith("product")
    assert product["ph"] == "X"
    assert product["dur"] > 0


def test_a_failing_traced_run_leaves_no_trace_running(step):
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.int32, [])
        picked = tf.gather(tf.constant([1.0, 2.0]), x)
        options, metadata = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), tf.RunMetadata()
        with pytest.raises(Exception, match="gather"):
            sess.run(picked, {x: 7}, options=options, run_metadata=metadata)
        assert sess.run(picked, {x: 1}, options=options, run_metadata=metadata) == 2
    assert metadata.step_stats.dev_stats


def test_programs_find_it_where_tensorflow_has_it(tmp_path):
    (tmp_path / "program.py").write_text(
        textwrap.dedent("""
            import tensorflow as tf
            from tensorflow.python.client import timeline

            metadata = tf.RunMetadata()
            with tf.Session() as sess:
                options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
                sess.run(tf.ones([100, 100]) @ tf.random_normal([100, 100]), options=options, run_metadata=metadata)
            print("matmul" in timeline.Timeline(metadata.step_stats).generate_chrome_trace_format(show_memory=True))
        """)
    )
    ran = subprocess.run(
        [sys.executable, "-m", "opwright_tf1", "program.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.stdout.split() == ["True"], ran.stderr

"""What programs train with besides ops: layers, summaries, checkpoints."""

import numpy as np
import opwright_tf1 as tf
import pytest
from opwright.errors import ArgumentError, NotFoundError, ShapeError


@pytest.fixture(autouse=True)
def fresh():
    tf.reset_default_graph()


def test_layers_make_their_variables_once(rng):
    x = tf.placeholder(tf.float32, [None, 8, 8, 2])
    h = tf.layers.conv2d(x, 4, [3, 3], padding="same", activation=tf.nn.relu, name="conv")
    h = tf.layers.max_pooling2d(h, [2, 2], 2)
    h = tf.layers.average_pooling2d(h, 2, [2, 2])
    flat = tf.layers.flatten(h)
    assert flat.get_shape().as_list() == [None, 16]
    dropped = tf.layers.dropout(flat, rate=0.5, training=True, seed=1)
    y = tf.layers.dense(flat, 3)
    again = tf.layers.dense(flat, 3)
    shared = tf.layers.conv2d(x, 4, 3, padding="same", name="conv", reuse=True)
    names = [v.name for v in tf.trainable_variables()]
    assert names == [
        "conv/kernel:0",
        "conv/bias:0",
        "dense/kernel:0",
        "dense/bias:0",
        "dense_1/kernel:0",
        "dense_1/bias:0",
    ]
    images = rng.normal(size=(5, 8, 8, 2)).astype(np.float32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        flat_value, y_value, dropped_value, w, b = sess.run(
            [flat, y, dropped, *tf.trainable_variables()[2:4]], {x: images}
        )
        np.testing.assert_allclose(y_value, flat_value @ w + b, rtol=1e-5, atol=1e-6)
        kept = dropped_value != 0
        np.testing.assert_allclose(dropped_value[kept], 2 * flat_value[kept], rtol=1e-6)
        assert sess.run(shared, {x: images}).shape == (5, 8, 8, 4)
        assert sess.run(again, {x: images}).shape == (5, 3)


def test_contrib_layers():
    x = tf.constant(np.arange(12, dtype=np.float32).reshape(2, 3, 2))
    y = tf.contrib.layers.fully_connected(tf.contrib.layers.flatten(x), 4, scope="fc")
    w = tf.get_variable("w", [3, 2], initializer=tf.contrib.layers.xavier_initializer())
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(y).min() >= 0
        assert abs(sess.run(w)).max() <= (6 / 5) ** 0.5
    assert [v.name for v in tf.trainable_variables()] == ["fc/weights:0", "fc/biases:0", "w:0"]
    with pytest.raises(ShapeError, match=r"\[dense\] the last dimension of inputs must be known"):
        tf.layers.dense(tf.placeholder(tf.float32, [None, None]), 3)
    with pytest.raises(ArgumentError, match=r"\[conv2d\] data_format must be channels_last, got 'channels_first'"):
        tf.layers.conv2d(tf.placeholder(tf.float32, [1, 2, 3, 4]), 3, 3, data_format="channels_first")


def test_layers_with_a_tensor_for_training_and_regularizers():
    training = tf.placeholder(tf.bool, [])
    x = tf.ones([3, 4])
    y = tf.layers.dropout(x, 0.5, training=training)
    tf.layers.dense(x, 2, kernel_regularizer=lambda w: tf.reduce_sum(w * w), name="d")
    assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 1
    with tf.Session() as sess:
        assert sess.run(y, {training: False}).tolist() == [[1.0] * 4] * 3
        assert set(sess.run(y, {training: True}).ravel()) <= {0.0, 2.0}


def test_summaries(tmp_path):
    x = tf.placeholder(tf.float32, [None])
    with tf.name_scope("train"):
        tf.summary.scalar("loss", tf.reduce_sum(x))
    tf.summary.histogram("x", x)
    tf.summary.image("im", tf.reshape(x, [1, 1, -1, 1]))
    merged = tf.summary.merge_all()
    old = tf.merge_summary([tf.scalar_summary("old", tf.reduce_mean(x))])
    with tf.Session() as sess, tf.summary.FileWriter(str(tmp_path), sess.graph) as writer:
        for step in range(2):
            writer.add_summary(sess.run(merged, {x: [1.0, 2.0 + step]}), step)
        writer.add_summary(sess.run(old, {x: [3.0]}), global_step=5)
        writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="by hand", simple_value=0.25)]), 6)
        found = tf.Summary.FromString(sess.run(merged, {x: [1.0, 2.0]}))
        assert [(v.tag, v.simple_value) for v in found.value] == [("train/loss", 3.0)]
        with pytest.raises(ArgumentError, match=r"\[FileWriter\] summary must be what a summary gave"):
            writer.add_summary(3)
    (path,) = tmp_path.iterdir()
    records = list(tf.python_io.tf_record_iterator(str(path)))
    assert len(records) == 6
    assert b"by hand" in records[-1]
    assert b"train/loss" in records[2]
    assert b"placeholder" in records[1]


def test_checkpoints(tmp_path):
    w = tf.Variable([1.0, 2.0], name="w")
    step = tf.Variable(0, trainable=False, name="step")
    saver = tf.train.Saver(max_to_keep=2)
    prefix = str(tmp_path / "model.ckpt")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(3):
            sess.run([tf.assign_add(w, [1.0, 1.0]), tf.assign_add(step, 1)])
            path = saver.save(sess, prefix, global_step=step)
    assert path == prefix + "-3"
    assert tf.train.latest_checkpoint(str(tmp_path)) == path
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert (state.model_checkpoint_path, state.all_model_checkpoint_paths) == (path, [prefix + "-2", path])
    assert not tf.train.checkpoint_exists(prefix + "-1")
    assert tf.train.get_checkpoint_state(str(tmp_path / "none")) is None
    with tf.Session() as sess:
        saver.restore(sess, path)
        assert sess.run(w).tolist() == [4.0, 5.0]
        tf.train.Saver({"w": w}).restore(sess, prefix + "-2")
        assert sess.run([w, step])[0].tolist() == [3.0, 4.0]
        with pytest.raises(NotFoundError, match=r"\[Saver\] save_path must be what save returned"):
            saver.restore(sess, prefix)
        other = tf.Variable(1.0, name="other")
        with pytest.raises(NotFoundError, match=r"must hold the variables other, which it does not"):
            tf.train.Saver([other]).restore(sess, path)


def test_names_of_later_releases_and_logs(caplog):
    tf.disable_v2_behavior()
    tf.compat.v1.disable_eager_execution()
    assert tf.compat.v1.layers.dense is tf.layers.dense
    assert tf.compat.v1.train.AdamOptimizer is tf.train.AdamOptimizer
    assert tf.compat.as_str(b"a") == "a"
    before = tf.logging.get_verbosity()
    tf.logging.set_verbosity(tf.logging.INFO)
    tf.logging.info("step %d", 3)
    tf.logging.debug("unseen")
    tf.logging.set_verbosity(before)
    assert [r.getMessage() for r in caplog.records] == ["step 3"]
    assert tf.train.get_global_step() is None
    step = tf.train.get_or_create_global_step()
    assert tf.train.get_or_create_global_step() is step
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert tf.train.global_step(sess, step) == 0

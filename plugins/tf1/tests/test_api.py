"""Names, keywords, scopes, flags and the runner of the TensorFlow 1 face."""

import subprocess
import sys
import textwrap

import numpy as np
import opwright_tf1 as tf
import pytest


def value(tensor):
    with tf.Session() as sess:
        return sess.run(tensor)


def test_old_and_new_names_stand_for_the_same():
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    for old, new in ((tf.mul, tf.multiply), (tf.sub, tf.subtract), (tf.neg, tf.negative), (tf.inv, tf.reciprocal)):
        assert old is new
    np.testing.assert_array_equal(value(tf.reduce_sum(x, reduction_indices=[1], keep_dims=True)), [[3], [7]])
    np.testing.assert_array_equal(value(tf.reduce_sum(x, axis=0, keepdims=True)), [[4, 6]])
    np.testing.assert_array_equal(value(tf.arg_max(x, dimension=1)), [1, 1])
    np.testing.assert_array_equal(value(tf.concat(1, [x, x])), value(tf.concat([x, x], 1)))
    np.testing.assert_array_equal(value(tf.split(1, 2, x)[1]), value(tf.split(x, 2, 1)[1]))
    np.testing.assert_array_equal(value(tf.expand_dims(x, dim=0)), np.array([[[1, 2], [3, 4]]]))
    np.testing.assert_array_equal(value(tf.squeeze([[1.0]], squeeze_dims=[0])), [1])
    np.testing.assert_array_equal(value(tf.pack([1, 2])), [1, 2])
    with pytest.raises(TypeError, match="axis was given as reduction_indices too"):
        tf.reduce_sum(x, axis=1, reduction_indices=1)
    with pytest.raises(AttributeError, match=r"tf.redcue_sum is not there; did you mean 'reduce_sum'"):
        tf.redcue_sum  # noqa: B018


def test_dimensions_have_a_value():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 28, 3])
        shape = x.get_shape()
        assert [d.value for d in shape] == [None, 28, 3]
        assert shape[1].value * shape[2] == 84
        assert shape[1:].as_list() == [28, 3]
        assert shape[0].value is None
        assert shape[0] == tf.Dimension(None)
        assert (shape.ndims, shape.as_list(), str(shape)) == (3, [None, 28, 3], str(x.shape))
        flat = tf.reshape(x, [-1, shape[1] * shape[2].value])
        assert flat.get_shape().as_list() == [None, 84]
        again = tf.placeholder(tf.float32, [shape[0], shape[1]])
        assert again.shape.as_list() == [None, 28]
        weights = tf.Variable(tf.zeros([flat.get_shape()[1].value, 10]))
        assert weights.get_shape()[0].value == 84


def test_cross_entropies_take_old_and_new_arguments():
    logits, labels = tf.constant([[1.0, 2.0, 0.5]]), tf.constant([[0.0, 1.0, 0.0]])
    old = tf.nn.softmax_cross_entropy_with_logits(logits, labels)
    new = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    v2 = tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
    sparse = tf.nn.sparse_softmax_cross_entropy_with_logits(logits, tf.constant([1]))
    want = [np.log(np.exp([1, 2, 0.5]).sum()) - 2]
    for got in (old, new, v2, sparse):
        np.testing.assert_allclose(value(got), want, rtol=1e-6)
    assert tf.gradients(new, [labels]) == [None]
    assert tf.gradients(v2, [labels]) != [None]
    with pytest.raises(TypeError, match="labels and logits must be given"):
        tf.nn.softmax_cross_entropy_with_logits(logits=logits)


def test_pooling_takes_old_arguments():
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    pooled = tf.nn.max_pool(value=image, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
    np.testing.assert_array_equal(value(pooled)[0, :, :, 0], [[5, 7], [13, 15]])
    np.testing.assert_array_equal(value(tf.nn.pool(image, [2, 2], "AVG", "VALID", strides=[2, 2]))[0, 0, 0], [2.5])
    _, at = tf.nn.max_pool_with_argmax(image, [1, 4, 4, 1], [1, 1, 1, 1], "VALID", Targmax=tf.int32)
    assert at.dtype == tf.int32


def test_resize_images_takes_old_and_new_arguments():
    images = np.array([[0.0, 2.0], [4.0, 6.0]], np.float32).reshape(1, 2, 2, 1)
    want = [[0, 1, 2, 2], [2, 3, 4, 4], [4, 5, 6, 6], [4, 5, 6, 6]]
    for resized in (
        tf.image.resize_images(images, 4, 4),
        tf.image.resize_images(images, new_height=4, new_width=4),
        tf.image.resize_images(images, [4, 4]),
        tf.image.resize_images(images, tf.constant([4, 4]), tf.image.ResizeMethod.BILINEAR),
        tf.image.resize_bilinear(images, [4, 4]),
    ):
        np.testing.assert_array_equal(value(resized)[0, :, :, 0], want)
    nearest = tf.image.resize_images(images[0], [1, 4], method=tf.image.ResizeMethod.NEAREST_NEIGHBOR)
    np.testing.assert_array_equal(value(nearest)[:, :, 0], [[0, 0, 2, 2]])
    old = tf.image.resize_images(images, 3, 3, tf.image.ResizeMethod.BILINEAR, True)
    np.testing.assert_array_equal(value(old)[0, :, :, 0], [[0, 1, 2], [2, 3, 4], [4, 5, 6]])
    assert tf.image.per_image_whitening is tf.image.per_image_standardization
    assert tf.nn.lrn is tf.nn.local_response_normalization


def test_dtypes_and_graphs():
    assert tf.float32 == np.float32
    assert tf.bool.name == "bool"
    assert tf.placeholder(tf.float32).graph is tf.get_default_graph()
    graph = tf.Graph()
    with graph.as_default():
        assert tf.constant(1).graph is graph
        with pytest.raises(ValueError, match="must not be reset inside"):
            tf.reset_default_graph()
    tf.add_to_collection(tf.GraphKeys.LOSSES, 1)
    assert tf.get_collection("losses") == [1]
    with tf.name_scope("outer"), tf.device("/cpu:0"):
        x = tf.constant(1.0, name="x")
    assert (x.name, x.device) == ("outer/x:0", "cpu:0")


def test_variable_scopes():
    with tf.variable_scope("a") as scope:
        v = tf.get_variable("v", [2], initializer=tf.constant_initializer(3.0))
        with tf.variable_scope("b"):
            w = tf.get_variable("w", initializer=tf.constant([1.0]))
        scope.reuse_variables()
        assert tf.get_variable("v") is v
    with tf.variable_scope("a", reuse=tf.AUTO_REUSE):
        assert tf.get_variable("v", [2]) is v
        new = tf.get_variable("new", [1])
        with pytest.raises(ValueError, match=r"'a/v' must have shape \(2,\), got \(3,\)"):
            tf.get_variable("v", [3])
    assert [x.name for x in (v, w, new)] == ["a/v:0", "a/b/w:0", "a/new:0"]
    with tf.variable_scope(None, default_name="layer"):
        one = tf.get_variable("k", [1])
    with tf.variable_scope(None, default_name="layer"):
        two = tf.get_variable("k", [1])
    assert (one.name, two.name) == ("layer/k:0", "layer_1/k:0")
    with pytest.raises(ValueError, match="must be given a shape"):
        tf.get_variable("shapeless")
    assert [x.name for x in tf.trainable_variables()] == [x.name for x in (v, w, new, one, two)]
    assert tf.get_variable_scope().name == ""
    with tf.variable_scope("r", regularizer=lambda x: tf.reduce_sum(x * x)):
        tf.get_variable("x", [2], initializer=tf.constant_initializer(2.0))
    (loss,) = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(loss) == 8


def test_sessions_take_a_config():
    config = tf.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True
    with tf.Session(config=config) as sess:
        assert sess.run(tf.constant(2) * 3) == 6
        assert tf.get_default_session() is sess
    assert tf.get_default_session() is None


PROGRAM = """
    import numpy as np
    import tensorflow as tf
    import tensorflow.compat.v1 as tf1
    from tensorflow.python.framework import ops
    from tensorflow.examples.tutorials.mnist import input_data

    flags = tf.app.flags
    FLAGS = flags.FLAGS
    flags.DEFINE_integer("steps", 3, "how many")
    flags.DEFINE_boolean("loud", False, "how loud")

    def main(argv):
        ops.reset_default_graph()
        x = tf.Variable(0)
        more = tf.assign(x, x + 1)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            for _ in range(FLAGS.steps):
                last = sess.run(more)
        print(last, FLAGS.loud, argv[1:], tf1.constant(1).dtype.name, callable(input_data.read_data_sets))

    if __name__ == "__main__":
        tf.app.run()
"""


def test_a_program_for_tensorflow_runs_unchanged(tmp_path):
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    command = [sys.executable, "-m", "opwright_tf1", str(tmp_path / "program.py"), "--steps", "5", "--loud", "rest"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert found.stderr == ""
    assert found.stdout == "5 True ['rest'] int32 True\n"
    nothing = subprocess.run(command[:3], capture_output=True, text=True, timeout=120)
    assert "usage: python -m opwright_tf1 program.py" in nothing.stderr

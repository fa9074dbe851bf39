"""Convolutions with the argument names and orders of TensorFlow 1."""

import numpy as np
import opwright as ow
import opwright_tf1 as tf
import pytest


def value(tensor):
    with tf.Session() as sess:
        return sess.run(tensor)


@pytest.fixture
def xw():
    rng = np.random.RandomState(0)
    return rng.normal(size=(2, 7, 6, 4)).astype(np.float32), rng.normal(size=(3, 3, 4, 8)).astype(np.float32)


def test_images(xw):
    x, w = xw
    with tf.Graph().as_default():
        same = [
            ow.nn.conv2d(x, w, 2, "SAME"),
            tf.nn.conv2d(x, w, [1, 2, 2, 1], "SAME"),
            tf.nn.conv2d(input=x, filter=w, strides=[1, 2, 2, 1], padding="SAME", use_cudnn_on_gpu=False),
            tf.nn.conv2d(x, w, [1, 2, 2, 1], "SAME", True, "NHWC", [1, 1, 1, 1], "named"),
            tf.nn.conv2d(x, filters=w, strides=2, padding="SAME"),
            tf.nn.convolution(x, w, "SAME", [2, 2]),
        ]
        for other in same[1:]:
            np.testing.assert_array_equal(value(other), value(same[0]))
        assert same[3].op.name == "named"
        with pytest.raises(TypeError, match=r"\[conv2d\] one of filter and filters must be given, got 0"):
            tf.nn.conv2d(x, strides=2, padding="SAME")


def test_backwards(xw):
    x, w = xw
    with tf.Graph().as_default():
        y = value(tf.nn.conv2d(x, w, [1, 1, 1, 1], "VALID"))
        back = ow.nn.conv2d_transpose(y, w, x.shape, 1, "VALID")
        for other in (
            tf.nn.conv2d_transpose(value=y, filter=w, output_shape=x.shape, strides=[1, 1, 1, 1], padding="VALID"),
            tf.nn.conv2d_backprop_input(x.shape, w, y, [1, 1, 1, 1], "VALID", True, "NHWC"),
        ):
            np.testing.assert_array_equal(value(other), value(back))
        dw = tf.nn.conv2d_backprop_filter(x, w.shape, y, [1, 1, 1, 1], "VALID", True)
        np.testing.assert_allclose(np.vdot(value(dw), w), np.vdot(y, y), rtol=1e-4)


def test_the_rest(xw):
    x, w = xw
    apart, mix = w[..., :2], np.ones((1, 1, 8, 3), np.float32)
    with tf.Graph().as_default():
        each = tf.nn.depthwise_conv2d(x, apart, [1, 1, 1, 1], "SAME", rate=[2, 2])
        np.testing.assert_array_equal(value(each), value(ow.nn.depthwise_conv2d(x, apart, 1, "SAME", dilations=2)))
        mixed = tf.nn.separable_conv2d(x, apart, mix, [1, 1, 1, 1], "SAME", [2, 2], "mixed")
        np.testing.assert_allclose(value(mixed)[..., 0], value(each).sum(-1), rtol=1e-4, atol=1e-5)
        line = tf.nn.conv1d(x[0], w[0], stride=2, padding="SAME")
        np.testing.assert_array_equal(
            value(line), value(tf.nn.conv1d(input=x[0], filters=w[0], stride=2, padding="SAME"))
        )
        volume = tf.nn.conv3d(x[None], w[None], [1, 1, 2, 2, 1], "SAME")
        up = tf.nn.conv3d_transpose(volume, w[None], [1, 2, 7, 6, 4], [1, 1, 2, 2, 1])
        assert value(up).shape == (1, 2, 7, 6, 4)
        wide = tf.nn.atrous_conv2d(x, w, 2, "SAME")
        np.testing.assert_array_equal(value(wide), value(tf.nn.convolution(x, w, "SAME", dilation_rate=[2, 2])))


def test_crop_and_resize_by_its_old_name():
    image = np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1)
    with tf.Graph().as_default():
        for name in ("box_ind", "box_indices"):
            crop = tf.image.crop_and_resize(image, [[0, 0, 1, 1]], crop_size=[3, 4], **{name: [0]})
            np.testing.assert_array_equal(value(crop), image)

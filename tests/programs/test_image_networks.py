"""Inference graphs of AlexNet's layers, an Inception module and a ResNet block: optimised and reference plans agree."""

import numpy as np
import opwright_tf1 as tf
import pytest
from opwright.plan import flags
from opwright.plan.spec import Spec
from opwright.plan.step import Step


def conv(x, size, outputs, stride=1, padding="SAME", groups=1, activation=tf.nn.relu):
    inputs = x.get_shape().as_list()[3] // groups
    scale = (2.0 / (size * size * inputs)) ** 0.5
    kernel = tf.Variable(tf.truncated_normal([size, size, inputs, outputs], stddev=scale), name="weights")
    biases = tf.Variable(tf.random_uniform([outputs], -0.1, 0.1), name="biases")
    y = tf.nn.bias_add(tf.nn.conv2d(x, kernel, [1, stride, stride, 1], padding=padding), biases)
    return activation(y) if activation else y


def max_pool(x, size, stride, padding="VALID"):
    return tf.nn.max_pool(x, [1, size, size, 1], [1, stride, stride, 1], padding)


def dense(x, outputs, activation=tf.nn.relu):
    inputs = x.get_shape().as_list()[1]
    weights = tf.Variable(tf.truncated_normal([inputs, outputs], stddev=(2.0 / inputs) ** 0.5))
    y = tf.nn.xw_plus_b(x, weights, tf.Variable(tf.zeros([outputs])))
    return activation(y) if activation else y


def alexnet(images):
    """Krizhevsky, Sutskever, Hinton 2012, an eighth as wide: 11 x 11, 5 x 5 and 3 x 3 filters, some in two groups."""
    x = max_pool(conv(images, 11, 12, stride=4, padding="VALID"), 3, 2)
    x = max_pool(conv(x, 5, 32, groups=2), 3, 2)
    x = conv(x, 3, 48)
    x = conv(x, 3, 48, groups=2)
    x = max_pool(conv(x, 3, 32, groups=2), 3, 2)
    x = tf.reshape(x, [-1, np.prod(x.get_shape().as_list()[1:])])
    return tf.nn.softmax(dense(dense(dense(x, 64), 64), 10, activation=None))


def inception(x):
    """Szegedy et al. 2014: 1 x 1, 3 x 3 and 5 x 5 filters and a pool side by side."""
    return tf.concat(
        [
            conv(x, 1, 16),
            conv(conv(x, 1, 12), 3, 24),
            conv(conv(x, 1, 4), 5, 8),
            conv(max_pool(x, 3, 1, padding="SAME"), 1, 8),
        ],
        3,
    )


def resnet(x):
    """He et al. 2015: a bottleneck block that halves the image, one that keeps it, and the mean."""
    for outputs, stride in ((32, 2), (32, 1)):
        same = x.get_shape().as_list()[3] == outputs and stride == 1
        shortcut = x if same else conv(x, 1, outputs, stride, activation=None)
        x = conv(conv(conv(x, 1, 8, stride), 3, 8), 1, outputs, activation=None)
        x = tf.nn.relu(x + shortcut)
    return dense(tf.reduce_mean(x, [1, 2]), 10, activation=None)


NETWORKS = {
    "alexnet": (alexnet, (2, 99, 99, 3)),
    "inception": (lambda x: inception(inception(x)), (2, 17, 15, 19)),
    "resnet": (resnet, (3, 19, 17, 16)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_optimised_and_reference_plans_agree(name):
    network, shape = NETWORKS[name]
    images = np.random.RandomState(1).uniform(-1, 1, shape).astype(np.float32)
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, (None, *shape[1:]))
        y = network(x)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            found = sess.run(y, {x: images})
            (plain,) = Step(Spec([y], [x], []), sess, flags.parse("reference")).run([images])
            one_by_one = [sess.run(y, {x: image[None]})[0] for image in images]
    assert np.isfinite(found).all()
    assert found.std() > 1e-3
    np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found, one_by_one, rtol=1e-4, atol=1e-5)

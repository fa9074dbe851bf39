"""AlexNet and ResNet-50 for inference, written once: `b` builds their layers in some framework. Weights are drawn alike."""

import numpy as np

INPUTS = {"alexnet": (227, 227, 3), "resnet50": (224, 224, 3)}


class Weights:
    """The same numbers for every framework, in the order that they are asked for."""

    def __init__(self):
        self.rng = np.random.RandomState(1)

    def filters(self, *shape):
        deviation = (2.0 / np.prod(shape[:-1])) ** 0.5
        return (deviation * self.rng.standard_normal(shape)).astype(np.float32)

    def uniform(self, low, high, n):
        return self.rng.uniform(low, high, n).astype(np.float32)


def alexnet(b, x):
    """Krizhevsky, Sutskever and Hinton 2012, without the normalisation; filters in one or two groups."""
    for filters, size, stride, padding, groups, pool in (
        (96, 11, 4, "VALID", 1, True),
        (256, 5, 1, "SAME", 2, True),
        (384, 3, 1, "SAME", 1, False),
        (384, 3, 1, "SAME", 2, False),
        (256, 3, 1, "SAME", 2, True),
    ):
        x = b.relu(b.bias(b.conv(x, filters, size, stride, padding, groups)))
        x = b.max_pool(x, 3, 2, "VALID") if pool else x
    x = b.relu(b.dense(b.flat(x), 4096))
    return b.softmax(b.dense(b.relu(b.dense(x, 4096)), 1000))


def resnet50(b, x):
    """He et al. 2015, strides in the 3 x 3 convolutions; batch normalisation by given moments."""
    x = b.max_pool(b.relu(b.norm(b.conv(x, 64, 7, 2))), 3, 2, "SAME")
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            stride, width = (2 if stage and not block else 1), 64 << stage
            shortcut = x if block else b.norm(b.conv(x, 4 * width, 1, stride))
            y = b.relu(b.norm(b.conv(x, width, 1)))
            y = b.relu(b.norm(b.conv(y, width, 3, stride)))
            x = b.relu(b.add(b.norm(b.conv(y, 4 * width, 1), 0.2), shortcut))
    return b.softmax(b.dense(b.mean(x), 1000))


NETWORKS = {"alexnet": alexnet, "resnet50": resnet50}


def images(network, batch):
    return np.random.RandomState(2).uniform(-1, 1, (batch, *INPUTS[network])).astype(np.float32)


class Graph:
    """Layers as a TensorFlow 1 program, weights as constants: what TensorFlow calls a frozen graph."""

    def __init__(self, tf):
        self.tf, self.weights = tf, Weights()

    @staticmethod
    def channels(x):
        return int(x.get_shape()[-1])

    def conv(self, x, filters, size, stride=1, padding="SAME", groups=1):
        w = self.tf.constant(self.weights.filters(size, size, self.channels(x) // groups, filters))
        return self.tf.nn.conv2d(x, w, strides=[1, stride, stride, 1], padding=padding)

    def bias(self, x):
        return self.tf.nn.bias_add(x, self.tf.constant(self.weights.uniform(-0.1, 0.1, self.channels(x))))

    def norm(self, x, scale=1.0):
        n, uniform = self.channels(x), self.weights.uniform
        drawn = uniform(0.8 * scale, 1.2 * scale, n), uniform(-0.1, 0.1, n), uniform(-0.1, 0.1, n), uniform(0.8, 1.2, n)
        scale, offset, mean, variance = map(self.tf.constant, drawn)
        return self.tf.nn.fused_batch_norm(x, scale, offset, mean, variance, is_training=False)[0]

    def dense(self, x, n):
        w = self.tf.constant(self.weights.filters(self.channels(x), n))
        return self.bias(self.tf.matmul(x, w))

    def max_pool(self, x, size, stride, padding):
        return self.tf.nn.max_pool(x, ksize=[1, size, size, 1], strides=[1, stride, stride, 1], padding=padding)

    def relu(self, x):
        return self.tf.nn.relu(x)

    def add(self, x, y):
        return x + y

    def mean(self, x):
        return self.tf.reduce_mean(x, [1, 2])

    def flat(self, x):
        return self.tf.reshape(x, [-1, np.prod([int(n) for n in x.get_shape()[1:]])])

    def softmax(self, x):
        return self.tf.nn.softmax(x)


def graph(tf, network, batch):
    """A function that returns the network's answer."""
    x = tf.placeholder(tf.float32, [None, *INPUTS[network]])
    y = NETWORKS[network](Graph(tf), x)
    session, feeds = tf.Session(), {x: images(network, batch)}
    return lambda: session.run(y, feeds)

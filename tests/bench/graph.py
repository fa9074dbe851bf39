"""The workloads as TensorFlow 1 programs: `tf` is TensorFlow or Opwright. Each returns a function that does one step."""

import itertools

import numpy as np

rng = np.random.RandomState(0)


def scalar(tf):
    """a * b of two fed scalars: the cost of a run."""
    a, b = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    product = tf.multiply(a, b)
    session = tf.Session()
    feeds = {a: np.float32(2), b: np.float32(3)}
    return lambda: session.run(product, feeds)


def chain100(tf):
    """A hundred dependent ops on scalars: the cost of a node."""
    a = tf.placeholder(tf.float32, [])
    c = a
    for _ in range(50):
        c = tf.sin(c)
        c = tf.reshape(tf.matmul(tf.reshape(c, [1, 1]), tf.reshape(c, [1, 1])), [])
    session = tf.Session()
    feeds = {a: np.float32(0.5)}
    return lambda: session.run(c, feeds)


def elementwise(tf):
    """sum(sqrt(exp(x) + 1)) of four million numbers, and the largest element of its gradient."""
    x = tf.Variable(rng.randn(4_000_000).astype(np.float32))
    loss = tf.reduce_sum(tf.sqrt(tf.exp(x) + 1.0))
    largest = tf.reduce_max(tf.gradients(loss, [x])[0])
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    return lambda: session.run([loss, largest])


def _network(tf, sizes, optimizer, batch):
    x, labels = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
    h = x
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        w = tf.Variable(tf.truncated_normal([n, m], stddev=0.05))
        h = tf.matmul(h, w) + tf.Variable(tf.zeros([m]))
        h = tf.nn.relu(h) if i < len(sizes) - 2 else h
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=h))
    train = optimizer.minimize(loss)
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    answers = np.eye(10, dtype=np.float32)[rng.randint(0, 10, batch)]
    feeds = {x: rng.rand(batch, 784).astype(np.float32), labels: answers}
    return lambda: session.run(train, feeds)


def softmax(tf):
    """A step of softmax regression, 100 x 784 x 10, by gradient descent."""
    return _network(tf, (784, 10), tf.train.GradientDescentOptimizer(0.5), 100)


def mlp(tf):
    """A step of a 784-512-512-10 network on batches of 128, by Adam."""
    return _network(tf, (784, 512, 512, 10), tf.train.AdamOptimizer(1e-3), 128)

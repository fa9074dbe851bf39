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
    return _trained(tf, loss, optimizer, {x: rng.rand(batch, 784).astype(np.float32), labels: _one_hot(batch)})


def softmax(tf):
    """A step of softmax regression, 100 x 784 x 10, by gradient descent."""
    return _network(tf, (784, 10), tf.train.GradientDescentOptimizer(0.5), 100)


def mlp(tf):
    """A step of a 784-512-512-10 network on batches of 128, by Adam."""
    return _network(tf, (784, 512, 512, 10), tf.train.AdamOptimizer(1e-3), 128)


def _trained(tf, loss, optimizer, feeds):
    train = optimizer.minimize(loss)
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    return lambda: session.run(train, feeds)


def _weights(tf, shape, stddev=0.1):
    return tf.Variable(tf.truncated_normal(shape, stddev=stddev))


def _bias(tf, n, value=0.1):
    return tf.Variable(tf.constant(value, shape=[n]))


def _one_hot(n):
    return np.eye(10, dtype=np.float32)[rng.randint(0, 10, n)]


def deep_mnist(tf, batch=50):
    """A step of the "MNIST for experts" network: two 5x5 convolutions with pools, 1024 units, dropout; Adam."""
    x, labels = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
    h = tf.reshape(x, [-1, 28, 28, 1])
    for n, m in ((1, 32), (32, 64)):
        h = tf.nn.conv2d(h, _weights(tf, [5, 5, n, m]), strides=[1, 1, 1, 1], padding="SAME") + _bias(tf, m)
        h = tf.nn.max_pool(tf.nn.relu(h), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
    h = tf.nn.relu(tf.matmul(tf.reshape(h, [-1, 3136]), _weights(tf, [3136, 1024])) + _bias(tf, 1024))
    y = tf.matmul(tf.nn.dropout(h, rate=0.5), _weights(tf, [1024, 10])) + _bias(tf, 10)
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=y))
    feeds = {x: rng.rand(batch, 784).astype(np.float32), labels: _one_hot(batch)}
    return _trained(tf, loss, tf.train.AdamOptimizer(1e-4), feeds)


def cifar10(tf, batch=128):
    """A step of the CIFAR-10 tutorial's network on 24x24 crops, with local response normalisation, by descent."""
    x, labels = tf.placeholder(tf.float32, [batch, 24, 24, 3]), tf.placeholder(tf.int32, [batch])

    def convolved(h, n):
        h = tf.nn.conv2d(h, _weights(tf, [5, 5, n, 64], 0.05), strides=[1, 1, 1, 1], padding="SAME")
        return tf.nn.relu(h + _bias(tf, 64))

    def pooled(h):
        return tf.nn.max_pool(h, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME")

    def normalised(h):
        return tf.nn.local_response_normalization(h, 4, bias=1.0, alpha=0.001 / 9.0, beta=0.75)

    h = normalised(pooled(convolved(x, 3)))
    h = pooled(normalised(convolved(h, 64)))
    h = tf.reshape(h, [batch, 2304])
    for n, m in ((2304, 384), (384, 192)):
        h = tf.nn.relu(tf.matmul(h, _weights(tf, [n, m], 0.04)) + _bias(tf, m))
    y = tf.matmul(h, _weights(tf, [192, 10], 1 / 192)) + _bias(tf, 10, 0.0)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=y))
    answers = rng.randint(0, 10, batch).astype(np.int32)
    feeds = {x: rng.rand(batch, 24, 24, 3).astype(np.float32), labels: answers}
    return _trained(tf, loss, tf.train.GradientDescentOptimizer(0.1), feeds)


def word2vec(tf, batch=128, vocabulary=50_000, width=128, sampled=64):
    """A skip-gram step with noise-contrastive estimation; only touched rows of the embeddings change."""
    words, context = tf.placeholder(tf.int32, [batch]), tf.placeholder(tf.int32, [batch, 1])
    embeddings = tf.Variable(tf.random_uniform([vocabulary, width], -1.0, 1.0))
    weights, biases = _weights(tf, [vocabulary, width], width**-0.5), tf.Variable(tf.zeros([vocabulary]))
    inputs = tf.nn.embedding_lookup(embeddings, words)
    losses = tf.nn.nce_loss(
        weights=weights, biases=biases, labels=context, inputs=inputs, num_sampled=sampled, num_classes=vocabulary
    )
    feeds = {
        words: rng.randint(0, 1000, batch).astype(np.int32),
        context: rng.randint(0, 1000, (batch, 1)).astype(np.int32),
    }
    return _trained(tf, tf.reduce_mean(losses), tf.train.GradientDescentOptimizer(1.0), feeds)


def lstm(tf, batch=128, steps=28, width=28, hidden=128):
    """A step of an LSTM over the rows of digits, unrolled by hand, by Adam."""
    x, labels = tf.placeholder(tf.float32, [batch, steps, width]), tf.placeholder(tf.float32, [batch, 10])
    weights, biases = _weights(tf, [width + hidden, 4 * hidden]), tf.Variable(tf.zeros([4 * hidden]))
    c = h = tf.zeros([batch, hidden])
    for row in tf.unstack(x, axis=1):
        i, g, f, o = tf.split(tf.matmul(tf.concat([row, h], 1), weights) + biases, 4, axis=1)
        c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(g)
        h = tf.tanh(c) * tf.sigmoid(o)
    y = tf.matmul(h, _weights(tf, [hidden, 10])) + tf.Variable(tf.zeros([10]))
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=y))
    feeds = {x: rng.rand(batch, steps, width).astype(np.float32), labels: _one_hot(batch)}
    return _trained(tf, loss, tf.train.AdamOptimizer(1e-3), feeds)

"""The workloads in JAX, each step one jitted function."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

rng = np.random.RandomState(0)


def scalar():
    f = jax.jit(lambda a, b: a * b)
    a, b = np.float32(2), np.float32(3)
    return lambda: np.asarray(f(a, b))


def chain100():
    @jax.jit
    def f(c):
        for _ in range(50):
            c = jnp.sin(c)
            c = (c.reshape(1, 1) @ c.reshape(1, 1)).reshape(())
        return c

    a = np.float32(0.5)
    return lambda: np.asarray(f(a))


def elementwise():
    x = jnp.asarray(rng.randn(4_000_000).astype(np.float32))

    @jax.jit
    def f(x):
        loss, slope = jax.value_and_grad(lambda v: jnp.sqrt(jnp.exp(v) + 1).sum())(x)
        return loss, slope.max()

    return lambda: [np.asarray(v) for v in f(x)]


def _network(sizes, update, state_of, batch):
    params = [
        (0.05 * rng.randn(n, m).astype(np.float32), np.zeros(m, np.float32)) for n, m in itertools.pairwise(sizes)
    ]
    params = jax.tree.map(jnp.asarray, params)

    def loss(params, key, x, labels):
        h = x
        for i, (w, b) in enumerate(params):
            h = h @ w + b
            h = jax.nn.relu(h) if i < len(params) - 1 else h
        return _entropy(h, labels)

    x = rng.rand(batch, 784).astype(np.float32)
    return _trained(params, state_of(params), loss, update, x, _answers(batch))


def softmax():
    return _network((784, 10), functools.partial(_descend, rate=0.5), lambda params: (), 100)


def mlp():
    return _network((784, 512, 512, 10), functools.partial(_adam, rate=1e-3), _adam_state, 128)


def _convolved(h, w, b):
    h = jax.lax.conv_general_dilated(h, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jax.nn.relu(h + b)


def _pooled(h, size):
    return jax.lax.reduce_window(h, -jnp.inf, jax.lax.max, (1, size, size, 1), (1, 2, 2, 1), "SAME")


def _normalised(h):
    squares = jnp.pad(jnp.square(h), [(0, 0)] * (h.ndim - 1) + [(4, 4)])
    sums = sum(squares[..., i : i + h.shape[-1]] for i in range(9))
    return h / (1.0 + 0.001 / 9.0 * sums) ** 0.75


def _drawn(*shapes):
    return [jnp.asarray((0.1 * rng.randn(*shape)).astype(np.float32)) for shape in shapes]


def _descend(params, slopes, state, rate):
    return jax.tree.map(lambda p, g: p - rate * g, params, slopes), state


def _adam(params, slopes, state, rate):
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, slopes)
    v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, slopes)
    rate = rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return jax.tree.map(lambda p, a, b: p - rate * a / (jnp.sqrt(b) + 1e-8), params, m, v), (m, v, t)


def _adam_state(params):
    return jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params), jnp.float32(0)


def _trained(params, state, loss, update, *batch):
    """`loss(params, key, *batch)` goes down by `update(params, slopes, state)`; every step has a key of its own."""

    @jax.jit
    def step(params, state, key, *batch):
        key, mine = jax.random.split(key)
        return *update(params, jax.grad(loss)(params, mine, *batch), state), key

    held = [params, state, jax.random.PRNGKey(0)]

    def run():
        held[:] = step(*held, *batch)
        jax.block_until_ready(held[0])

    return run


def _entropy(logits, labels):
    return -jnp.mean(jnp.sum(jax.nn.log_softmax(logits) * labels, -1))


def _answers(n):
    return np.eye(10, dtype=np.float32)[rng.randint(0, 10, n)]


def deep_mnist(batch=50):
    params = _drawn((5, 5, 1, 32), (32,), (5, 5, 32, 64), (64,), (3136, 1024), (1024,), (1024, 10), (10,))

    def loss(params, key, x, labels):
        w1, b1, w2, b2, w3, b3, w4, b4 = params
        h = _pooled(_convolved(x.reshape(-1, 28, 28, 1), w1, b1), 2)
        h = _pooled(_convolved(h, w2, b2), 2).reshape(-1, 3136)
        h = jax.nn.relu(h @ w3 + b3)
        h = jnp.where(jax.random.bernoulli(key, 0.5, h.shape), h * 2, 0)
        return _entropy(h @ w4 + b4, labels)

    x = rng.rand(batch, 784).astype(np.float32)
    return _trained(params, _adam_state(params), loss, functools.partial(_adam, rate=1e-4), x, _answers(batch))


def cifar10(batch=128):
    shapes = ((5, 5, 3, 64), (64,), (5, 5, 64, 64), (64,), (2304, 384), (384,), (384, 192), (192,), (192, 10), (10,))

    def loss(params, key, x, labels):
        w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = params
        h = _normalised(_pooled(_convolved(x, w1, b1), 3))
        h = _pooled(_normalised(_convolved(h, w2, b2)), 3).reshape(batch, 2304)
        h = jax.nn.relu(jax.nn.relu(h @ w3 + b3) @ w4 + b4)
        return _entropy(h @ w5 + b5, labels)

    x = rng.rand(batch, 24, 24, 3).astype(np.float32)
    return _trained(_drawn(*shapes), (), loss, functools.partial(_descend, rate=0.1), x, _answers(batch))


def word2vec(batch=128, vocabulary=50_000, width=128, sampled=64):
    def loss(params, key, words, context):
        embeddings, weights, biases = params
        noise = jnp.exp(jax.random.uniform(key, (sampled,)) * np.log(vocabulary + 1.0)) - 1
        noise = jnp.clip(noise.astype(jnp.int32), 0, vocabulary - 1)
        inputs = embeddings[words]
        true = jnp.sum(inputs * weights[context], 1) + biases[context]
        false = inputs @ weights[noise].T + biases[noise]
        return jnp.mean(jax.nn.softplus(-true) + jnp.sum(jax.nn.softplus(false), 1))

    params = _drawn((vocabulary, width), (vocabulary, width), (vocabulary,))
    words, context = (rng.randint(0, 1000, batch).astype(np.int32) for _ in range(2))
    return _trained(params, (), loss, functools.partial(_descend, rate=1.0), words, context)


def lstm(batch=128, steps=28, width=28, hidden=128):
    def loss(params, key, x, labels):
        w, b, w2, b2 = params

        def cell(state, row):
            c, h = state
            i, g, f, o = jnp.split(jnp.concatenate([row, h], 1) @ w + b, 4, 1)
            c = c * jax.nn.sigmoid(f + 1) + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (c, jnp.tanh(c) * jax.nn.sigmoid(o)), None

        start = jnp.zeros((batch, hidden))
        (_, h), _ = jax.lax.scan(cell, (start, start), x.transpose(1, 0, 2))
        return _entropy(h @ w2 + b2, labels)

    params = _drawn((width + hidden, 4 * hidden), (4 * hidden,), (hidden, 10), (10,))
    x = rng.rand(batch, steps, width).astype(np.float32)
    return _trained(params, _adam_state(params), loss, functools.partial(_adam, rate=1e-3), x, _answers(batch))

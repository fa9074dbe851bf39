"""The workloads in JAX, each step one jitted function."""

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
    x = rng.rand(batch, 784).astype(np.float32)
    labels = np.eye(10, dtype=np.float32)[rng.randint(0, 10, batch)]

    def loss(params, x, labels):
        h = x
        for i, (w, b) in enumerate(params):
            h = h @ w + b
            h = jax.nn.relu(h) if i < len(params) - 1 else h
        return -jnp.mean(jnp.sum(jax.nn.log_softmax(h) * labels, -1))

    @jax.jit
    def step(params, state, x, labels):
        return update(params, jax.grad(loss)(params, x, labels), state)

    held = [params, state_of(params)]

    def run():
        held[:] = step(*held, x, labels)
        jax.block_until_ready(held[0])

    return run


def softmax():
    def descend(params, slopes, state):
        return jax.tree.map(lambda p, g: p - 0.5 * g, params, slopes), state

    return _network((784, 10), descend, lambda params: (), 100)


def mlp():
    def adam(params, slopes, state):
        m, v, t = state
        t = t + 1
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, slopes)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, slopes)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return jax.tree.map(lambda p, a, b: p - rate * a / (jnp.sqrt(b) + 1e-8), params, m, v), (m, v, t)

    def zeros(params):
        return jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params), jnp.float32(0)

    return _network((784, 512, 512, 10), adam, zeros, 128)

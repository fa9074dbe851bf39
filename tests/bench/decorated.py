"""A function with and without `function`: the same values, and how long each takes. `python tests/bench/decorated.py`."""

import time

import numpy as np
import opwright as ow


def step(x, w):
    """A small recurrent network: many small ops, of which Python is most of the time."""
    h = ow.zeros([1, 16])
    for _ in range(20):
        h = ow.tanh(x @ w + h @ w)
    return ow.reduce_sum(h)


def best(function, *arguments, rounds=30):
    """The least CPU time of a call."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        function(*arguments)
        times.append(time.process_time() - start)
    return min(times)


def measured():
    """The seconds of a call, undecorated and decorated. Raises AssertionError unless both give the same."""
    decorated = ow.function(step)
    x, w = ow.random.normal([1, 16], seed=1), ow.random.normal([16, 16], seed=2) * 0.1
    np.testing.assert_allclose(decorated(x, w), step(x, w), rtol=1e-5)
    return best(step, x, w), best(decorated, x, w)


if __name__ == "__main__":
    eager, traced = measured()
    print(f"eager {eager * 1e6:.0f} us, function {traced * 1e6:.0f} us, {eager / traced:.1f} times as fast")

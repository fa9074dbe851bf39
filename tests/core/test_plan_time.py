"""How long plans take to build, beside a fixed piece of Python on the same machine, and how that grows."""

import time

import numpy as np
import opwright as ow
import pytest
from opwright.plan.spec import Spec
from opwright.plan.step import Step


def yardstick():
    """CPU seconds of some Python of the kind a planner is: objects, lists, dictionaries."""
    start = time.process_time()
    found: dict[int, list[int]] = {}
    for i in range(300_000):
        found.setdefault(i % 1000, []).append(i)
    sum(len(group) for group in found.values())
    return time.process_time() - start


def unrolled(steps):
    """The weight gradient of a recurrent cell: some 45 operations a step."""
    x = ow.placeholder("float32", [8, steps, 4])
    w, b = ow.Variable(np.ones((12, 32), np.float32)), ow.Variable(np.zeros(32, np.float32))
    c = h = ow.zeros([8, 8])
    for row in ow.unstack(x, axis=1):
        i, g, f, o = ow.split(ow.matmul(ow.concat([row, h], 1), w) + b, 4, axis=1)
        c = c * ow.sigmoid(f + 1.0) + ow.sigmoid(i) * ow.tanh(g)
        h = ow.tanh(c) * ow.sigmoid(o)
    return ow.gradients(ow.reduce_sum(h), [w, b]), x


def chain(n):
    """n operations, a third of them products."""
    x = ow.placeholder("float32", [8, 8])
    w = ow.Variable(np.ones((8, 8), np.float32))
    h = x
    for _ in range(n // 3):
        h = ow.tanh(ow.matmul(h, w) + 1.0)
    return [h], x


def built(make, size):
    """CPU seconds to plan a step of a graph of that size, the best of three, and how many operations it has."""
    best = float("inf")
    with ow.Graph().as_default(), ow.Session() as session:
        fetches, x = make(size)
        session.run([op for op in session.graph.get_operations() if op.definition.initializes])
        at = np.zeros(x.shape.known(), np.float32)
        for _ in range(3):
            start = time.process_time()
            step = Step(Spec(fetches, [x], []), session)
            session.lanes.clear()
            step.run([at])
            best = min(best, time.process_time() - start)
        return best, len(step.spec.operations)


@pytest.mark.parametrize(("make", "small", "large"), [(unrolled, 7, 28), (chain, 1000, 4000)])
def test_building_takes_time_in_proportion_to_the_graph(make, small, large):
    built(make, small)  # libraries are opened once
    a, few = built(make, small)
    b, many = built(make, large)
    assert many > 3 * few
    # Measured: 1.0 to 1.3 times as long for an operation; a pass that looks at pairs takes 3 times and more.
    assert b / many < 2 * a / few


def test_building_takes_no_longer_than_it_did():
    built(unrolled, 7)
    units, (seconds, operations) = min(yardstick() for _ in range(3)), built(unrolled, 28)
    # Measured: 300 to 400 operations take as long as the yardstick.
    assert seconds / operations < units / 140


def squares(n):
    """A value squared again and again, and read long after."""
    x = ow.placeholder("float32", [4, 4])
    y = x
    for _ in range(n):
        y = y * y
    return [ow.cumsum(ow.cumsum(x)) * y], x


def test_ways_that_meet_again_are_not_gone_twice():
    built(squares, 2)
    units, (seconds, _) = min(yardstick() for _ in range(3)), built(squares, 30)
    assert seconds < units  # 2 ** 24 ways lead through the cluster of the first squares

"""Sums of products with stacked factors, and parts of products: how plans save multiplications."""

import numpy as np
import opwright as ow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opwright.plan import flags
from opwright.plan.spec import Spec
from opwright.plan.step import Step


def run(session, fetches, feeds, passes=""):
    """What a step gives under some passes, and its nodes."""
    step = Step(Spec(fetches, list(feeds), []), session, flags.parse(passes))
    found = step.run(list(feeds.values()))
    (lane,) = session.lanes.free
    return found, lane.latest[step].emitted.nodes


def count(nodes):
    """How many products there are."""
    return sum(n.definition is not None and n.definition.name == "matmul" for n in nodes)


def products(rng, number, rows, m, n):
    feeds = {}
    for _ in range(number):
        for columns in (m, n):
            x = ow.placeholder("float64", [rows, columns])
            feeds[x] = rng.normal(size=(rows, columns))
    xs = list(feeds)
    return [ow.matmul(a, b, transpose_a=True) for a, b in zip(xs[::2], xs[1::2])], feeds


def test_a_sum_of_products_is_one_product(session, rng):
    terms, feeds = products(rng, 5, 4, 6, 7)
    other = ow.placeholder("float64", [6, 7])
    feeds[other] = rng.normal(size=(6, 7))
    at = list(feeds.values())
    want = sum(a.T @ b for a, b in zip(at[:-1:2], at[1:-1:2]))
    (found,), nodes = run(session, [ow.add_n(terms)], feeds)
    np.testing.assert_allclose(found, want, rtol=1e-13, atol=1e-13)
    assert count(nodes) == 1
    (found,), nodes = run(session, [ow.add_n([*terms[:2], other, *terms[2:]])], feeds)
    np.testing.assert_allclose(found, want + at[-1], rtol=1e-13, atol=1e-13)
    assert count(nodes) == 1


def test_products_that_others_read_or_that_are_tall_stay_apart(session, rng):
    terms, feeds = products(rng, 3, 4, 6, 7)
    _, nodes = run(session, [ow.add_n(terms), *terms[1:]], feeds)  # one alone has nothing to be stacked with
    assert count(nodes) == 3
    terms, feeds = products(rng, 3, 300, 6, 7)  # stacking moves more than the results are
    _, nodes = run(session, [ow.add_n(terms)], feeds)
    assert count(nodes) == 3


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 10), st.integers(0, 5), st.integers(1, 9), st.integers(0, 9), st.integers(0, 2**16))
def test_sums_of_products_agree_with_the_reference_plan(number, rows, m, n, seed):
    rng = np.random.default_rng(seed)
    with ow.Graph().as_default(), ow.Session() as session:
        terms, feeds = products(rng, number, rows, m, n)
        fetches = [ow.add_n([*terms, terms[0]]), ow.add_n(terms[1:])]
        want, _ = run(session, fetches, feeds, "reference")
        found, _ = run(session, fetches, feeds)
        for got, expected in zip(found, want, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)  # sums in another order


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("axis", [-1, -2, 0])
def test_of_a_product_only_the_part_that_is_read_is_made(session, rng, transpose_a, transpose_b, axis):
    a, b = rng.normal(size=(2, 6, 4)), rng.normal(size=(1, 4, 8))
    x = ow.placeholder("float64", [2, 4, 6] if transpose_a else [2, 6, 4])
    w = ow.placeholder("float64", [1, 8, 4] if transpose_b else [1, 4, 8])
    y = ow.matmul(x, w, transpose_a=transpose_a, transpose_b=transpose_b)
    feeds = {x: a.swapaxes(1, 2) if transpose_a else a, w: b.swapaxes(1, 2) if transpose_b else b}
    for part, at in ((ow.split(y, 2, axis)[1], 1), (ow.split(y, [1, y.shape[axis] - 1], axis)[0], 0)):
        want = np.split(a @ b, 2, axis)[1] if at else np.split(a @ b, [1], axis)[0]
        (found,), nodes = run(session, [ow.exp(part)], feeds)
        np.testing.assert_allclose(found, np.exp(want), rtol=1e-12)
        (product,) = [n for n in nodes if n.definition is not None and n.definition.name == "matmul"]
        assert (product.outputs[0].size < 2 * 6 * 8) == (axis != 0)


def test_a_product_of_which_all_parts_are_read_stays_whole(session, rng):
    x, w = ow.placeholder("float64", [3, 4]), ow.placeholder("float64", [4, 6])
    y = ow.matmul(x, w)
    feeds = {x: rng.normal(size=(3, 4)), w: rng.normal(size=(4, 6))}
    left, right = ow.split(y, 2, 1)
    for fetches in ([left, right], [left, y]):
        found, nodes = run(session, fetches, feeds)
        assert count(nodes) == 1
        np.testing.assert_allclose(found[0], (feeds[x] @ feeds[w])[:, :3], rtol=1e-13)


def test_the_weights_of_an_unrolled_cell_get_one_product(session, rng):
    steps, batch, width, hidden = 6, 8, 5, 16
    x = ow.placeholder("float64", [batch, steps, width])
    w = ow.Variable(rng.normal(size=(width + hidden, hidden)) * 0.3, dtype="float64")
    session.run(w.initializer)
    h = ow.zeros([batch, hidden], "float64")
    for row in ow.unstack(x, axis=1):
        h = ow.tanh(ow.matmul(ow.concat([row, h], 1), w))
    (dw,) = ow.gradients(ow.reduce_sum(h * h), [w])
    feeds = {x: rng.normal(size=(batch, steps, width))}
    (found,), nodes = run(session, [dw], feeds)
    (want,), all_nodes = run(session, [dw], feeds, "reference")
    np.testing.assert_allclose(found, want, rtol=1e-11, atol=1e-12)
    assert count(nodes) == steps + (steps - 1) + 1  # forward; back through the state; the weights
    assert count(all_nodes) == 3 * steps - 1

"""Views of what clusters compute: whoever reads one finds it in memory."""

import numpy as np
import opwright as ow
import pytest


@pytest.fixture
def exps(graph):
    """exp(x), which a cluster computes together with its neighbour, and what to feed."""
    x = ow.placeholder("float64", [3, 4])
    value = np.arange(12.0).reshape(3, 4) / 10
    y = ow.exp(x)
    return y, y + 1.0, {x: value}, np.exp(value)


def test_a_fetched_view_of_a_clusters_inside(exps, session):
    y, z, feeds, want = exps
    turned, after = session.run([ow.transpose(y), z], feeds)
    np.testing.assert_allclose(turned, want.T)
    np.testing.assert_allclose(after, want + 1)


def test_a_node_outside_reads_a_view_of_a_clusters_inside(exps, session):
    y, z, feeds, want = exps
    joined, after = session.run([ow.concat([ow.transpose(y)] * 2, 0), z], feeds)
    np.testing.assert_allclose(joined, np.concatenate([want.T] * 2))
    np.testing.assert_allclose(after, want + 1)


def test_an_epilogue_does_not_overwrite_what_a_view_still_reads(graph, session, rng):
    x = ow.placeholder("float64", [3, 4])
    value = rng.normal(size=(3, 4))
    total = ow.reduce_sum(x, axis=1)
    found = session.run([ow.exp(total), ow.concat([ow.expand_dims(total, 0)] * 2, 0), total[::-1]], {x: value})
    want = value.sum(1)
    for got, wanted in zip(found, [np.exp(want), [want] * 2, want[::-1]], strict=True):
        np.testing.assert_allclose(got, wanted)

"""First and second derivatives of every op: of the graph and of the tape alike, and equal to central differences."""

import numpy as np
import opwright as ow
import pytest
from opwright.autodiff import gradients
from opwright.eager import execute
from opwright.eagertensor import EagerTensor
from opwright.errors import GradientError
from opwright.registry import registry
from opwright_check import gradients as checks
from opwright_check.drawing import Drawer
from opwright_check.outcome import Stop

OPS = [op for op in registry.ops() if op.package and op.role == "kernel" and op.differentiable and not op.random]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_graph_tape_and_central_differences_agree(op):
    subject = smallest(op)
    if subject is None:
        return  # nothing that it takes is in float64 and small
    try:
        connected = checks._connected(subject)
    except GradientError:
        return  # it lets no gradient pass
    try:
        checks.compare(subject, lambda graph, feeds: checks.weighted(subject, graph, feeds), connected, "gradient")
    except Stop as stop:
        pytest.fail(stop.outcome.text)
    first, second = in_graph(subject, connected)
    on_tape, twice = on_tapes(subject, connected)
    for got, want in zip(on_tape, first, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)
    for got, want in zip(twice, second, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)
    if second:
        by_differences(subject, connected)


def smallest(op):
    """The smallest call that is drawn for an op: of a few, or, if none of these will do, of many."""
    for full in (False, True):
        try:
            return min(checks.differentiable(op, Drawer(op, full).draw()), key=lambda s: s.size)
        except Stop:
            pass
    return None


def by_differences(subject, connected):
    def slopes(graph, feeds):
        found = gradients(checks.weighted(subject, graph, feeds), [feeds[k] for k in connected])
        return checks.total([checks.dense(g) for g in found if g is not None])

    try:
        checks.compare(subject, slopes, connected, "second derivative")
    except Stop as stop:
        pytest.fail(stop.outcome.text)


def slopes_of(found):
    return checks.total([checks.dense(g) for g in found if g is not None])


def in_graph(subject, connected):
    """The derivatives by the arrays that are connected, and those of their weighted sum; none of an op that has no
    second ones."""
    with ow.Graph().as_default() as graph, ow.Session(graph=graph) as session:
        feeds = [ow.placeholder(d, a.shape) for d, a in zip(subject.array_dtypes, subject.arrays, strict=True)]
        fed = dict(zip(feeds, subject.arrays, strict=True))
        xs = [feeds[k] for k in connected]
        found = gradients(checks.weighted(subject, graph, feeds), xs)
        for x, g in zip(xs, found, strict=True):
            if g is not None:
                checks.dense(g).set_shape(x.shape)  # sizes that are fed are not known here, on the tape they are
        first = session.run([checks.dense(g) for g in found], fed)
        try:
            twice = gradients(slopes_of(found), xs, unconnected_gradients="zero")
        except GradientError:
            return first, []
        return first, session.run([checks.dense(g) for g in twice], fed)


def on_tapes(subject, connected):
    flat = [EagerTensor(a, d) for a, d in zip(subject.arrays, subject.array_dtypes, strict=True)]
    rest = iter(flat)
    groups = [[next(rest) for _ in group] for group in subject.groups]
    xs = [flat[k] for k in connected]
    with ow.GradientTape() as outer:
        outer.watch(xs)
        with ow.GradientTape() as inner:
            inner.watch(xs)
            made = execute(subject.op, groups, subject.attributes)
            made = made if isinstance(made, list) else [made]
            y = checks.total([t for t in made if t.dtype.is_floating])
        found = inner.gradient(y, xs)
        slopes = slopes_of(found)
    first = [np.asarray(checks.dense(g)) for g in found]
    try:
        twice = outer.gradient(slopes, xs, unconnected_gradients="zero")
    except GradientError:
        return first, []
    return first, [np.asarray(checks.dense(g)) for g in twice]


def test_most_ops_are_compared():
    assert len(OPS) > 150

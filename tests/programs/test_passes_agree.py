"""The workloads of tests/bench give the same with each pass of the planner on and off."""

import importlib.util
import types
from pathlib import Path

import numpy as np
import opwright as ow
import opwright_tf1 as tf
import pytest
from opwright.plan import flags

WORKLOADS = Path(__file__).parents[1] / "bench" / "graph.py"
SMALL = {
    "deep_mnist": {"batch": 4},
    "cifar10": {"batch": 3},
    "word2vec": {"batch": 16, "vocabulary": 1200, "width": 16, "sampled": 8},
    "lstm": {"batch": 4, "steps": 5, "width": 6, "hidden": 8},
}
RATE = {"mlp": 1e-3, "deep_mnist": 1e-4, "lstm": 1e-3}  # Adam's
STEPS = 2
# float32 sums in another order; losses and weights are of the order of 1, sums over 4 million numbers relative to them
RTOL, ATOL = 2e-4, 2e-5


class Recording(tf.Session):
    """A session that remembers the last run, for others to repeat."""

    def run(self, fetches, feed_dict=None, **more):
        self.graph.last_run = fetches, feed_dict
        return super().run(fetches, feed_dict, **more)


def load():
    spec = importlib.util.spec_from_file_location("bench_graph", WORKLOADS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Api(types.ModuleType):
    """opwright_tf1 with sessions that remember."""

    Session = Recording

    def __getattr__(self, name):
        return getattr(tf, name)


@pytest.fixture(scope="module", params=["scalar", "chain100", "elementwise", "softmax", "mlp", *SMALL])
def workload(request):
    """A workload's name, graph, and what its step fetches and feeds."""
    graph = tf.Graph()
    with graph.as_default():
        tf.set_random_seed(7)
        getattr(load(), request.param)(Api("tf"), **SMALL.get(request.param, {}))()
    return request.param, graph, graph.last_run


def results(graph, run):
    """What some steps in a session of its own give, and what the variables hold then."""
    fetches, feeds = run
    with graph.as_default(), ow.Session(graph=graph) as session:
        variables = tf.global_variables()
        session.run([v.initializer for v in variables])
        for _ in range(STEPS):
            found = session.run(fetches, feeds)
        found = [x for x in (found if isinstance(found, list) else [found]) if x is not None]
        return [np.asarray(x, np.float64) for x in [*found, *session.run(variables)]]


@pytest.fixture(scope="module")
def reference(workload):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPWRIGHT_PLAN", "reference")
        return results(*workload[1:])


@pytest.mark.parametrize("passes", ["", *(f"-{p}" for p in flags.PASSES), *(f"reference,+{p}" for p in flags.PASSES)])
def test_passes_do_not_change_results(workload, reference, passes, monkeypatch):
    name, graph, run = workload
    monkeypatch.setenv("OPWRIGHT_PLAN", passes)
    found = results(graph, run)
    assert len(found) == len(reference) > 0
    for got, want in zip(found, reference, strict=True):
        far = ~np.isclose(got, want, rtol=RTOL, atol=ATOL)
        if name in RATE:
            # Adam begins with steps of the gradient's sign: a gradient of rounding errors alone may go either way.
            np.testing.assert_allclose(got[far], want[far], rtol=0, atol=2.1 * STEPS * RATE[name])
            assert far.mean() < 2e-3
        else:
            assert not far.any(), (got[far], want[far])

"""Networks trained wholly on a GPU take the steps that they take on the CPU."""

import numpy as np
import opwright as ow
import pytest
from opwright.session import Session

FAMILIES = ("math", "nn", "softmax", "state", "train", "random")


def steps(device, make_optimizer, count=12, dtype="float32"):
    """Losses, and a step's plan, of a network of two layers on fixed data."""
    rng = np.random.default_rng(7)
    data = rng.normal(size=(40, 6)).astype(dtype)
    classes = (data[:, 0] * data[:, 1] > 0).astype(np.int64)
    first, second = rng.normal(size=(6, 16)).astype(dtype) * 0.5, rng.normal(size=(16, 2)).astype(dtype) * 0.5
    with ow.Graph().as_default() as graph:
        x, labels = ow.placeholder(dtype, [None, 6]), ow.placeholder("int64", [None])
        with graph.device(device):
            w1, b1 = ow.Variable(first), ow.Variable(np.zeros(16, dtype))
            w2, b2 = ow.Variable(second), ow.Variable(np.zeros(2, dtype))
            hidden = ow.nn.relu(ow.matmul(x, w1) + b1)
            logits = ow.nn.bias_add(ow.matmul(hidden, w2), b2)
            loss = ow.reduce_mean(ow.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            loss += 1e-3 * ow.nn.l2_loss(w1)
            train = make_optimizer().minimize(loss)
            right = ow.reduce_mean(ow.cast(ow.equal(ow.argmax(logits, 1), labels), "float32"))
        with Session(graph=graph) as session:
            session.run(ow.global_variables_initializer())
            feeds = {x: data, labels: classes}
            losses = [session.run([loss, train], feeds)[0] for _ in range(count)]
            losses.append(session.run(right, feeds))
            held = [storage.device for v in (w1, b2) for storage in session.variables(v.op, None)[0][:1]]
    return np.array(losses, float), held


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: ow.train.GradientDescentOptimizer(0.5),
        lambda: ow.train.MomentumOptimizer(0.1, 0.9),
        lambda: ow.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True),
        lambda: ow.train.AdagradOptimizer(0.3),
        lambda: ow.train.AdadeltaOptimizer(1.0),
        lambda: ow.train.RMSPropOptimizer(0.01),
        lambda: ow.train.AdamOptimizer(0.02),
        lambda: ow.train.FtrlOptimizer(0.5),
    ],
    ids=["descent", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "ftrl"],
)
def test_optimizers(where, optimizer):
    device = where(*FAMILIES)
    here, _ = steps("/cpu:0", optimizer)
    there, held = steps(device, optimizer)
    assert all(d != "cpu" for d in held)
    np.testing.assert_allclose(there[:-1], here[:-1], rtol=1e-3)
    assert abs(there[-1] - here[-1]) <= 0.05
    assert there[-2] < there[0]


def test_a_step_copies_only_what_is_fed_and_fetched(fake_kernels, fake_cuda):
    device = fake_kernels(*FAMILIES)
    counted = ["cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2"]

    def copies(count):
        before = [fake_cuda.count(f) for f in counted]
        steps(device, lambda: ow.train.GradientDescentOptimizer(0.5), count)
        return [fake_cuda.count(f) - b for f, b in zip(counted, before, strict=True)]

    few, many = copies(5), copies(15)
    assert [m - f for m, f in zip(many, few, strict=True)] == [20, 10]  # two feeds, one fetch a step

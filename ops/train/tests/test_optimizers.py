"""TensorFlow 2's optimizers, schedules and clipping against formulas in NumPy."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError

START = np.array([1.0, -2.0, 3.0])
STEPS = [np.array([0.5, -1.0, 2.0]), np.array([-0.25, 3.0, 1.0]), np.array([1.0, 1.0, -1.0])]


def adam(w, lr=0.01, b1=0.8, b2=0.9, eps=1e-3):
    m = v = np.zeros(3)
    for t, g in enumerate(STEPS, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        w = w - lr * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + eps)
    return w


def sgd(w, lr=0.1, momentum=0.0, nesterov=False):
    a = np.zeros(3)
    for g in STEPS:
        a = momentum * a + g
        w = w - lr * (g + momentum * a if nesterov else a)
    return w


def rmsprop(w, lr=0.1, rho=0.7, momentum=0.5, eps=1e-3, centered=False):
    q = s = m = np.zeros(3)
    for g in STEPS:
        q, s = rho * q + (1 - rho) * g * g, rho * s + (1 - rho) * g
        m = momentum * m + lr * g / np.sqrt(q - s * s * centered + eps)
        w = w - m
    return w


def adagrad(w, lr=0.1, initial=0.2, eps=1e-2):
    a = np.full(3, initial)
    for g in STEPS:
        a = a + g * g
        w = w - lr * g / np.sqrt(a + eps)
    return w


def adadelta(w, lr=0.5, rho=0.8, eps=1e-2):
    a = u = np.zeros(3)
    for g in STEPS:
        a = rho * a + (1 - rho) * g * g
        d = g * np.sqrt(u + eps) / np.sqrt(a + eps)
        u = rho * u + (1 - rho) * d * d
        w = w - lr * d
    return w


def adamax(w, lr=0.1, b1=0.8, b2=0.9, eps=1e-3):
    m = u = np.zeros(3)
    for t, g in enumerate(STEPS, 1):
        m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, np.abs(g))
        w = w - lr / (1 - b1**t) * m / (u + eps)
    return w


def nadam(w, lr=0.1, b1=0.8, b2=0.9, eps=1e-3):
    m, v, p = np.zeros(3), np.zeros(3), 1.0
    for t, g in enumerate(STEPS, 1):
        now, later = (b1 * (1 - 0.5 * 0.96**k) for k in (t, t + 1))
        p *= now
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        ahead = later * m / (1 - p * later) + (1 - now) * g / (1 - p)
        w = w - lr * ahead / (np.sqrt(v / (1 - b2**t)) + eps)
    return w


def ftrl(w, lr=0.5, initial=0.1, l1=0.01, l2=0.02):
    n, z = np.full(3, initial), np.zeros(3)
    for g in STEPS:
        new = n + g * g
        z = z + g - (np.sqrt(new) - np.sqrt(n)) / lr * w
        n = new
        w = np.where(np.abs(z) > l1, (l1 * np.sign(z) - z) / (np.sqrt(n) / lr + 2 * l2), 0)
    return w


o = ow.optimizers
CASES = {
    "sgd": (lambda: o.SGD(0.1), sgd(START)),
    "momentum": (lambda: o.SGD(0.1, momentum=0.5), sgd(START, momentum=0.5)),
    "nesterov": (lambda: o.SGD(0.1, 0.5, nesterov=True), sgd(START, momentum=0.5, nesterov=True)),
    "adam": (lambda: o.Adam(0.01, 0.8, 0.9, 1e-3), adam(START)),
    "rmsprop": (lambda: o.RMSprop(0.1, 0.7, 0.5, 1e-3), rmsprop(START)),
    "centered": (lambda: o.RMSprop(0.1, 0.7, 0.5, 1e-3, centered=True), rmsprop(START, centered=True)),
    "adagrad": (lambda: o.Adagrad(0.1, 0.2, 1e-2), adagrad(START)),
    "adadelta": (lambda: o.Adadelta(0.5, 0.8, 1e-2), adadelta(START)),
    "adamax": (lambda: o.Adamax(0.1, 0.8, 0.9, 1e-3), adamax(START)),
    "nadam": (lambda: o.Nadam(0.1, 0.8, 0.9, 1e-3), nadam(START)),
    "ftrl": (
        lambda: o.Ftrl(
            0.5, initial_accumulator_value=0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.02
        ),
        ftrl(START),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_formulas(name, dtype):
    make, wanted = CASES[name]
    optimizer = make()
    w = ow.Variable(ow.constant(START, dtype))
    for g in STEPS:
        optimizer.apply_gradients(zip([ow.constant(g, dtype)], [w]))
    np.testing.assert_allclose(w.numpy(), wanted, rtol=1e-5 if dtype == "float32" else 1e-9)
    assert int(optimizer.iterations) == 3


def test_minimize():
    x, unused = ow.Variable(4.0), ow.Variable(1.0)
    optimizer = ow.optimizers.SGD(0.25)
    optimizer.minimize(lambda: x * x, [x, unused])
    assert float(x) == 2.0
    optimizer.minimize(lambda: x * x, lambda: [x])
    assert float(x) == 1.0
    with ow.GradientTape() as tape:
        y = x * x
    optimizer.minimize(y, [x], tape=tape)
    assert float(x) == 0.5
    with pytest.raises(ArgumentError, match="loss must be a function unless its tape is given"):
        optimizer.minimize(y, [x])
    with pytest.raises(ValueError, match="a variable must have a gradient"):
        optimizer.apply_gradients([(None, x)])
    with pytest.raises(ArgumentError, match=r"\[SGD\] there is no argument 'clipnrm'; the options are clipnorm"):
        ow.optimizers.SGD(clipnrm=1.0)
    with pytest.raises(ArgumentError, match=r"momentum must lie in \[0, 1\], got 2"):
        ow.optimizers.SGD(momentum=2)


def test_the_learning_rate_may_change():
    x = ow.Variable(10.0)
    optimizer = ow.optimizers.SGD(1.0)
    optimizer.apply_gradients([(ow.constant(1.0), x)])
    optimizer.learning_rate = 0.5
    optimizer.apply_gradients([(ow.constant(1.0), x)])
    assert float(x) == 8.5
    assert optimizer.lr == 0.5
    assert optimizer.get_config() == {"name": "SGD", "learning_rate": 0.5}
    scheduled = ow.optimizers.SGD(ow.optimizers.schedules.PiecewiseConstantDecay([1], [2.0, 0.25]))
    rates = []
    for _ in range(3):
        rates.append(float(scheduled.learning_rate))
        scheduled.apply_gradients([(ow.constant(1.0), x)])
    assert rates == [2.0, 2.0, 0.25]
    assert float(x) == 8.5 - 4.25


def test_sparse_gradients():
    table = ow.Variable(np.ones((4, 2), np.float32))
    optimizer = ow.optimizers.SGD(1.0, clipvalue=1.5)
    with ow.GradientTape() as tape:
        y = ow.reduce_sum(ow.gather(table, [1, 1, 3]) * 2.0)
    gradient = tape.gradient(y, table)
    assert isinstance(gradient, ow.IndexedSlices)
    optimizer.apply_gradients([(gradient, table)])
    assert table.numpy().tolist() == [[1, 1], [-2, -2], [1, 1], [-0.5, -0.5]]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"clipvalue": 2.0}, [2.0, -2.0, 1.0]),
        ({"clipnorm": 1.0}, [0.6, -0.8, 1.0]),
        ({"global_clipnorm": 1.0}, [3 / 26**0.5, -4 / 26**0.5, 1 / 26**0.5]),
    ],
)
def test_clipped_steps(options, wanted):
    a, b = ow.Variable([0.0, 0.0]), ow.Variable([0.0])
    ow.optimizers.SGD(1.0, **options).apply_gradients([(ow.constant([3.0, -4.0]), a), (ow.constant([1.0]), b)])
    np.testing.assert_allclose(np.concatenate([-a.numpy(), -b.numpy()]), wanted, rtol=1e-6)


def test_schedules():
    s = ow.optimizers.schedules
    at = [0, 1, 5, 10, 25]
    t = np.array(at, float)
    cosine = 0.3 * (0.9 * 0.5 * (1 + np.cos(np.pi * np.minimum(t, 10) / 10)) + 0.1)
    cycle = 10 * np.maximum(np.ceil(t / 10), 1)
    for schedule, wanted in (
        (s.ExponentialDecay(0.1, 10, 0.5), 0.1 * 0.5 ** (t / 10)),
        (s.ExponentialDecay(0.1, 10, 0.5, staircase=True), 0.1 * 0.5 ** (t // 10)),
        (s.InverseTimeDecay(0.1, 10, 0.5), 0.1 / (1 + 0.5 * t / 10)),
        (s.PolynomialDecay(0.1, 10, 0.01, 2.0), 0.09 * (1 - np.minimum(t, 10) / 10) ** 2 + 0.01),
        (s.PolynomialDecay(0.1, 10, 0.01, cycle=True), 0.09 * (1 - t / cycle) + 0.01),
        (s.CosineDecay(0.3, 10, 0.1), cosine),
        (s.CosineDecay(0.0, 10, warmup_target=0.4, warmup_steps=5), [0, 0.08, 0.4, 0.2, 0.0]),
    ):
        np.testing.assert_allclose([float(schedule(n)) for n in at], wanted, rtol=1e-5, atol=1e-8)
    with pytest.raises(ArgumentError, match="values must have 2 items, got 1"):
        s.PiecewiseConstantDecay([1], [2.0])


def test_clipping_by_norms(rng):
    x = rng.normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_allclose(ow.clip_by_norm(x, 1.0), x / np.linalg.norm(x), rtol=1e-5)
    np.testing.assert_allclose(ow.clip_by_norm(x, 100.0), x, rtol=1e-5)
    by_row = ow.clip_by_norm(x, 0.5, axes=[1])
    np.testing.assert_allclose(by_row, x * 0.5 / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 0.5), rtol=1e-5)
    np.testing.assert_allclose(ow.clip_by_average_norm(x, 0.1), x * 0.1 / max(np.linalg.norm(x) / 12, 0.1), rtol=1e-5)
    assert np.asarray(ow.clip_by_norm(ow.zeros([2]), 1.0)).tolist() == [0, 0]
    z = ow.zeros([2])
    with ow.GradientTape() as tape:
        tape.watch(z)
        y = ow.clip_by_norm(z, 1.0)
    assert np.isfinite(tape.gradient(y, z)).all()
    rows = ow.IndexedSlices(ow.constant([[3.0], [4.0]]), ow.constant([0, 1]), ow.constant([5, 1]))
    clipped, norm = ow.clip_by_global_norm([rows, None, ow.constant([12.0])], 6.5)
    assert float(norm) == 13.0
    assert np.asarray(clipped[0].values).tolist() == [[1.5], [2.0]]
    assert clipped[1] is None
    assert np.asarray(clipped[2]).tolist() == [6.0]
    assert np.isnan(ow.clip_by_global_norm([ow.constant([np.inf])], 1.0)[0][0]).all()
    assert float(ow.linalg.global_norm([ow.constant([3.0]), ow.constant([4.0])])) == 5.0
    with pytest.raises(ArgumentError, match="must hold a tensor"):
        ow.global_norm([None])


@pytest.mark.parametrize("kind", ["Adamax", "Nadam"])
def test_rows_that_a_sparse_gradient_does_not_name(kind):
    """Their gradient is 0: they move on by their m, as in the dense step."""
    dense, sparse = (ow.Variable(np.ones((3, 2), np.float32)) for _ in range(2))
    optimizers = [getattr(ow.optimizers, kind)(0.1) for _ in range(2)]
    for rows in ([0, 2, 2], [1, 1, 1]):
        values = np.arange(6, dtype=np.float32).reshape(3, 2)
        whole = np.zeros((3, 2), np.float32)
        np.add.at(whole, rows, values)
        optimizers[0].apply_gradients([(ow.constant(whole), dense)])
        optimizers[1].apply_gradients([(ow.IndexedSlices(ow.constant(values), ow.constant(rows), [3, 2]), sparse)])
    np.testing.assert_allclose(sparse.numpy(), dense.numpy(), rtol=1e-6)


@pytest.mark.parametrize("kind", ["Adamax", "Nadam"])
def test_variants_in_a_function_and_out_of_range(kind):
    eager, traced = ow.Variable(START), ow.Variable(START)
    optimizers = [getattr(ow.optimizers, kind)(0.1) for _ in range(2)]
    step = ow.function(lambda g: optimizers[1].apply_gradients([(g, traced)]))
    optimizers[1].build([traced])
    for g in STEPS:
        optimizers[0].apply_gradients([(ow.constant(g), eager)])
        step(ow.constant(g))
    np.testing.assert_allclose(traced.numpy(), eager.numpy(), rtol=1e-12)
    with pytest.raises(ArgumentError, match=rf"\[{kind}\] beta_1 must lie in \[0, 1\), got 1.0"):
        getattr(ow.optimizers, kind)(beta_1=1.0)

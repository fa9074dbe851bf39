"""Each optimizer against a NumPy transcription of its formulas, over several steps, dense and sparse."""

import numpy as np
import opwright as ow
import pytest

STEPS = 4
RATE = 0.1
train = ow.train


def gradient_descent(w, s, g, t):
    return w - RATE * g, s


def momentum(w, s, g, t):
    a = 0.9 * s[0] + g
    return w - RATE * a, [a]


def nesterov(w, s, g, t):
    a = 0.9 * s[0] + g
    return w - RATE * g - RATE * 0.9 * a, [a]


def adagrad(w, s, g, t):
    a = s[0] + g**2
    return w - RATE * g / np.sqrt(a), [a]


def adagrad_da(l1, l2):
    def step(w, s, g, t):
        total, squares = s[0] + g, s[1] + g**2
        shrunk = np.sign(total) * np.maximum(np.abs(total) - l1 * t, 0)
        return -RATE * shrunk / (l2 * t * RATE + np.sqrt(squares)), [total, squares]

    return step


def adadelta(w, s, g, t):
    a = 0.95 * s[0] + 0.05 * g**2
    step = np.sqrt(s[1] + 1e-4) / np.sqrt(a + 1e-4) * g
    return w - RATE * step, [a, 0.95 * s[1] + 0.05 * step**2]


def rms_prop(w, s, g, t):
    squares = 0.9 * s[0] + 0.1 * g**2
    m = 0.5 * s[1] + RATE * g / np.sqrt(squares + 1e-3)
    return w - m, [squares, m]


def centered_rms_prop(w, s, g, t):
    mean, squares = 0.9 * s[0] + 0.1 * g, 0.9 * s[1] + 0.1 * g**2
    m = 0.5 * s[2] + RATE * g / np.sqrt(squares - mean**2 + 1e-3)
    return w - m, [mean, squares, m]


def adam(w, s, g, t):
    m, v = 0.9 * s[0] + 0.1 * g, 0.99 * s[1] + 0.01 * g**2
    rate = RATE * np.sqrt(1 - 0.99**t) / (1 - 0.9**t)
    return w - rate * m / (np.sqrt(v) + 1e-3), [m, v]


def ftrl(power, l1, l2, shrinkage):
    def step(w, s, g, t):
        g = g + 2 * shrinkage * w
        new = s[0] + g**2
        linear = s[1] + g - (new**-power - s[0] ** -power) / RATE * w
        quadratic = new**-power / RATE + 2 * l2
        return np.where(np.abs(linear) > l1, (np.sign(linear) * l1 - linear) / quadratic, 0), [new, linear]

    return step


def proximal(v, rate, l1, l2):
    return np.sign(v) * np.maximum(np.abs(v) - rate * l1, 0) / (1 + rate * l2)


def proximal_gradient_descent(w, s, g, t):
    return proximal(w - RATE * g, RATE, 0.2, 0.3), s


def proximal_adagrad(w, s, g, t):
    a = s[0] + g**2
    rate = RATE / np.sqrt(a)
    return proximal(w - rate * g, rate, 0.2, 0.3), [a]


# name -> optimizer of (rate, global step), formula, slots, what they start with
OPTIMIZERS = {
    "gradient_descent": (lambda r, _: train.GradientDescentOptimizer(r), gradient_descent, (), ()),
    "momentum": (lambda r, _: train.MomentumOptimizer(r, 0.9), momentum, ("momentum",), (0,)),
    "nesterov": (
        lambda r, _: train.MomentumOptimizer(r, 0.9, use_nesterov=True),
        nesterov,
        ("momentum",),
        (0,),
    ),
    "adagrad": (lambda r, _: train.AdagradOptimizer(r), adagrad, ("accumulator",), (0.1,)),
    "adagrad_da": (
        lambda r, step: train.AdagradDAOptimizer(r, step, 0.2),
        adagrad_da(0, 0),
        ("gradient_accumulator", "gradient_squared_accumulator"),
        (0, 0.2),
    ),
    "adagrad_da with l1, l2": (
        lambda r, step: train.AdagradDAOptimizer(r, step, 0.1, 0.3, 0.2),
        adagrad_da(0.3, 0.2),
        ("gradient_accumulator", "gradient_squared_accumulator"),
        (0, 0.1),
    ),
    "adadelta": (
        lambda r, _: train.AdadeltaOptimizer(r, 0.95, 1e-4),
        adadelta,
        ("accum", "accum_update"),
        (0, 0),
    ),
    "rms_prop": (
        lambda r, _: train.RMSPropOptimizer(r, 0.9, 0.5, 1e-3),
        rms_prop,
        ("rms", "momentum"),
        (1, 0),
    ),
    "centered rms_prop": (
        lambda r, _: train.RMSPropOptimizer(r, 0.9, 0.5, 1e-3, centered=True),
        centered_rms_prop,
        ("mg", "rms", "momentum"),
        (0, 1, 0),
    ),
    "adam": (lambda r, _: train.AdamOptimizer(r, 0.9, 0.99, 1e-3), adam, ("m", "v"), (0, 0)),
    "ftrl": (lambda r, _: train.FtrlOptimizer(r), ftrl(-0.5, 0, 0, 0), ("accum", "linear"), (0.1, 0)),
    "ftrl with everything": (
        lambda r, _: train.FtrlOptimizer(r, -0.6, 0.2, 0.3, 0.1, l2_shrinkage_regularization_strength=0.05),
        ftrl(-0.6, 0.3, 0.1, 0.05),
        ("accum", "linear"),
        (0.2, 0),
    ),
    "ftrl with l1, l2, shrinkage": (
        lambda r, _: train.FtrlOptimizer(r, -0.5, 0.2, 0.3, 0.1, l2_shrinkage_regularization_strength=0.05),
        ftrl(-0.5, 0.3, 0.1, 0.05),
        ("accum", "linear"),
        (0.2, 0),
    ),
    "proximal_gradient_descent": (
        lambda r, _: train.ProximalGradientDescentOptimizer(r, 0.2, 0.3),
        proximal_gradient_descent,
        (),
        (),
    ),
    "proximal_adagrad": (
        lambda r, _: train.ProximalAdagradOptimizer(r, 0.1, 0.2, 0.3),
        proximal_adagrad,
        ("accumulator",),
        (0.1,),
    ),
}

# Of each step's rounding to the type, times the steps, times what the formulas amplify it (roots of small numbers).
TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "float16": 2e-2, "bfloat16": 0.15}
SHAPES = [(3, 5), (), (0, 2), (9000,), (1,)]


def close(got, want, dtype):
    np.testing.assert_allclose(got, want, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_dense(session, rng, name, dtype):
    make, formula, slots, start = OPTIMIZERS[name]
    step_number = ow.Variable(0, trainable=False)
    values = [rng.normal(size=s) for s in SHAPES]
    variables = [ow.Variable(ow.constant(v, dtype), name="w") for v in values]
    fed = [ow.placeholder(dtype, s) for s in SHAPES]
    optimizer = make(RATE, step_number)
    step = optimizer.apply_gradients(list(zip(fed, variables)), global_step=step_number)
    session.run(ow.global_variables_initializer())
    values = session.run(variables)  # rounded to the dtype
    states = [[np.full(s, x, np.float64) for x in start] for s in SHAPES]
    for t in range(1, STEPS + 1):
        grads = [rng.normal(size=s) for s in SHAPES]
        session.run(step, dict(zip(fed, grads)))
        grads = [session.run(f, {f: g}) for f, g in zip(fed, grads)]
        for i, g in enumerate(grads):
            values[i], states[i] = formula(values[i].astype(np.float64), states[i], g.astype(np.float64), t)
    assert session.run(step_number) == STEPS
    for variable, value, state in zip(variables, values, states):
        close(session.run(variable), value, dtype)
        for slot, want in zip(slots, state):
            close(session.run(optimizer.get_slot(variable, slot)), want, dtype)
    assert len([op for op in session.graph.get_operations() if op.type.startswith("apply_")]) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_sparse(session, rng, name, dtype):
    """Rows named twice get the sum of their gradients, in one step; rows not named stay, but for Adam's momentum."""
    make, formula, slots, start = OPTIMIZERS[name]
    step_number = ow.Variable(0, trainable=False)
    shape, index = (300, 3), "int32" if dtype == "float32" else "int64"
    values = rng.normal(size=shape)
    variable = ow.Variable(ow.constant(values, dtype))
    rows, indices = ow.placeholder(dtype, [None, 3]), ow.placeholder(index, [None])
    optimizer = make(RATE, step_number)
    gradient = ow.IndexedSlices(rows, indices, ow.constant(shape))
    step = optimizer.apply_gradients([(gradient, variable)], global_step=step_number)
    session.run(ow.global_variables_initializer())
    value = session.run(variable).astype(np.float64)
    state = [np.full(shape, x, np.float64) for x in start]
    for t, n in enumerate((5, 0, 400, 1), 1):
        at, g = rng.integers(0, 300, n), session.run(ow.cast(rng.normal(size=(n, 3)), dtype))
        at[1::2] = at[::2][: len(at[1::2])]  # each twice, not side by side once sorted by position
        session.run(step, {rows: g, indices: at})
        total = np.zeros(shape)
        np.add.at(total, at, g.astype(np.float64))
        touched = np.ones(300, bool) if name == "adam" else np.isin(np.arange(300), at)
        new, slots_new = formula(value, state, total, t)
        value[touched] = new[touched]
        for old, s in zip(state, slots_new):
            old[touched] = s[touched]
    close(session.run(variable), value, dtype)
    for slot, want in zip(slots, state):
        close(session.run(optimizer.get_slot(variable, slot)), want, dtype)


@pytest.mark.parametrize("name", ["gradient_descent", "adam", "ftrl"])
def test_wide_rows_are_shared_out_among_chunks(session, rng, name):
    """Large enough for several chunks; the same however they are dealt out."""
    make, formula, _, start = OPTIMIZERS[name]
    shape = (700, 600)
    value = rng.normal(size=shape)
    dense, sparse = ow.Variable(value), ow.Variable(value)
    at, g = rng.integers(0, 700, 900), rng.normal(size=(900, 600))
    total = np.zeros(shape)
    np.add.at(total, at, g)
    slices = ow.IndexedSlices(ow.constant(g), at, shape)
    step = make(RATE, None).apply_gradients([(slices, sparse), (total, dense)])
    session.run(ow.global_variables_initializer())
    session.run(step)
    want, _ = formula(value, [np.full(shape, float(x)) for x in start], total, 1)
    got_dense, got_sparse = session.run([dense, sparse])
    close(got_dense, want, "float64")
    named = np.isin(np.arange(700), at)
    close(got_sparse[named], want[named], "float64")
    np.testing.assert_array_equal(got_sparse[~named], value[~named])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_eager(rng, name):
    make, formula, slots, start = OPTIMIZERS[name]
    count = ow.Variable(0)
    variables = [ow.Variable(rng.normal(size=4)), ow.Variable(rng.normal(size=(3, 2)))]
    optimizer = make(RATE, count)
    values, states = (
        [v.numpy() for v in variables],
        [[np.full(v.shape.known(), float(x)) for x in start] for v in variables],
    )
    for t in range(1, 4):
        dense, rows = rng.normal(size=4), rng.normal(size=(3, 2))
        slices = ow.IndexedSlices(ow.constant(rows), ow.constant([2, 0, 2]), ow.constant([3, 2]))
        optimizer.apply_gradients([(ow.constant(dense), variables[0]), (slices, variables[1])], global_step=count)
        values[0], states[0] = formula(values[0], states[0], dense, t)
        total = np.stack([rows[1], np.zeros(2), rows[0] + rows[2]])
        new, slots_new = formula(values[1], states[1], total, t)
        touched = [0, 1, 2] if name == "adam" else [0, 2]
        values[1][touched] = new[touched]
        for old, s in zip(states[1], slots_new):
            old[touched] = s[touched]
    for variable, value, state in zip(variables, values, states):
        close(variable.numpy(), value, "float64")
        for slot, want in zip(slots, state):
            close(optimizer.get_slot(variable, slot).numpy(), want, "float64")
    assert int(count) == 3

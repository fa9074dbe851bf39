"""Copies in a kernel's own order: made once for all that read alike, kept while variables stay as they are."""

import threading

import numpy as np
import opwright as ow
import pytest
from opwright.plan import flags
from opwright.plan.instantiate import Builder
from opwright.plan.ir import COPY
from opwright.plan.spec import Spec
from opwright.plan.step import Step

K, N = 300, 130  # two blocks of rows, and a panel that is not full


def laid_out(session, fetches, feeds, passes=""):
    step = Step(Spec(fetches, feeds, []), session, flags.parse(passes))
    shapes = [f.shape.known() for f in feeds]
    builder = Builder(step.spec, shapes, [np.zeros(s, np.float32) for s in shapes], session.variables, step.passes)
    program = builder.build()
    program.fetches = [builder.values[t] for t in fetches]
    return step.lay_out(program)


def copies(laid):
    return [n for s in laid.stages for n in s.nodes if n.work == COPY and n.name.endswith("packed")]


@pytest.fixture
def w(session, rng):
    made = ow.Variable(rng.normal(size=(K, N)), dtype="float32")
    session.run(made.initializer)
    return made


@pytest.fixture
def x():
    return ow.placeholder("float32", [40, K])


@pytest.fixture
def at(rng):
    return rng.normal(size=(40, K)).astype(np.float32)


def close(found, want):
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-3)  # sums of 300 products of normal numbers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("m", "k", "n"), [(40, 300, 130), (21, 257, 65), (200, 256, 512), (97, 1, 70), (64, 513, 1030)]
)
def test_products_that_share_a_factor(graph, session, rng, dtype, m, k, n):
    left = [ow.placeholder(dtype, [m, k]), ow.placeholder(dtype, [m + 9, k]), ow.placeholder(dtype, [m, n])]
    start = rng.normal(size=(k, n))
    v = ow.Variable(start, dtype=dtype)
    session.run(v.initializer)
    fetches = [ow.matmul(left[0], v), ow.nn.relu(ow.matmul(left[1], v) + 1.0), ow.matmul(left[2], v, transpose_b=True)]
    fetches.append(ow.matmul(left[2] * 2.0, v, transpose_b=True))
    fetches.append(ow.assign_add(v, ow.ones([k, n], dtype)))
    feeds = {p: rng.normal(size=p.shape.known()).astype(dtype) for p in left}
    a, b, c = feeds.values()
    found = session.run(fetches, feeds)
    tolerance = {"rtol": 1e-4, "atol": 1e-3} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-11}
    want = [a @ start, np.maximum(b @ start + 1, 0), c @ start.T, 2 * c @ start.T, start + 1]
    for got, expected in zip(found, want, strict=True):
        np.testing.assert_allclose(got, expected, **tolerance)


def test_a_factor_is_packed_once_for_all(graph, session, w, x):
    y = [ow.matmul(ow.sin(x), w), ow.matmul(ow.cos(x), w), ow.assign_add(w, w * 0.5)]
    (copy,) = copies(laid_out(session, y, [x]))
    assert copy.inputs[0].storage.kind == "variable"
    assert copies(laid_out(session, y, [x], "-pack")) == []
    assert copies(laid_out(session, y[1:], [x])) == []  # one product packs for itself


def test_a_factor_times_itself(graph, session, rng):
    start = rng.normal(size=(K, K))
    v = ow.Variable(start, dtype="float64")
    session.run(v.initializer)
    for _ in range(2):
        np.testing.assert_allclose(session.run(ow.matmul(v, v) * 1.0), start @ start, rtol=1e-10, atol=1e-10)


def test_what_was_packed_before_a_write_is_not_read_after(graph, session, w, x, at):
    start = session.run(w)
    first = [ow.matmul(x, w), ow.matmul(x * 2.0, w)]
    with ow.control_dependencies([y.op for y in first]):
        written = ow.assign(w, w * 3.0)
    with ow.control_dependencies([written.op]):
        then = [ow.matmul(x, w), ow.matmul(x * 2.0, w)]
    for found, factor in zip(session.run(first + then, {x: at}), (1, 2, 3, 6), strict=True):
        close(found, factor * at @ start)


def test_a_copy_is_kept_until_a_step_writes(graph, session, w, x, at):
    y = ow.matmul(x, w)
    laid = laid_out(session, [y], [x])
    assert [s.kept for s in laid.stages] == [True, False]
    assert not any(s.kept for s in laid_out(session, [y], [x], "-keep").stages)
    start = session.run(w)
    with ow.profile() as found:
        for _ in range(3):
            close(session.run(y, {x: at}), at @ start)
    assert {row.op: row.calls for row in found.rows()} == {"copy": 1, "matmul": 3}
    for write, want in [
        (ow.assign(w, w * 2.0), 2 * start),
        (ow.assign_sub(w, ow.ones([K, N])), 2 * start - 1),
        (ow.scatter_update(w, 3, ow.zeros([N])), np.where(np.arange(K)[:, None] == 3, 0, 2 * start - 1)),
    ]:
        session.run(write)
        close(session.run(y, {x: at}), at @ want)
        close(session.run(y, {x: at}), at @ want)
    session.run_steps(3, ow.assign(w, w * 0.5))
    close(session.run(y, {x: at}), at @ want / 8)


def test_what_follows_from_a_kept_value_is_kept_too(graph, session, w, x, at):
    wide = ow.transpose(ow.cumsum(w))
    y = ow.matmul(x, wide, transpose_b=True)
    start = session.run(w)
    with ow.profile() as found:
        for _ in range(2):
            close(session.run(y, {x: at}), at @ start.cumsum(0))
    assert {row.op: row.calls for row in found.rows()} == {"cumsum": 1, "matmul": 2}
    session.run(ow.assign(w, -w))
    close(session.run(y, {x: at}), -at @ start.cumsum(0))


def test_branches_and_loops_that_write_are_noticed(graph, session, w, x, at):
    y = ow.matmul(x, w)
    up = ow.placeholder("bool", [])
    branch = ow.cond(up, lambda: ow.identity(ow.assign_add(w, ow.ones([K, N]))), lambda: ow.identity(w))
    start = session.run(w)
    close(session.run(y, {x: at}), at @ start)
    for step, added in ((False, 0), (True, 1), (True, 2), (False, 2)):
        session.run(branch, {up: step})
        close(session.run(y, {x: at}), at @ (start + added))


def test_a_write_that_fails_is_noticed(graph, session, w, x, at):
    y = ow.matmul(x, w)
    row = ow.placeholder("int32", [None])
    update = ow.scatter_update(w, row, ow.zeros([2, N]))
    close(session.run(y, {x: at}), at @ session.run(w))
    with pytest.raises(ow.errors.OutOfRangeError):
        session.run(update, {row: [0, K]})
    close(session.run(y, {x: at}), at @ session.run(w))


def test_each_session_and_thread_sees_its_own_variables(graph, w, x, at):
    sessions = [ow.Session(graph=graph) for _ in range(2)]
    for i, s in enumerate(sessions):
        s.run([w.initializer])
        s.run(ow.assign(w, ow.fill([K, N], float(i + 1))))
    y = ow.matmul(x, w)
    wrong = []

    def work(session, value):
        for _ in range(20):
            found = session.run(y, {x: at})
            if not np.allclose(found, value * at.sum(1, keepdims=True), rtol=1e-3, atol=1e-2):
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(s, i + 1)) for i, s in enumerate(sessions) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_a_constant_factor_is_packed_once(graph, session, x, at, rng):
    start = rng.normal(size=(K, N)).astype(np.float32)
    y = ow.matmul(x, ow.constant(start))
    with ow.profile() as found:
        for _ in range(2):
            close(session.run(y, {x: at}), at @ start)
    assert {row.calls for row in found.rows() if row.op == "copy"} <= {1}

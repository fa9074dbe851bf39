"""cond, case, switch_case against Python's own choices."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, InvalidArgumentError

PLANS = ["", "reference"]


@pytest.fixture(params=PLANS, ids=["planned", "reference"])
def plan(request, monkeypatch):
    monkeypatch.setenv("OPWRIGHT_PLAN", request.param)


@pytest.fixture
def graph():
    with ow.Graph().as_default() as made:
        yield made


def run(fetches, feed=None):
    with ow.Session() as session:
        return session.run(fetches, feed)


@pytest.mark.parametrize("holds", [True, False])
def test_only_one_branch_decides(graph, plan, holds):
    x, p = ow.placeholder("float32", [3]), ow.placeholder("bool", [])
    y = ow.cond(p, lambda: {"a": x * 2 + 1, "b": [x]}, lambda: {"a": ow.exp(x), "b": [x - 1]})
    value = np.array([1, 2, 3], "f")
    found = run(y, {x: value, p: holds})
    np.testing.assert_allclose(found["a"], value * 2 + 1 if holds else np.exp(value), rtol=1e-6)
    np.testing.assert_array_equal(found["b"][0], value if holds else value - 1)


def test_the_other_branch_does_not_run(graph, plan):
    p = ow.placeholder("bool", [])
    v = ow.Variable(0.0)
    y = ow.cond(p, lambda: v.assign_add(1.0), lambda: v.assign_add(10.0))
    with ow.Session() as session:
        session.run(v.initializer)
        assert session.run(y, {p: True}) == 1
        assert session.run(y, {p: False}) == 11
        assert session.run(v) == 11


def test_reads_and_writes_in_a_branch_keep_their_order(graph, plan):
    p = ow.placeholder("bool", [])
    v = ow.Variable(3.0)

    def write():
        before = v.read_value()
        v.assign_add(1.0)
        return before, v.read_value()

    y = ow.cond(p, write, lambda: (v.read_value(), ow.constant(0.0)))
    with ow.Session() as session:
        session.run(v.initializer)
        assert session.run(y, {p: True}) == (3.0, 4.0)
        assert session.run(y, {p: False}) == (4.0, 0.0)


def test_operations_and_nothing_as_results(graph):
    p, v = ow.placeholder("bool", []), ow.Variable(0)
    done = ow.cond(p, lambda: v.assign_add(1).op, lambda: ow.no_op())
    nothing = ow.cond(p, lambda: (v.assign_add(5), None)[1], lambda: None)
    with ow.Session() as session:
        session.run(v.initializer)
        session.run(done, {p: True})
        session.run(nothing, {p: True})
        session.run([done, nothing], {p: False})
        assert session.run(v) == 6


def test_shapes_are_known_where_the_branches_agree(graph):
    p, x = ow.placeholder("bool", []), ow.placeholder("float32", [4, 3])
    y = ow.cond(p, lambda: x, lambda: ow.concat([x, x], 0))
    assert y.shape.dims == (None, 3)
    value = np.ones((4, 3), "f")
    assert run(y, {p: True, x: value}).shape == (4, 3)
    assert run(ow.reduce_sum(y), {p: False, x: value}) == 24


def test_shapes_that_depend_on_a_computed_predicate(graph, plan):
    x = ow.placeholder("float32", [None])
    y = ow.cond(ow.reduce_sum(x) > 0, lambda: x * 2, lambda: x[:1])
    total = ow.reduce_sum(y) + 1
    assert run([y, total], {x: [1, 2]})[1] == 7
    np.testing.assert_array_equal(run(y, {x: [-1, -2]}), [-1])


def test_a_predicate_known_early_leaves_one_branch(graph):
    x = ow.placeholder("float32", [2])
    y = ow.cond(ow.constant(False), lambda: x * 2, lambda: x + 1)
    np.testing.assert_array_equal(run(y, {x: [1, 2]}), [2, 3])
    assert ow.cond(True, lambda: 1, lambda: 2) == 1


def test_nested(graph, plan):
    p, q, x = ow.placeholder("bool", []), ow.placeholder("bool", []), ow.placeholder("float64", [])
    y = ow.cond(p, lambda: ow.cond(q, lambda: x * 2, lambda: x * 3), lambda: ow.cond(q, lambda: x * 5, lambda: x * 7))
    dy = ow.gradients(y, [x])[0]
    for a, b, factor in [(True, True, 2), (True, False, 3), (False, True, 5), (False, False, 7)]:
        assert run([y, dy], {p: a, q: b, x: 1.5}) == [1.5 * factor, factor]


def test_switch_case_and_case(graph, plan):
    i, x = ow.placeholder("int32", []), ow.placeholder("float32", [])
    y = ow.switch_case(i, [lambda: x, lambda: x * 10, lambda: x * 100])
    z = ow.switch_case(i, {0: lambda: x, 2: lambda: x * 100}, default=lambda: -x)
    assert [run([y, z], {i: n, x: 2}) for n in (0, 1, 2, 7, -1)] == [
        [2, 2], [20, -2], [200, 200], [200, -2], [200, -2]
    ]  # fmt: skip
    w = ow.case([(x < 0, lambda: ow.constant(-1)), (x > 10, lambda: ow.constant(10))], default=lambda: ow.constant(0))
    assert [run(w, {x: n}) for n in (-5, 50, 5)] == [-1, 10, 0]
    e = ow.case([(x < 5, lambda: x), (x < 6, lambda: -x)], exclusive=True)
    assert run(e, {x: 5.5}) == -5.5
    with pytest.raises(InvalidArgumentError, match="at most one predicate must hold"):
        run(e, {x: 1})


def test_eagerly_it_is_a_call():
    assert float(ow.cond(ow.constant(True), lambda: ow.constant(1.0), lambda: 1 / 0)) == 1
    assert int(ow.switch_case(ow.constant(1), [lambda: ow.constant(0), lambda: ow.constant(5)])) == 5


def test_random_numbers_differ_from_run_to_run(graph):
    p = ow.placeholder("bool", [])
    y = ow.cond(p, lambda: ow.random_uniform([4], seed=3), lambda: ow.zeros([4]))
    with ow.Session() as session:
        assert not np.array_equal(session.run(y, {p: True}), session.run(y, {p: True}))


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda p: ow.cond(p, lambda: ow.constant(1.0), lambda: ow.constant(1)),
         r"\[cond\] the branches must return the same dtypes, got int32 and float32 for output 0; cast one"),
        (lambda p: ow.cond(p, lambda: (1, 2), lambda: 3), r"\[cond\] the branches must return the same structure, got 3"),
        (lambda p: ow.cond(p, lambda: None, lambda: 3), r"must return the same structure"),
        (lambda p: ow.cond(ow.constant(1.5), lambda: 1, lambda: 2),
         r"\[cond\] pred must be a scalar of dtype bool, got dtype float32 and shape \(\); reduce it"),
        (lambda p: ow.cond(ow.stack([p, p]), lambda: 1, lambda: 2), r"got dtype bool and shape \(2,\); reduce it"),
        (lambda p: ow.cond(p, 1, 2), r"\[cond\] true_fn must be a function, got 1"),
        (lambda p: ow.switch_case(ow.constant(1), []), r"branch_fns must hold at least one function, got none"),
    ],
)  # fmt: skip
def test_errors(graph, build, text):
    p = ow.placeholder("bool", [])
    with pytest.raises(ArgumentError, match=text):
        build(p)


def test_an_error_names_the_operation_inside(graph):
    p, i = ow.placeholder("bool", []), ow.placeholder("int32", [])
    table = ow.constant([1.0, 2.0])
    y = ow.cond(p, lambda: ow.gather(table, i, name="look_up"), lambda: ow.constant(0.0))
    with pytest.raises(ow.OpwrightError, match=r"(?s)\[gather\].*in look_up .*test_cond.py"):
        run(y, {p: True, i: 5})
    assert run(y, {p: False, i: 5}) == 0

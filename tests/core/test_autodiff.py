"""Differentiation of graphs and tapes."""

import numpy as np
import opwright as ow
import pytest
from opwright import OpDef, ops
from opwright.errors import DTypeError, GradientError, ShapeError
from opwright.registry import registry
from opwright.testing import check_gradient, numeric_gradient


def evaluate(session, tensors, feeds=None):
    return session.run(tensors, feeds)


def test_sums_over_paths(graph, session):
    x = ow.placeholder("float64", [3])
    y = x * x + ow.exp(x) * x
    (g,) = ow.gradients(y, x)
    at = np.array([0.5, -1, 2])
    np.testing.assert_allclose(session.run(g, {x: at}), 2 * at + np.exp(at) * (1 + at), rtol=1e-12)


def test_several_ys_weights_and_unconnected_xs(graph, session):
    x, z = ow.placeholder("float64", [2]), ow.placeholder("float64", [2])
    gx, gz = ow.gradients([x * x, 3.0 * x], [x, z], grad_ys=[ow.constant([1.0, 10.0], "float64"), None])
    np.testing.assert_allclose(session.run(gx, {x: [1, 2]}), [5, 43])
    assert gz is None
    (zero,) = ow.gradients(x * x, [z], unconnected_gradients="zero")
    np.testing.assert_array_equal(session.run(zero, {z: [1, 2]}), [0, 0])
    with pytest.raises(ShapeError, match="one item for each y, got 1 for 2"):
        ow.gradients([x, x], [x], grad_ys=[x])
    with pytest.raises(ShapeError, match=r"grad_ys must have the shape \(2,\)"):
        ow.gradients(x, x, grad_ys=[ow.constant([1.0], "float64")])


def test_gradients_to_values_in_between(graph, session):
    x = ow.placeholder("float64", [])
    h = x * x
    y = h * h
    gh, gx = ow.gradients(y, [h, x])
    assert session.run([gh, gx], {x: 3.0}) == [18, 108]
    (stopped,) = ow.gradients(y * x, [x], stop_gradients=[h])
    assert session.run(stopped, {x: 3.0}) == 81


def test_second_and_third_order(graph, session):
    x = ow.placeholder("float64", [])
    y = x * x * x * x
    orders = [y]
    for _ in range(3):
        orders += ow.gradients(orders[-1], x)
    assert session.run(orders, {x: 3.0}) == [81, 108, 108, 72]


def test_integers_have_no_gradient(graph):
    n = ow.placeholder("int32", [])
    with pytest.raises(DTypeError, match="ys must be floating"):
        ow.gradients(n, n)
    x = ow.placeholder("float32", [])
    assert ow.gradients(x * ow.cast(n, "float32"), [n]) == [None]


def test_an_op_without_a_gradient_names_op_package_and_node(graph):
    opaque = OpDef("opaque(x: T['*s']) -> (y: T['*s'])", T=("float32",), gradient=None)
    registry.register(opaque)
    x = ow.placeholder("float32", [2])
    y = opaque(x, name="here") * 2.0
    with pytest.raises(
        GradientError, match=r"(?s)\[opaque\] the op has no gradient \(node 'here', built at .*test_autodiff"
    ):
        ow.gradients(y, x)
    assert ow.gradients(opaque(x) * x, [ow.placeholder("float32", [2])]) == [None]
    ow.gradients(ow.stop_gradient(y) * x, x)


def test_wrong_gradient_functions_are_found_out(graph):
    one = OpDef("wrong_one(x: T['*s'], y: T['*s']) -> (z: T['*s'])", T=("float32",))
    one.gradient(lambda node, dz: dz)
    two = OpDef("wrong_two(x: T['n']) -> (z: T[''])", T=("float32",))
    two.gradient(lambda node, dz: dz)
    registry.register(one, two)
    x = ow.placeholder("float32", [2])
    with pytest.raises(GradientError, match="must return a tuple with one item for each of the 2 tensor arguments"):
        ow.gradients(one(x, x), x)
    with pytest.raises(GradientError, match=r"must have the shape \(2,\) of its input, got \(\)"):
        ow.gradients(two(x), x)


def test_an_op_with_a_reference_needs_no_gradient():
    cubed = OpDef("cubed(x: T['*s']) -> (y: T['*s'])", T=("float32", "float64"))
    cubed.ref(lambda x: x * x * x)
    registry.register(cubed)
    check_gradient(cubed, [np.array([0.5, -1.5])])
    x = ow.constant([2.0], "float64")
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = cubed(x)
    np.testing.assert_allclose(tape.gradient(y, x), [12.0])


def test_rows_of_a_gather_stay_sparse(graph, session):
    table = ow.Variable(np.ones((1000, 2), np.float32))
    rows = ow.placeholder("int32", [None])
    picked = ow.gather(table, rows)
    (g,) = ow.gradients(ow.reduce_sum(picked * picked), table)
    assert isinstance(g, ow.IndexedSlices)
    session.run(table.initializer)
    found = session.run(g, {rows: [3, 7, 3]})
    np.testing.assert_array_equal(found.indices, [3, 7, 3])
    np.testing.assert_array_equal(found.values, np.full((3, 2), 2.0))
    dense = session.run(ow.convert_to_tensor(g), {rows: [3, 7, 3]})
    assert dense[3].tolist() == [4, 4]
    assert dense.sum() == 12
    (both,) = ow.gradients(ow.reduce_sum(picked) + ow.reduce_sum(ow.gather(table, rows)), table)
    assert isinstance(both, ow.IndexedSlices)
    (mixed,) = ow.gradients(ow.reduce_sum(picked) + ow.reduce_sum(table * 1.0), table)
    assert session.run(mixed, {rows: [3]})[3].tolist() == [2, 2]


def test_tape_and_graph_agree(rng):
    def f(x, w):
        return ops.exp(x * w) * x - w

    at = rng.normal(size=(2, 3)), rng.normal(size=(3,))
    with ow.GradientTape() as tape:
        x, w = (ow.constant(a, "float64") for a in at)
        tape.watch([x, w])
        y = f(x, w)
    on_tape = tape.gradient(y, [x, w])
    with ow.Graph().as_default():
        a, b = (ow.placeholder("float64", v.shape) for v in at)
        in_graph = ow.Session().run(ow.gradients(f(a, b), [a, b]), {a: at[0], b: at[1]})
    for got, want, i in zip(on_tape, in_graph, (0, 1), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)
        np.testing.assert_allclose(got, numeric_gradient(f, at, i), rtol=1e-6)


def test_tapes_nest_for_second_order():
    x = ow.constant(3.0)
    with ow.GradientTape() as outer:
        outer.watch(x)
        with ow.GradientTape() as inner:
            inner.watch(x)
            y = x * x * x
        first = inner.gradient(y, x)
    assert float(first) == 27
    assert float(outer.gradient(first, x)) == 18


def test_a_spent_tape_says_so():
    x = ow.constant(3.0)
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert float(tape.gradient(y, x)) == 6
    with pytest.raises(GradientError, match="make it with persistent=True"):
        tape.gradient(y, x)
    with ow.GradientTape() as tape, pytest.raises(DTypeError, match="only floating tensors can be watched"):
        tape.watch(ow.constant(1))

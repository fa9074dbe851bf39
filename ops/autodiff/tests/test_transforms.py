"""grad, vjp, jvp, custom_gradient: against formulas, central differences and each other, eagerly and in graphs."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, DTypeError, GradientError, ShapeError


def cube(x):
    return ow.reduce_sum(x * x * x)


def test_grad_of_grad():
    assert float(ow.grad(cube)(2.0)) == 12.0
    assert float(ow.grad(ow.grad(cube))(2.0)) == 12.0
    assert float(ow.grad(ow.grad(ow.grad(cube)))(2.0)) == 6.0
    assert np.asarray(ow.grad(cube)([1.0, 2.0])).tolist() == [3.0, 12.0]


def test_value_and_grad():
    def f(x, parameters, flag=True):
        return ow.reduce_sum(x * parameters["w"]) + parameters["b"][0], "more"

    value, (dx, dp) = ow.value_and_grad(f, argnums=(0, 1), has_aux=True)(
        np.array([1.0, 2.0], np.float32), {"w": ow.constant([3.0, 4.0]), "b": [ow.Variable(5.0)]}
    )
    assert (float(value[0]), value[1]) == (16.0, "more")
    assert np.asarray(dx).tolist() == [3.0, 4.0]
    assert np.asarray(dp["w"]).tolist() == [1.0, 2.0]
    assert float(dp["b"][0]) == 1.0
    gradient, more = ow.grad(f, has_aux=True)([1.0, 2.0], {"w": [3.0, 4.0], "b": [0.0]})
    assert more == "more"
    assert np.asarray(gradient).tolist() == [3.0, 4.0]
    with pytest.raises(ShapeError, match=r"must return a scalar, got shape \(2,\)"):
        ow.grad(lambda x: x * 2.0)([1.0, 2.0])
    with pytest.raises(ArgumentError, match="argnums must name one of 1 arguments, got 1"):
        ow.grad(cube, argnums=1)(1.0)
    with pytest.raises(DTypeError, match="only floating tensors"):
        ow.grad(cube)(2)


def test_vjp_and_jvp_agree_with_the_jacobian(rng):
    a, b = rng.normal(size=(3, 2)), rng.normal(size=(2,))

    def f(x, y):
        return ow.sin(ow.linalg.matvec(x, y)), ow.reduce_sum(y * y)

    def flat(x, y):
        return np.concatenate([np.sin(x @ y), [np.sum(y * y)]])

    jacobian = np.stack(
        [
            (flat(a + h[:6].reshape(3, 2), b + h[6:]) - flat(a - h[:6].reshape(3, 2), b - h[6:])) / 2e-6
            for h in np.eye(8) * 1e-6
        ]
    )
    value, pullback = ow.vjp(f, a, b)
    np.testing.assert_allclose(np.asarray(value[0]), np.sin(a @ b))
    weights = rng.normal(size=4)
    da, db = pullback((weights[:3], weights[3]))
    np.testing.assert_allclose(np.concatenate([np.ravel(da), db]), jacobian @ weights, rtol=1e-7)
    along = rng.normal(size=8)
    value, tangent = ow.jvp(f, (a, b), (along[:6].reshape(3, 2), along[6:]))
    np.testing.assert_allclose(np.concatenate([tangent[0], [tangent[1]]]), along @ jacobian, rtol=1e-7)
    with pytest.raises(ShapeError, match="a tangent must have the shape"):
        ow.jvp(f, (a, b), (along, b))


def test_a_forward_accumulator():
    x = ow.Variable([1.0, 2.0])
    with ow.ForwardAccumulator(x, [1.0, 10.0]) as accumulator:
        y = x * x
        unrelated = ow.constant(3.0)
    assert np.asarray(accumulator.jvp(y)).tolist() == [2.0, 40.0]
    assert accumulator.jvp(unrelated) is None
    assert float(accumulator.jvp(unrelated, unconnected_gradients="zero")) == 0.0


@ow.custom_gradient
def log1pexp(x):
    e = ow.exp(x)

    def gradient(dy):
        return dy * (1 - 1 / (1 + e))

    return ow.log(1 + e), gradient


def test_custom_gradient():
    x = ow.constant(100.0)
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = log1pexp(x)
    assert float(tape.gradient(y, x)) == 1.0  # nan without it
    first, second = ow.grad(log1pexp), ow.grad(ow.grad(log1pexp))
    s = 1 / (1 + np.exp(-0.5))
    assert float(first(0.5)) == pytest.approx(s, rel=1e-6)
    assert float(second(0.5)) == pytest.approx(s * (1 - s), rel=1e-5)
    with ow.Graph().as_default(), ow.Session() as session:
        fed = ow.placeholder("float32", [None])
        y = log1pexp(fed)
        (dy,) = ow.gradients(y, fed)
        (d2y,) = ow.gradients(dy, fed)
        found = session.run([dy, d2y], {fed: [0.5, 100.0]})
    assert found[0] == pytest.approx([s, 1.0], rel=1e-6)
    assert found[1][0] == pytest.approx(s * (1 - s), rel=1e-5)


def test_custom_gradient_of_several_outputs():
    @ow.custom_gradient
    def f(x, y):
        def gradient(da, db):
            return 10.0 * da, [None, 100.0 * db][1]

        return (x + y, {"product": x * y}), gradient

    x, y = ow.constant(2.0), ow.constant(3.0)
    with ow.GradientTape() as tape:
        tape.watch([x, y])
        total, rest = f(x, y)
    assert (float(total), float(rest["product"])) == (5.0, 6.0)
    assert [float(g) for g in tape.gradient([total, rest["product"]], [x, y])] == [10.0, 100.0]


def test_custom_gradient_with_variables():
    w = ow.Variable(3.0, name="w")

    @ow.custom_gradient
    def f(x):
        def gradient(dy, variables):
            assert [v is w for v in variables] == [True]
            return dy * 7.0, [dy * 5.0]

        return x * w, gradient

    x = ow.constant(2.0)
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert float(y) == 6.0
    assert [float(g) for g in tape.gradient(y, [x, w])] == [7.0, 5.0]

    @ow.custom_gradient
    def g(x):
        return x * w, lambda dy: dy

    with pytest.raises(
        GradientError, match=r"\[custom_gradient\] g reads w:0: its gradient function must take variables="
    ):
        g(x)

    @ow.custom_gradient
    def h(x):
        return x, lambda dy: (dy, dy)

    with ow.GradientTape() as tape:
        tape.watch(x)
        y = h(x)
    with pytest.raises(GradientError, match="gradient function of h must return 1 gradients, got 2"):
        tape.gradient(y, x)


def test_stop_gradient():
    assert float(ow.grad(lambda x: ow.stop_gradient(x) * x)(3.0)) == 3.0

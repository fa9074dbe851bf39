"""elementwise: ops from expressions in C."""

import numpy as np
import opwright as ow
import pytest
import scipy.special as sp
from opwright.errors import GradientError, SchemaError
from opwright.opdef import OpDef
from opwright.testing import case, check_op

VALUES = {
    "log1p(exp(-fabs(x))) + fmax(x, 0)": lambda x: np.logaddexp(x, 0),
    "x > 0 ? x : expm1(x)": lambda x: np.where(x > 0, x, np.expm1(x)),
    "x < -1 ? -1 : x > 1 ? 1 : x": lambda x: np.clip(x, -1, 1),
    "x > 1 ? x : (x > 0 ? x * x : 0) - 1": lambda x: np.where(x > 1, x, np.where(x > 0, x * x, 0) - 1),
    "0.5f * x * (1 + erff(x * M_SQRT1_2))": lambda x: 0.5 * x * (1 + sp.erf(x / np.sqrt(2))),
    "x / (1. + expf(-1.702e0f*x))": lambda x: x / (1 + np.exp(-1.702 * x)),
    "(x > 0) * x": lambda x: np.maximum(x, 0),
    "x > -1 && x < 1 || !(x < 2)": lambda x: ((x > -1) & (x < 1) | ~(x < 2)) * 1.0,
    "!x == 0 ? x : 1": lambda x: np.where(x != 0, x, 1),
    "- x + 2 * 3 / 4.0": lambda x: -x + 1.5,
    "pow(fabs(x), 1.5) + copysign(1, x)": lambda x: np.abs(x) ** 1.5 + np.copysign(1, x),
    "isnan(x) || isinf(x) ? 0 : fmod(x, 1)": lambda x: np.fmod(x, 1),
}


@pytest.mark.parametrize("expression", VALUES)
def test_values_and_gradients(expression, rng):
    op = ow.elementwise("acme::op", expression)
    assert isinstance(op, OpDef)
    x = rng.uniform(0.05, 0.9, (2, 6)) + np.array([-2, -1, 0, 0, 1, 2])  # off the places without derivative
    check_op(op, [case(x), case(x[:0])], VALUES[expression], dtypes=("float32", "float64", "float16", "bfloat16"))


def test_arguments_come_in_the_order_they_appear_and_broadcast(rng):
    op = ow.elementwise("acme::gated", "y * tanh(a) / (1 + x * x)")
    assert str(op.schema) == "acme::gated(y: T['...'], a: T['...'], x: T['...']) -> (z: T['...'])"
    y, a, x = rng.normal(size=(3, 1)), rng.normal(size=4), rng.normal(size=(2, 3, 4))
    check_op(op, [case(y, a, x)], lambda y, a, x: y * np.tanh(a) / (1 + x * x))


def test_the_scalar_is_the_expression_in_c():
    op = ow.elementwise("acme::op", "a > 0.5f ? expf(b) : -a")
    assert op.scalar == "x0 > 0.5f ? expf ( x1 ) : - x0"


def test_a_gradient_of_ones_own(rng):
    seen = []

    def gradient(x, w, y, dy):
        seen.append((x.shape.known(), w.shape.known(), y.shape.known()))
        return dy * w, dy * x

    op = ow.elementwise("acme::product", "x * w", gradient=gradient)
    check_op(op, [case(rng.normal(size=(2, 3)), rng.normal(size=3))], np.multiply)
    assert ((2, 3), (3,), (2, 3)) in seen


def test_a_gradient_that_is_none_is_refused(graph):
    op = ow.elementwise("acme::step", "x > 0", gradient=None)
    x = ow.placeholder("float32", [2])
    with pytest.raises(GradientError, match=r"\[acme::step\] the op has no gradient"):
        ow.gradients(op(x), x)


def test_it_runs_as_one_node_with_its_neighbours(graph, session):
    from opwright.plan import flags
    from opwright.plan.instantiate import Builder
    from opwright.plan.spec import Spec
    from opwright.plan.step import Step

    op = ow.elementwise("acme::softplus", "log1p(exp(-fabs(x))) + fmax(x, 0)")
    x = ow.placeholder("float32", [8])
    step = Step(Spec([op(x * 2.0) + 1.0], [x], []), session, flags.parse(""))
    builder = Builder(step.spec, [(8,)], [np.zeros(8, np.float32)], session.variables, step.passes)
    program = builder.build()
    program.fetches = [builder.values[t] for t in step.spec.fetches]
    nodes = [node for stage in step.lay_out(program).stages for node in stage.nodes]
    assert len(nodes) == 1


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("foo(x)", r"functions must be math.h's, got 'foo'"),
        ("tan2(x)", r"got 'tan2'; did you mean 'atan2'\?"),
        ("round(x)", r"functions must be math.h's, got 'round'"),
        ("x % 2", r"must consist of numbers, names and .*, got '%' in 'x % 2'"),
        ("x << 1", r"must be one of C, got 'x << 1'"),
        ("x ** 2", r"must be one of C, got 'x \*\* 2'"),
        ("x // 2", r"got '//' in 'x // 2'"),
        ("x and 1", r"got 'and' in 'x and 1'"),
        ("x = 1", r"got '=' in 'x = 1'"),
        ("2x", r"got '2x' in '2x'"),
        ("x +", r"must be one of C, got 'x \+'"),
        ("(x", r"'\(' was never closed"),
        ("x)", r"unmatched '\)'"),
        ("x ? 1", r"'\?' without ':'"),
        ("0 < x < 1", r"comparisons must not be chained, got '0 < x < 1'; use &&"),
        ("x, y", r"must give one number, got '\(x, y\)'"),
        ("x * (1 / 2)", r"a quotient must have a float in it, got '1 / 2'"),
        ("(x > 0) / 2", r"a quotient must have a float in it, got '\(x > 0\) / 2'"),
        ("pow(x)", r"pow must have 2 arguments, got 'pow\(x\)'"),
        ("exp(x, 1)", r"exp must have 1 arguments, got 'exp\(x, 1\)'"),
        ("2 * M_PI", r"must have an argument, got '2 \* M_PI'"),
        ("", r"must be one of C, got ''"),
        ("x.y", r"got '.y' in 'x.y'"),
        ("x[0]", r"got '\[0\]' in 'x\[0\]'"),
    ],
)
def test_what_is_no_expression_is_named(expression, message):
    with pytest.raises(SchemaError, match=rf"^\[acme::op\] .*{message}"):
        ow.elementwise("acme::op", expression)

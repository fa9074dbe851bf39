"""Reductions: values in every memory layout, empty sets, 16-bit and integer dtypes, accuracy, gradients, errors."""

import itertools

import numpy as np
import opwright as ow
import pytest
from opwright.errors import DTypeError, ShapeError
from opwright.plan import flags
from opwright.plan.instantiate import Builder
from opwright.plan.simplify import simplify
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.testing import case, check_op

REDUCTIONS = {
    "reduce_sum": np.sum,
    "reduce_mean": np.mean,
    "reduce_prod": np.prod,
    "reduce_max": np.max,
    "reduce_min": np.min,
}
SMOOTH = ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min")


def _tuple(axis):
    return tuple(axis) if isinstance(axis, list) else axis


@pytest.mark.parametrize("name", REDUCTIONS)
def test_values_and_gradients(name, rng):
    cases = [
        case(rng.normal(size=(3, 4))),
        case(rng.normal(size=(3, 4)), axis=1),
        case(rng.normal(size=(2, 3, 4)), axis=[0, -1], keepdims=True),
        case(rng.normal(size=(2, 3, 2)), axis=1),
        case(rng.normal(size=()), keepdims=True),
        case(rng.normal(size=(1, 5)), axis=0),
        case(rng.normal(size=(3, 2)), axis=[]),
    ]

    def reference(x, axis=None, keepdims=False):
        return REDUCTIONS[name](x, axis=_tuple(axis), keepdims=keepdims)

    check_op(getattr(ow, name), cases, reference, gradient=name in SMOOTH)


@pytest.mark.parametrize("shape", [(7, 300), (300, 7), (5000, 3), (3, 5000), (2, 70, 3, 40), (100003,), (70, 1000)])
def test_every_layout(shape, rng):
    # Integers, so that sums are exact; the shapes reach each loop: inner and outer axes, blocks, tiles and their rests.
    x = rng.integers(-9, 10, shape).astype(np.float32)
    for n in range(len(shape) + 1):
        for axes in itertools.combinations(range(len(shape)), n):
            for name in ("reduce_sum", "reduce_max", "reduce_min"):
                found = np.asarray(getattr(ow, name)(x, axes))
                np.testing.assert_array_equal(found, REDUCTIONS[name](x, axis=axes), err_msg=f"{name} {axes}")


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8"])
def test_integers_wrap_around_and_keep_their_dtype(dtype, rng):
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, (40, 9), dtype, endpoint=True)
    with np.errstate(over="ignore"):
        for name in ("reduce_sum", "reduce_prod", "reduce_max", "reduce_min"):
            for axis in (0, 1):
                want = REDUCTIONS[name](x, axis=axis, **({} if name[-1] in "xn" else {"dtype": dtype}))
                np.testing.assert_array_equal(np.asarray(getattr(ow, name)(x, axis)), want, err_msg=name)
    small = x // (1 << 24) if dtype == "int64" else x  # sums of int64 are exact in float64 up to 2^53
    want = np.trunc(small.mean(1, np.float64)).astype(dtype)
    np.testing.assert_array_equal(np.asarray(ow.reduce_mean(small, 1)), want)


@pytest.mark.parametrize("name", ["reduce_any", "reduce_all"])
def test_logical(name, rng):
    x = rng.random((4, 300, 3)) < (0.01 if name == "reduce_any" else 0.99)
    reference = np.any if name == "reduce_any" else np.all
    for axis in (None, 0, 1, 2, (0, 2)):
        np.testing.assert_array_equal(np.asarray(getattr(ow, name)(x, axis)), reference(x, axis=axis))


def test_nothing_reduces_to_the_neutral_element():
    empty = np.zeros((3, 0), np.float32)
    wanted = {"sum": 0, "prod": 1, "max": -np.inf, "min": np.inf, "mean": np.nan}
    for name, value in wanted.items():
        found = np.asarray(getattr(ow, f"reduce_{name}")(empty, 1))
        np.testing.assert_array_equal(found, np.full(3, value, np.float32))
        assert np.asarray(getattr(ow, f"reduce_{name}")(empty, 0)).shape == (0,)
    assert not np.asarray(ow.reduce_any(empty > 0, 1)).any()
    assert np.asarray(ow.reduce_all(empty > 0, 1)).all()
    assert int(ow.reduce_max(np.zeros(0, np.int32))) == np.iinfo(np.int32).min


@pytest.mark.parametrize("where", [0, 1, 63, 64, 400, 999])
def test_nan_wins(where):
    x = np.arange(1000, dtype=np.float32)
    x[where] = np.nan
    for name in ("reduce_max", "reduce_min"):
        assert np.isnan(float(getattr(ow, name)(x)))
        assert np.isnan(np.asarray(getattr(ow, name)(np.stack([x] * 9, 1), 0))).all()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_sums_keep_their_digits(dtype):
    # Adding 0.1 one by one in float32 is off by 1 % after 4 million; blocks stay within a rounding of the result.
    n = 4_000_000 if dtype == "float32" else 4096
    x = ow.fill([n], ow.constant(0.1, dtype))
    tenth = float(np.asarray(ow.constant(0.1, dtype)))
    eps = {"float32": 2**-23, "float16": 2**-10, "bfloat16": 2**-7}[dtype]
    assert abs(float(ow.reduce_sum(x)) / (n * tenth) - 1) < eps
    assert abs(float(ow.reduce_mean(x)) / tenth - 1) < eps


def test_the_sum_does_not_depend_on_the_number_of_chunks(rng):
    x = rng.normal(size=(300, 7, 40)).astype(np.float32)
    with ow.Graph().as_default() as graph:
        fed = ow.placeholder("float32", x.shape)
        sums = [ow.reduce_sum(fed, axis) for axis in (None, 0, 1, 2, (0, 2))]
        session = ow.Session(graph=graph)
        parallel = Step(Spec(sums, [fed], []), session, flags.parse("")).run([x])
        serial = Step(Spec(sums, [fed], []), session, flags.parse("-parallel")).run([x])
    for a, b in zip(parallel, serial, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("name", ["reduce_max", "reduce_min"])
def test_ties_share_the_gradient(name):
    x = ow.constant([[1.0, 2.0, 2.0], [5.0, 5.0, 5.0], [1.0, 1.0, 7.0]])
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = getattr(ow, name)(x, 1)
    want = {
        "reduce_max": [[0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3], [0, 0, 1]],
        "reduce_min": [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]],
    }[name]
    np.testing.assert_allclose(np.asarray(tape.gradient(y, x)), want, rtol=1e-6)


def test_the_gradient_of_the_mean_of_an_unknown_shape(graph, session):
    x = ow.placeholder("float32", [None, None])
    (dx,) = ow.gradients(ow.reduce_mean(x, 0), [x])
    np.testing.assert_array_equal(session.run(dx, {x: np.zeros((4, 3))}), np.full((4, 3), 0.25))


@pytest.mark.parametrize(
    ("like", "sum_over"), [((3,), (0,)), ((2, 1), (1,)), ((1, 1), (0, 1)), ((), (0, 1)), ((2, 3), ())]
)
@pytest.mark.parametrize("known", [True, False])
def test_sum_like(like, sum_over, known, rng, graph, session):
    x = rng.normal(size=(2, 3))
    fed = ow.placeholder("float64", (2, 3) if known else None)
    other = ow.placeholder("float64", like if known else None)
    y = ow.sum_like(fed, other)
    found = session.run(y, {fed: x, other: np.zeros(like)})
    np.testing.assert_allclose(found, x.sum(sum_over).reshape(like), rtol=1e-14)


def test_sum_like_does_not_compute_what_it_looks_like(graph, session):
    x, w = ow.placeholder("float32", [None, 3]), ow.placeholder("float32", [None])
    spec = Spec([ow.sum_like(x, ow.exp(w))], [x, w], [])
    builder = Builder(spec, [(2, 3), (3,)], [None, None], session.variables, flags.parse(""))
    program = builder.build()
    program.fetches = [builder.values[t] for t in spec.fetches]
    simplify(program, flags.parse(""))
    assert [node.definition.name for node in program.nodes] == ["reduce_sum"]


def test_errors():
    x = ow.constant(np.zeros((2, 3), np.float32))
    with pytest.raises(ShapeError, match=r"\[reduce_sum\] axis must lie in \[-2, 2\), got 2"):
        ow.reduce_sum(x, 2)
    with pytest.raises(ShapeError, match=r"\[reduce_max\] axes must differ from each other, got \(0, -2\)"):
        ow.reduce_max(x, [0, -2])
    with pytest.raises(ShapeError, match=r"\[reduce_like\] like must broadcast to the shape \(2, 3\) of x, got"):
        ow.sum_like(x, ow.constant(np.zeros(2, np.float32)))
    with pytest.raises(DTypeError, match=r"\[reduce_any\] input_tensor must be bool, got float32"):
        ow.reduce_any(x)

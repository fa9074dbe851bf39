"""matmul: values over shapes, strides, transposes and dtypes, gradients, epilogues, errors."""

import itertools

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ShapeError
from opwright.plan import flags
from opwright.plan.instantiate import Builder
from opwright.plan.simplify import simplify
from opwright.plan.spec import Spec
from opwright.testing import case, check_op

FLAGS = list(itertools.product([False, True], repeat=2))


def _matmul(a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False):
    a = np.swapaxes(a, -1, -2) if transpose_a or adjoint_a else a
    b = np.swapaxes(b, -1, -2) if transpose_b or adjoint_b else b
    return np.matmul(a, b)


@pytest.mark.parametrize(("ta", "tb"), FLAGS)
def test_values_and_gradients(ta, tb, rng):
    def operands(m, k, n, batch_a=(), batch_b=()):
        a = rng.normal(size=(*batch_a, k, m) if ta else (*batch_a, m, k))
        b = rng.normal(size=(*batch_b, n, k) if tb else (*batch_b, k, n))
        return case(a, b, transpose_a=ta, transpose_b=tb)

    cases = [
        operands(3, 4, 2),
        operands(1, 5, 1),
        operands(2, 3, 2, (2,), (2,)),
        operands(2, 1, 3, (2, 1), (3,)),
        operands(2, 3, 2, (), (2,)),
        operands(0, 3, 2),
        operands(2, 0, 3),
    ]
    check_op(ow.matmul, cases, _matmul)


SIZES = [
    (1, 784, 10),
    (128, 784, 10),
    (7, 13, 5),
    (65, 33, 49),
    (100, 300, 130),
    (3, 1000, 200),
    (200, 2, 300),
    (1, 1, 1),
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize(("m", "k", "n"), SIZES)
def test_sizes_are_exact_on_small_integers(m, k, n, dtype, rng):
    # Sums of products of integers below 2^24 are exact in float32 whatever their order.
    for ta, tb in FLAGS:
        a = rng.integers(-8, 9, (k, m) if ta else (m, k)).astype(dtype)
        b = rng.integers(-8, 9, (n, k) if tb else (k, n)).astype(dtype)
        found = np.asarray(ow.matmul(a, b, ta, tb))
        np.testing.assert_array_equal(found, _matmul(a, b, ta, tb), err_msg=f"{ta} {tb}")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_floats_are_summed_in_float32(dtype, rng):
    a = ow.constant(rng.integers(-4, 5, (33, 400)).astype(np.float32), dtype)
    b = ow.constant(rng.integers(-4, 5, (400, 18)).astype(np.float32), dtype)
    want = np.asarray(ow.constant(np.asarray(a, np.float64) @ np.asarray(b, np.float64), dtype))
    np.testing.assert_array_equal(np.asarray(ow.matmul(a, b)), want)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("m", range(1, 8))
def test_few_rows_of_a_large_matrix(m, dtype, rng, graph, session):
    k, n = 2051, 2053  # beyond 2^22 elements, neither a multiple of a vector nor of the steps taken at a time
    a, b = rng.integers(-8, 9, (m, k)).astype(dtype), rng.integers(-8, 9, (k, n)).astype(dtype)
    left, right = ow.placeholder(dtype, [m, k]), ow.placeholder(dtype, [k, n])
    y = ow.matmul(left, right)
    np.testing.assert_array_equal(session.run(y + y, {left: a, right: b}), 2 * (a @ b))
    turned = ow.matmul(ow.reverse(left, [0]), right)  # rows in any distance
    np.testing.assert_array_equal(session.run(turned, {left: a, right: b}), a[::-1] @ b)


def test_integers_wrap_around():
    big = np.array([[2**30, 2**30, 2**30]], np.int32)
    np.testing.assert_array_equal(np.asarray(ow.matmul(big, big, transpose_b=True)), [[0]])
    twos = np.full((3, 1), 2, np.int32)
    np.testing.assert_array_equal(np.asarray(ow.matmul(big, twos)), [[-(2**31)]])


def test_infinities_stay_in_their_row_and_column():
    a, b = np.ones((70, 40), np.float32), np.ones((40, 70), np.float32)
    a[3, 5] = np.inf
    b[7, 66] = np.nan
    np.testing.assert_array_equal(np.asarray(ow.matmul(a, b)), a @ b)


def test_strided_operands(rng, graph, session):
    a = ow.placeholder("float32", [None, None, None])
    x = rng.integers(-8, 9, (6, 40, 40)).astype(np.float32)
    views = [
        (ow.transpose(a, (2, 0, 1)), x.transpose(2, 0, 1)),
        (ow.transpose(a, (0, 2, 1)), x.transpose(0, 2, 1)),
        (ow.transpose(a, (1, 2, 0)), x.transpose(1, 2, 0)),
    ]
    for left, right in itertools.product(views, repeat=2):
        la, rb = left[0], ow.transpose(right[0], (0, 2, 1))
        want_a, want_b = left[1], right[1].transpose(0, 2, 1)
        if want_a.shape[-1] != want_b.shape[-2] or want_a.shape[0] != want_b.shape[0]:
            continue
        np.testing.assert_array_equal(session.run(ow.matmul(la, rb), {a: x}), want_a @ want_b)


def test_epilogues_see_every_element_once(rng, graph, session):
    for m, k, n in [(5, 30, 9), (130, 70, 100), (1, 20, 300)]:
        x, w, bias = rng.normal(size=(m, k)), rng.normal(size=(k, n)), rng.normal(size=n)
        fed = ow.placeholder("float64", [None, k])
        y = ow.tanh(ow.matmul(fed, ow.constant(w)) + bias) * 2.0
        # Sums of 70 products round in another order: 1e-13 is some 500 ulp of 1.
        np.testing.assert_allclose(session.run(y, {fed: x}), np.tanh(x @ w + bias) * 2, rtol=1e-12, atol=1e-13)


EVERY_PASS = flags.parse("")


def planned(session, fetch, feeds):
    """The nodes of a step's program once it is simplified."""
    builder = Builder(
        Spec([fetch], feeds, []), [f.shape.known() for f in feeds], [None] * len(feeds), session.variables, EVERY_PASS
    )
    program = builder.build()
    program.fetches = [builder.values[fetch]]
    simplify(program, EVERY_PASS)
    return program.nodes


def test_transposes_become_flags(graph, session):
    a, b = ow.placeholder("float32", (3, 4)), ow.placeholder("float32", (5, 4))
    (node,) = planned(session, ow.matmul(ow.transpose(a), ow.transpose(b), transpose_a=True), [a, b])
    assert not node.attributes["transpose_a"]
    assert node.attributes["transpose_b"]


def test_products_of_numbers_become_multiplications(graph, session):
    x = ow.placeholder("float32", ())
    y = ow.sin(x)
    y = ow.sin(ow.reshape(ow.matmul(ow.reshape(y, [1, 1]), ow.reshape(y, [1, 1])), []))
    assert [n.definition.name for n in planned(session, y, [x])] == ["sin", "multiply", "sin"]
    a = ow.placeholder("float32", (1, 1))
    assert [n.definition.name for n in planned(session, ow.matmul(a, a), [a])] == ["multiply"]


def test_factors_that_repeat_1_are_dropped(graph, session):
    x = ow.placeholder("float32", (300, 400))
    y = x * ow.broadcast_to(ow.constant(1.0), (300, 400))
    assert planned(session, y, [x]) == []


def test_errors():
    a = np.zeros((2, 3), np.float32)
    with pytest.raises(
        ShapeError, match=r"\[matmul\] the inner dimensions of a and b must be equal, got shapes \(2, 3\)"
    ):
        ow.matmul(a, a)
    with pytest.raises(
        ShapeError, match=r"\[matmul\] a must have at least 2 dimensions; matvec and .*got shape \(2,\)"
    ):
        ow.matmul(a[:, 0], a)
    with pytest.raises(ShapeError, match=r"\[matmul\] the leading dimensions of a and b must broadcast, got shapes"):
        ow.matmul(np.zeros((2, 2, 3), np.float32), np.zeros((3, 3, 2), np.float32))
    with pytest.raises(ShapeError, match=r"\[matmul\] transpose_a and adjoint_a must not both be true, got both"):
        ow.matmul(a, a, True, adjoint_a=True)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int32", "int64"])
def test_one_number_by_one(graph, session, dtype):
    a, b = ow.placeholder(dtype, [1, 1]), ow.placeholder(dtype, [1, 1])
    product = ow.matmul(a, b)
    found = session.run([product, ow.abs(product)], {a: [[-3]], b: [[2.5 if "float" in dtype else 2]]})
    want = -7.5 if "float" in dtype else -6
    assert [f.tolist() for f in found] == [[[want]], [[-want]]]

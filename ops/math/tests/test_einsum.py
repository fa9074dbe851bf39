"""einsum: NumPy's values for every kind of equation, gradients, unknown sizes, errors."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, ShapeError
from opwright.testing import case, check_op

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,kj->ki", (2, 3), (4, 3)),
    ("bij,bjk->bik", (2, 2, 3), (2, 3, 4)),
    ("bij,bjk->ikb", (2, 2, 3), (2, 3, 4)),
    ("abcd,cde->eab", (2, 3, 2, 3), (2, 3, 4)),
    ("ab,cd->acbd", (2, 3), (2, 2)),
    ("i,i->", (5,), (5,)),
    ("i,j->ij", (3,), (2,)),
    ("ij,ij->i", (2, 3), (2, 3)),
    ("ij,ik->ijk", (2, 3), (2, 4)),
    ("ijk->kji", (2, 3, 4)),
    ("ijk->j", (2, 3, 4)),
    ("ba", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij->ji", (3, 3, 2)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("...ij,...jk->...ik", (2, 1, 2, 3), (3, 3, 2)),
    ("...ij,jk", (2, 2, 3), (3, 2)),
    ("i...,i...->...", (3, 2), (3, 2)),
    ("...,...->...", (2, 3), (3,)),
    ("ij,j,k->ik", (2, 3), (3,), (2,)),
    ("ab,bc,cd,de->ae", (2, 3), (3, 4), (4, 2), (2, 3)),
    ("ij,ij,ij->j", (2, 3), (2, 3), (2, 3)),
    ("ij,jk->ik", (2, 0), (0, 3)),
    ("a,b->", (2,), (3,)),
]


@pytest.mark.parametrize(("equation", "shapes"), [(e, s) for e, *s in EQUATIONS], ids=lambda v: v if v else "")
def test_values_and_gradients(equation, shapes, rng):
    one = case(*[rng.normal(size=shape) for shape in shapes])
    check_op(lambda *xs: ow.einsum(equation, *xs), [one], lambda *xs: np.einsum(equation, *xs), dtypes=("float64",))


def test_unknown_sizes(graph, session, rng):
    a, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 3, 5))
    fed, other = ow.placeholder("float64", [None, 3, None]), ow.placeholder("float64", [None, None, 5])
    y = ow.einsum("abc,cbd->da", fed, other)
    assert y.shape == (5, None)
    # Sums of 12 products round in another order.
    np.testing.assert_allclose(
        session.run(y, {fed: a, other: b}), np.einsum("abc,cbd->da", a, b), rtol=1e-12, atol=1e-13
    )


def test_integers(rng):
    a, b = rng.integers(-9, 9, (3, 4)), rng.integers(-9, 9, (4, 2))
    np.testing.assert_array_equal(np.asarray(ow.einsum("ij,jk->ki", a, b)), (a @ b).T)


@pytest.mark.parametrize(
    ("equation", "error", "text"),
    [
        ("ij,jk,kl->il", ArgumentError, r"the equation names 3 inputs, got 2"),
        (
            "ij,jk->iz",
            ArgumentError,
            r"the output's letters must be the inputs', each once, and 'z' stands in no input",
        ),
        ("ij,jk->ii", ArgumentError, r"each once, and a letter stands there twice"),
        ("ij,ik->jk", ShapeError, r"'i' must have one size, got 2 and 3"),
        ("ijk,jk->ik", ShapeError, r"'ijk' needs 3 dimensions, got 2"),
        ("...ijk,jk->ik", ShapeError, r"'\.\.\.ijk' needs at least 3 dimensions, got 2"),
        ("...j,jk->k", ArgumentError, r"the output must have the inputs' '\.\.\.', got 'k'"),
        ("i2,jk->ik", ArgumentError, r"inputs must be named by letters and one '\.\.\.', got 'i2'"),
    ],
)
def test_errors(equation, error, text):
    with pytest.raises(error, match=rf"\[einsum\] .*{text}"):
        ow.einsum(equation, np.zeros((2, 3), np.float32), np.zeros((3, 4), np.float32))

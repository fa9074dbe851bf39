"""diag, matrix_diag, matrix_diag_part, matrix_set_diag, matrix_band_part, eye."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

ALL = ("float32", "float64", "float16", "bfloat16")


def _at(rows, cols, k):
    """Where diagonal k of a matrix lies."""
    n = max(0, min(rows + min(k, 0), cols - max(k, 0)))
    return ..., np.arange(n) + max(-k, 0), np.arange(n) + max(k, 0)


def _matrix_diag(x, k=0, num_rows=-1, num_cols=-1, padding_value=0.0):
    d = x.shape[-1]
    if num_rows == num_cols == -1:
        num_rows = num_cols = d + abs(k)
    rows = d - min(k, 0) if num_rows == -1 else num_rows
    cols = d + max(k, 0) if num_cols == -1 else num_cols
    y = np.full((*x.shape[:-1], rows, cols), padding_value, x.dtype)
    y[_at(rows, cols, k)] = x
    return y


def test_matrix_diag(rng):
    x = rng.normal(size=(2, 3))
    check_op(
        ow.matrix_diag,
        [
            case(x),
            case(x, k=2),
            case(x, k=-1, padding_value=1.5),
            case(x, num_cols=5),
            case(x, k=-2, num_cols=3),
            case(x, k=1, num_rows=6, num_cols=4),
            case(x[:, :0]),
        ],
        _matrix_diag,
        dtypes=ALL,
    )


def test_matrix_diag_part(rng):
    x = rng.normal(size=(2, 3, 5))
    check_op(
        ow.linalg.diag_part,
        [case(x, k=k) for k in (0, 1, 3, -2)],
        lambda x, k: np.diagonal(x, k, -2, -1),
        dtypes=ALL,
    )
    check_op(ow.matrix_diag_part, [case(x[0, :, :2])], np.diagonal)


def test_matrix_set_diag(rng):
    def reference(x, diagonal, k=0):
        y = np.array(x)
        y[_at(*x.shape[-2:], k)] = diagonal
        return y

    x, d = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3))
    check_op(ow.matrix_set_diag, [case(x, d), case(x, d, k=1), case(x, d[:, :2], k=-1)], reference, dtypes=ALL)
    check_op(ow.linalg.set_diag, [case(x[0].T, d[0])], reference)


def test_matrix_band_part(rng):
    def reference(x, num_lower, num_upper):
        i, j = np.ogrid[: x.shape[-2], : x.shape[-1]]
        keep = ((num_lower < 0) | (i - j <= num_lower)) & ((num_upper < 0) | (j - i <= num_upper))
        return np.where(keep, x, 0)

    x = rng.normal(size=(2, 4, 3))
    bands = [(0, 0), (-1, 0), (0, -1), (1, 2), (-1, -1), (9, 1)]
    check_op(ow.linalg.band_part, [case(x, num_lower=a, num_upper=b) for a, b in bands], reference, dtypes=ALL)


def test_diag_and_its_part(rng):
    x, y = rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 2, 3))
    check_op(ow.diag, [case(x), case(x[0])], lambda x: np.diag(x.ravel()).reshape(x.shape * 2))
    check_op(
        ow.linalg.tensor_diag_part,
        [case(y), case(y[0, :, 0])],
        lambda y: np.diagonal(y.reshape([int(y.size**0.5)] * 2)).reshape(y.shape[: y.ndim // 2]),
    )


def test_eye(session):
    n = ow.placeholder("int32", [])
    made = [ow.eye(3), ow.eye(2, 3, dtype="int64"), ow.eye(2, batch_shape=[3]), ow.eye(n, 4)]
    found = session.run(made, {n: 2})
    for got, want in zip(found, [np.eye(3), np.eye(2, 3), np.stack([np.eye(2)] * 3), np.eye(2, 4)], strict=True):
        np.testing.assert_array_equal(got, want)
    assert found[1].dtype == np.int64


@pytest.mark.parametrize("dtype", ["int8", "int16", "int64", "uint8", "bool"])
def test_every_dtype(dtype):
    x = np.array([1, 1]).astype(dtype)
    np.testing.assert_array_equal(ow.matrix_diag(x, padding_value=1, k=1).numpy(), np.ones((3, 3)))
    np.testing.assert_array_equal(ow.matrix_set_diag(np.zeros((2, 2), dtype), x).numpy(), np.eye(2))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ow.matrix_diag(x, num_rows=2), r"\[matrix_diag\] diagonal 0 of 2 rows and 3 columns must have"),
        (lambda x: ow.matrix_diag_part(x, 3), r"\[matrix_diag_part\] k must name a diagonal of \(2, 3\), got 3"),
        (lambda x: ow.matrix_set_diag(x, x[0]), r"\[matrix_set_diag\] diagonal must have 2 elements, got \(3,\)"),
        (lambda x: ow.matrix_band_part(x[0], 1, 1), r"\[matrix_band_part\] input must have at least 2 dimensions"),
        (lambda x: ow.diag_part(x), "compatible"),
    ],
)
def test_errors(graph, call, text):
    with pytest.raises(ow.OpwrightError, match=text):
        call(ow.placeholder("float32", [2, 3]))

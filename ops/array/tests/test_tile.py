"""tile, repeat."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

ALL = ("float32", "float64", "float16", "bfloat16")


def test_tile(rng):
    x = rng.normal(size=(2, 1, 3))
    check_op(
        ow.tile,
        [
            case(x, multiples=[2, 3, 1]),
            case(x, multiples=[1, 4, 1]),
            case(x, multiples=[1, 1, 1]),
            case(x, multiples=[1, 2, 0]),
            case(rng.normal(size=3), multiples=[3]),
            case(rng.normal(), multiples=np.zeros(0, np.int32)),
        ],
        lambda x, multiples: np.tile(x, multiples),
        dtypes=ALL,
    )


def test_tile_at_run_time(rng, session):
    x, times = ow.placeholder("float32", [None, None]), ow.placeholder("int64", [2])
    value = rng.normal(size=(200, 30)).astype(np.float32)
    made = ow.tile(x, times)
    for m in ([3, 2], [1, 5]):
        np.testing.assert_array_equal(session.run(made, {x: value, times: m}), np.tile(value, m))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int64", "uint8", "bool"])
def test_every_dtype(dtype):
    x = np.array([[1, 0]]).astype(dtype)
    np.testing.assert_array_equal(ow.tile(x, [2, 2]).numpy(), np.tile(x, [2, 2]))


def test_repeat(rng):
    x = rng.normal(size=(2, 3))
    check_op(
        ow.repeat,
        [
            case(x, repeats=2),
            case(x, repeats=3, axis=1),
            case(x, repeats=[2], axis=-2),
            case(x, repeats=[0, 2, 1], axis=1),
            case(x, repeats=[1, 3], axis=0),
        ],
        lambda x, repeats, axis=None: np.repeat(x, repeats, axis),
    )


def test_repeat_at_run_time(session):
    x, times, each = ow.placeholder("int32", [None]), ow.placeholder("int32", []), ow.placeholder("int32", [None])
    made = [ow.repeat(x, times), ow.repeat(x, each)]
    found = session.run(made, {x: [1, 2, 3], times: 2, each: [2, 0, 1]})
    assert [f.tolist() for f in found] == [[1, 1, 2, 2, 3, 3], [1, 1, 3]]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ow.tile(x, [2]), r"\[tile\] multiples must have 2 elements, got \(1,\)"),
        (lambda x: ow.tile(x, [2, -1]), r"\[tile\] multiples must not be negative, got \[2, -1\]"),
        (lambda x: ow.repeat(x, [1, -1], axis=0), r"\[repeat_indices\] repeats must not be negative, got \[1, -1\]"),
        (lambda x: ow.repeat(x, 2, axis=2), r"\[repeat\] axis must lie in \[-2, 2\), got 2"),
    ],
)
def test_errors(graph, call, text):
    with pytest.raises(ow.OpwrightError, match=text):
        call(ow.placeholder("float32", [2, 3]))

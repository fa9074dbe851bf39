"""pad: constant, reflected, symmetric."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

ALL = ("float32", "float64", "float16", "bfloat16")
MODES = {"REFLECT": "reflect", "SYMMETRIC": "symmetric"}


def test_constant(rng):
    x = rng.normal(size=(2, 3, 4))
    check_op(
        ow.pad,
        [
            case(x, paddings=[[1, 2], [0, 0], [3, 0]]),
            case(x, paddings=[[0, 0], [1, 1], [0, 0]], constant_values=-2.5),
            case(x, paddings=[[1, 0], [0, 0], [0, 0]]),
            case(x[:, :0], paddings=[[0, 0], [2, 1], [1, 0]], constant_values=7.0),
            case(rng.normal(size=3), paddings=[[2, 3]]),
            case(x, paddings=[[0, 0]] * 3),
        ],
        lambda x, paddings, constant_values=0: np.pad(x, paddings, constant_values=constant_values),
        dtypes=ALL,
    )
    assert ow.pad(ow.constant(2.0), np.zeros((0, 2), np.int32)).numpy() == 2


def test_a_value_that_is_a_tensor_has_a_gradient(rng):
    check_op(
        lambda x, v: ow.pad(x, [[1, 0], [0, 2]], constant_values=v),
        [case(rng.normal(size=(2, 3)), rng.normal())],
        lambda x, v: np.pad(x, [[1, 0], [0, 2]], constant_values=v),
    )


@pytest.mark.parametrize("mode", ["REFLECT", "SYMMETRIC"])
def test_mirrored(rng, mode):
    x = rng.normal(size=(3, 4, 2))
    check_op(
        ow.pad,
        [
            case(x, paddings=[[2, 1], [0, 3], [1, 1]], mode=mode),
            case(x, paddings=[[0, 2], [0, 0], [0, 0]], mode=mode.lower()),
            case(x, paddings=[[0, 0], [1, 2], [0, 0]], mode=mode),
            case(rng.normal(size=4), paddings=[[3, 0]], mode=mode),
        ],
        lambda x, paddings, mode: np.pad(x, paddings, mode=MODES[mode.upper()]),
        dtypes=ALL,
    )


def test_large_borders_are_cut_into_chunks(rng, session):
    x = ow.placeholder("float32", [None, None, None])
    value = rng.normal(size=(60, 50, 40)).astype(np.float32)
    pads = [[1, 2], [3, 4], [5, 6]]
    constant, mirrored = session.run([ow.pad(x, pads), ow.pad(x, pads, "REFLECT")], {x: value})
    np.testing.assert_array_equal(constant, np.pad(value, pads))
    np.testing.assert_array_equal(mirrored, np.pad(value, pads, mode="reflect"))


def test_paddings_known_only_at_run_time(session):
    x, pads = ow.placeholder("int32", [2]), ow.placeholder("int32", [1, 2])
    made = ow.pad(x, pads, constant_values=9)
    assert made.shape == (None,)
    assert session.run(made, {x: [1, 2], pads: [[1, 0]]}).tolist() == [9, 1, 2]
    assert session.run(made, {x: [1, 2], pads: [[0, 2]]}).tolist() == [1, 2, 9, 9]


@pytest.mark.parametrize("dtype", ["int8", "int16", "int64", "uint8", "bool"])
def test_every_dtype(dtype):
    x = np.array([1, 0]).astype(dtype)
    np.testing.assert_array_equal(ow.pad(x, [[1, 1]]).numpy(), [0, 1, 0, 0])
    np.testing.assert_array_equal(ow.pad(x, [[1, 1]], "symmetric").numpy(), [1, 1, 0, 0])


@pytest.mark.parametrize(
    ("pads", "mode", "text"),
    [
        ([[1, 1]], "CONSTANT", r"\[pad_v2\] paddings must have a row for each of the 2 dimensions, got \(1, 2\)"),
        ([[-1, 1], [0, 0]], "CONSTANT", r"\[pad_v2\] paddings must not be negative"),
        ([[1, 1], [0, 0]], "WRAP", r"\[pad\] mode must be CONSTANT, REFLECT or SYMMETRIC, got 'WRAP'"),
        ([[0, 2], [0, 0]], "REFLECT", r"\[mirror_pad\] paddings of dimension 0 must be at most 1, got 0 and 2"),
        ([[0, 3], [0, 0]], "SYMMETRIC", r"\[mirror_pad\] paddings of dimension 0 must be at most 2, got 0 and 3"),
    ],
)
def test_errors(graph, pads, mode, text):
    with pytest.raises(ow.OpwrightError, match=text):
        ow.pad(ow.placeholder("float32", [2, 3]), pads, mode)

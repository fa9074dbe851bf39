"""reverse, reverse_sequence, roll, invert_permutation."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

ALL = ("float32", "float64", "float16", "bfloat16")


def test_reverse(rng):
    x = rng.normal(size=(2, 3, 4))
    check_op(
        ow.reverse,
        [case(x, axis=a) for a in ([0], [-1, 0], [], 1)],
        lambda x, axis: np.flip(x, tuple(np.atleast_1d(axis).astype(int))),
        dtypes=ALL,
    )
    check_op(ow.reverse_v2, [case(x[:, :0], axis=[1])], lambda x, axis: x)


def test_reverse_sequence(rng):
    def reference(x, lengths, seq_axis, batch_axis=0):
        y = np.moveaxis(np.array(x), (batch_axis, seq_axis), (0, 1))
        for row, n in zip(y, lengths, strict=True):
            row[:n] = row[:n][::-1].copy()
        return np.moveaxis(y, (0, 1), (batch_axis, seq_axis))

    x = rng.normal(size=(3, 4, 2))
    check_op(
        ow.reverse_sequence,
        [
            case(x, np.array([2, 0, 4]), seq_axis=1),
            case(x, np.array([2, 1, 3, 0], np.int32), seq_axis=0, batch_axis=1),
            case(x, np.array([1, 2, 0, 2]), seq_axis=2, batch_axis=1),
            case(x, np.array([4, 3]), seq_axis=-2, batch_axis=-1),
        ],
        reference,
        dtypes=ALL,
    )
    with pytest.raises(ow.OpwrightError, match=r"seq_lengths\[1\] = 5 is not in \[0, 4\]"):
        ow.reverse_sequence(x, [1, 5, 1], 1)


def test_roll(rng):
    x = rng.normal(size=(3, 4, 5))
    check_op(
        ow.roll,
        [
            case(x, shift=1, axis=0),
            case(x, shift=[-7], axis=[1]),
            case(x, shift=[2, 9, -1], axis=[-1, 0, 2]),
            case(x, shift=0, axis=2),
            case(rng.normal(size=0), shift=3, axis=0),
        ],
        lambda x, shift, axis: np.roll(x, shift, axis if np.ndim(axis) == 0 or np.ndim(shift) else axis[0]),
        dtypes=ALL,
    )


def test_roll_by_what_is_fed(rng, session):
    x, shift = ow.placeholder("float32", [None, None]), ow.placeholder("int32", [])
    value = rng.normal(size=(300, 200)).astype(np.float32)
    made = ow.roll(x, shift, 0)
    for s in (3, -299, 1000):
        np.testing.assert_array_equal(session.run(made, {x: value, shift: s}), np.roll(value, s, 0))
    (step,) = session._steps.values()
    assert not step.spec.value_feeds


def test_invert_permutation(rng):
    p = rng.permutation(9)
    np.testing.assert_array_equal(ow.invert_permutation(p).numpy(), np.argsort(p))
    np.testing.assert_array_equal(ow.invert_permutation(p.astype(np.int32)).numpy(), np.argsort(p))
    with pytest.raises(ow.OpwrightError, match=r"\[invert_permutation\] x must be a permutation, got 1 twice"):
        ow.invert_permutation([1, 1, 0])
    with pytest.raises(ow.OpwrightError, match=r"x\[0\] = 3 is not in \[0, 3\)"):
        ow.invert_permutation([3, 1, 0])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ow.reverse(x, [2]), r"\[reverse\] axis must lie in \[-2, 2\), got 2"),
        (lambda x: ow.reverse(x, [0, 0]), r"\[reverse\] axes must differ from each other"),
        (lambda x: ow.reverse_sequence(x, [1, 1], 0), r"\[reverse_sequence\] seq_axis and batch_axis must differ"),
        (lambda x: ow.reverse_sequence(x, [1], 1), r"\[reverse_sequence\] seq_lengths must have 2 elements, got 1"),
        (lambda x: ow.roll(x, [1, 2], [0]), r"\[roll\] shift must have an element for each of the 1 axes, got \(2,\)"),
        (lambda x: ow.roll(x, 1, 2), r"\[roll\] axis must lie in \[-2, 2\), got 2"),
    ],
)
def test_errors(graph, call, text):
    with pytest.raises(ow.OpwrightError, match=text):
        call(ow.placeholder("float32", [2, 3]))

"""dynamic_partition, dynamic_stitch."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_gradient, check_op


def test_dynamic_partition(rng):
    parts = np.array([1, 0, 3, 1, 0])
    x = rng.normal(size=(5, 2))
    cases = [
        case(x, parts.astype(np.int32)),
        case(x, np.array([[0, 3]] * 5, np.int32)),
        case(x[:0], parts[:0].astype(np.int32)),
    ]
    check_op(
        lambda x, p: ow.dynamic_partition(x, p, 4),
        cases,
        lambda x, p: [x[p == k] for k in range(4)],
        dtypes=("float32", "float64", "float16", "bfloat16"),
    )


def test_sizes_change_from_step_to_step(rng, session):
    x, p = ow.placeholder("int64", [None]), ow.placeholder("int32", [None])
    low, high = ow.dynamic_partition(x, p, 2)
    assert low.shape == (None,)
    made = [low, high * 2, ow.size(low)]
    for n in (6, 3, 0):
        value, where = np.arange(n), rng.integers(0, 2, n)
        found = session.run(made, {x: value, p: where})
        for got, want in zip(found, [value[where == 0], 2 * value[where == 1], (where == 0).sum()], strict=True):
            np.testing.assert_array_equal(got, want)


def test_dynamic_stitch(rng):
    at = [np.array([3, 0], np.int32), np.array(1, np.int32), np.array([[2], [0]], np.int32)]
    data = [rng.normal(size=(2, 2)), rng.normal(size=2), rng.normal(size=(2, 1, 2))]

    def reference(*data):
        y = np.zeros((4, 2))
        for i, d in zip(at, data, strict=True):
            y[i.ravel()] = d.reshape(-1, 2)
        return y

    apart = [at[0], at[1], np.array([[2], [5]], np.int32)]
    check_op(lambda *d: ow.dynamic_stitch(at, list(d)), [case(*data)], reference, gradient=False)
    check_gradient(lambda *d: ow.dynamic_stitch(apart, list(d)), data)
    assert ow.dynamic_stitch([[1]], [[7]]).numpy().tolist() == [0, 7]


def test_partition_and_stitch_undo_each_other(rng, session):
    x, p = ow.placeholder("float32", [None]), ow.placeholder("int32", [None])
    places = ow.dynamic_partition(ow.range(ow.size(x)), p, 3)
    back = ow.dynamic_stitch(places, ow.dynamic_partition(x, p, 3))
    for n in (5, 8):
        value = rng.normal(size=n).astype(np.float32)
        np.testing.assert_array_equal(session.run(back, {x: value, p: rng.integers(0, 3, n)}), value)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: ow.dynamic_partition([1, 2], [0, 5], 2),
            r"\[dynamic_partition\] partitions\[1\] = 5 is not in \[0, 2\)",
        ),
        (lambda: ow.dynamic_partition([1, 2], [0], 2), r"data's shape must begin with \(1,\), got \(2,\)"),
        (lambda: ow.dynamic_partition([1, 2], [0, 1], 0), "num_partitions must be positive, got 0"),
        (lambda: ow.dynamic_stitch([[0]], [[1], [2]]), "lists of one length, got 1 and 2"),
        (lambda: ow.dynamic_stitch([[-1]], [[1]]), "indices must not be negative"),
        (lambda: ow.dynamic_stitch([[0, 1]], [[1]]), r"data\[0\]'s shape must begin with \(2,\), got \(1,\)"),
        (lambda: ow.undo_partition([0, 0], [[1.0], [2.0]]), r"partitions\[1\] = 0 does not name a row of a part"),
    ],
)
def test_errors(call, text):
    with pytest.raises(ow.OpwrightError, match=text):
        call()


def test_parts_with_rows_left_over_are_refused():
    with pytest.raises(ow.OpwrightError, match="partitions must name all 3 rows of part 1, got 1 of them"):
        ow.ops.undo_partition([0, 1], [[1.0], [2.0, 3.0, 4.0]])

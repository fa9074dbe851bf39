"""concat, stack, split, unstack."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

ALL = ("float32", "float64", "float16", "bfloat16")


def test_concat(rng):
    parts = [rng.normal(size=(2, n, 3)) for n in (1, 0, 4)]
    check_op(ow.concat, [case(parts, axis=1), case(parts, axis=-2), case(parts[:1], axis=0)], np.concatenate, ALL)
    vectors = [rng.normal(size=n) for n in (5, 3)]
    check_op(ow.concat, [case(vectors, axis=0)], np.concatenate)


def test_stack(rng):
    parts = [rng.normal(size=(2, 3)) for _ in range(4)]
    check_op(ow.stack, [case(parts, axis=a) for a in (0, 1, 2, -1, -3)], np.stack, ALL)
    check_op(ow.stack, [case(parts[:1]), case([rng.normal(size=()) for _ in range(3)])], np.stack)


def test_large_concats_are_cut_into_chunks(rng, session):
    fed = [ow.placeholder("float32", [None, None]) for _ in range(3)]
    values = [rng.normal(size=(300, n)).astype(np.float32) for n in (700, 1, 500)]
    made = session.run(
        [ow.concat(fed, 1), ow.concat([ow.transpose(f) for f in fed], 0)], dict(zip(fed, values, strict=True))
    )
    np.testing.assert_array_equal(made[0], np.concatenate(values, 1))
    np.testing.assert_array_equal(made[1], np.concatenate(values, 1).T)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int64", "uint8", "bool"])
def test_concat_and_stack_take_every_dtype(dtype):
    a, b = np.array([[1, 0, 1]]).astype(dtype), np.array([[0, 1, 1]]).astype(dtype)
    np.testing.assert_array_equal(ow.concat([a, b], 1).numpy(), np.concatenate([a, b], 1))
    np.testing.assert_array_equal(ow.stack([a, b], 2).numpy(), np.stack([a, b], 2))


def test_a_tensor_that_is_no_list_is_its_own_concat():
    np.testing.assert_array_equal(ow.concat(np.ones((2, 2)), 0).numpy(), np.ones((2, 2)))
    np.testing.assert_array_equal(ow.concat([[1.0], ow.constant([2.0])], 0).numpy(), [1, 2])


def test_split(rng):
    x = rng.normal(size=(2, 6, 3))
    check_op(ow.split, [case(x, num_or_size_splits=3, axis=1), case(x, num_or_size_splits=1, axis=-1)], _split)
    check_op(lambda x, sizes: ow.split(x, sizes, 1), [case(x, sizes=[1, 0, 5]), case(x, sizes=[2, -1])], _split_sizes)


def _split(x, num_or_size_splits, axis):
    return np.split(x, num_or_size_splits, axis)


def _split_sizes(x, sizes):
    return np.split(x, np.cumsum(sizes[:-1]), 1)


def test_split_by_sizes_known_at_run_time(session):
    x, sizes = ow.placeholder("float32", [6]), ow.placeholder("int32", [2])
    a, b = ow.split(x, sizes)
    assert a.shape == (None,)
    for n in (1, 4):
        found = session.run([a, b], {x: np.arange(6), sizes: [n, -1]})
        assert [f.tolist() for f in found] == [list(range(n)), list(range(n, 6))]


def test_unstack(rng):
    x = rng.normal(size=(2, 3, 4))
    check_op(
        ow.unstack,
        [case(x, axis=a, num=n) for a, n in ((0, 2), (1, 3), (-1, 4))],
        lambda x, axis, num: list(np.moveaxis(x, axis, 0)),
    )
    assert ow.unstack(np.ones((0, 3))) == []


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ow.concat([x, x[:, :2]], 0), r"\[concat_v2\] values must agree with .* except along axis 0"),
        (lambda x: ow.concat([x, x[0]], 0), r"values must have 2 dimensions each, got \(6,\)"),
        (lambda x: ow.concat([x], 2), r"\[concat\] axis must lie in \[-2, 2\), got 2"),
        (lambda x: ow.concat([], 0), "at least one tensor"),
        (lambda x: ow.concat([1, 2], 0), "stack joins scalars"),
        (lambda x: ow.stack([x, x[0]]), r"\[stack\] values's dimensions"),
        (lambda x: ow.split(x, 4, 1), r"\[split_evenly\] dimension 1 must be a multiple of 4, got \(3, 6\)"),
        (lambda x: ow.split(x, [1, 3], 1), r"\[split_v\] sizes must sum to the dimension's 6, got \[1, 3\]"),
        (lambda x: ow.split(x, [1, 2], num=3), "must hold 3 sizes, got 2"),
        (lambda x: ow.unstack(x, 2), r"\[unstack\] num must be dimension 0 of the value \(3, 6\), got 2"),
        (lambda x: ow.unstack(ow.placeholder("float32", [None])), r"\[unstack\] num must be given"),
    ],
)
def test_errors_rise_where_the_node_is_built(graph, call, text):
    with pytest.raises(ow.OpwrightError, match=text):
        call(ow.placeholder("float32", [3, 6]))

"""slice, strided_slice, getitem, boolean_mask."""

import itertools

import numpy as np
import opwright as ow
import pytest
from opwright.errors import OutOfRangeError, ShapeError
from opwright.registry import registry
from opwright.testing import case, check_op

KEYS = [
    np.s_[1],
    np.s_[-1, 2],
    np.s_[:, 1:3],
    np.s_[..., ::2],
    np.s_[::-1, :, ::-2],
    np.s_[None, 1, ..., None],
    np.s_[:, None, 1],
    np.s_[5:, ..., -1],
    np.s_[2:0:-1, -100:100, 3:1:-1],
    np.s_[1:1],
    np.s_[...],
    np.s_[0, 0, 0],
    np.s_[-3:-1, ..., 4:0:-3],
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_getitem(rng, key):
    check_op(lambda x: x[key], [case(rng.normal(size=(3, 4, 5)))], lambda x: x[key], dtypes=("float32",))


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_getitem_with_tensors_known_only_at_run_time(rng, session, key):
    fed, feeds = [], {}

    def symbolic(item):
        if item is None or item is Ellipsis:
            return item
        if isinstance(item, slice):
            return slice(*[None if v is None else symbolic(v) for v in (item.start, item.stop, item.step)])
        fed.append(ow.placeholder("int32", []))
        feeds[fed[-1]] = item
        return fed[-1]

    x = ow.placeholder("float64", [None, 4, 5])
    part = x[tuple(symbolic(k) for k in (key if isinstance(key, tuple) else (key,)))]
    (slope,) = ow.gradients(part * part, x)
    value = rng.normal(size=(3, 4, 5))
    found, dx = session.run([part, slope], {x: value, **feeds})
    np.testing.assert_array_equal(found, value[key])
    want = np.zeros_like(value)
    want[key] = 2 * value[key]
    np.testing.assert_array_equal(dx, want)


def test_slices_agree_with_numpy_for_every_begin_end_and_stride():
    ends = [None, -7, -3, -1, 0, 1, 3, 7]
    x = ow.constant(np.arange(4))
    for begin, end, step in itertools.product(ends, ends, [-3, -1, 1, 2]):
        key = np.s_[begin:end:step]
        np.testing.assert_array_equal(x[key].numpy(), np.arange(4)[key], err_msg=str(key))
    with ow.Graph().as_default():
        fixed = ow.constant(np.arange(4))
        for begin, end, step in itertools.product(ends, ends, [-3, -1, 1, 2]):
            key = np.s_[begin:end:step]
            np.testing.assert_array_equal(fixed[key].static_value(), np.arange(4)[key], err_msg=str(key))


def test_a_loop_over_a_run_time_index_makes_one_plan(session, rng):
    x, i = ow.placeholder("float32", [None, 3]), ow.placeholder("int32", [])
    parts = [x[i], ow.slice(x, [i, 0], [2, 3]), x[i : i + 2]]
    value = rng.normal(size=(30, 3)).astype(np.float32)
    for k in range(20):
        row, two, also = session.run(parts, {x: value, i: k})
        np.testing.assert_array_equal(row, value[k])
        np.testing.assert_array_equal(two, value[k : k + 2])
        np.testing.assert_array_equal(also, value[k : k + 2])
    (step,) = session._steps.values()
    assert len(session.lanes.free[-1].executables[step]) == 1


def test_eager_indices_share_a_plan(rng):
    from opwright.eager import world

    x = ow.constant(rng.normal(size=(50, 3)))
    _ = x[0], x[0:2]
    known = len(world.steps)
    for k in range(40):
        np.testing.assert_array_equal(x[k].numpy(), x.numpy()[k])
        np.testing.assert_array_equal(x[k : k + 2].numpy(), x.numpy()[k : k + 2])
    assert len(world.steps) == known


def test_slice(rng):
    x = rng.normal(size=(3, 4, 5))
    check_op(
        lambda x, begin, size: ow.slice(x, begin, size),
        [
            case(x, begin=[0, 1, 2], size=[2, 3, 1]),
            case(x, begin=[2, 0, 0], size=[1, -1, 0]),
            case(x, begin=[3, 0, 4], size=[-1, 4, -1]),
        ],
        lambda x, begin, size: x[tuple(slice(b, None if n < 0 else b + n) for b, n in zip(begin, size, strict=True))],
    )
    check_op(
        lambda x, begin: ow.slice(x, begin, [2, 4, 3]),
        [case(x, np.array([1, 0, 2])), case(x, np.array([0, 0, 0], np.int32))],
        lambda x, begin: x[begin[0] : begin[0] + 2, :4, begin[2] : begin[2] + 3],
    )


def test_strided_slice(rng, session):
    value = rng.normal(size=(3, 4, 5))
    x = ow.placeholder("float64", [None, 4, 5])
    begin = ow.placeholder("int32", [3])
    made = [
        ow.strided_slice(x, [0, 1], [2, 4], [1, 2]),
        ow.strided_slice(x, [1], [2], shrink_axis_mask=1),
        ow.strided_slice(x, [9, 1, -1], [9, 1, 0], [1, 1, -2], begin_mask=1, end_mask=1, shrink_axis_mask=2),
        ow.strided_slice(x, [0, 0, 1], [0, 0, 2], [1, 1, 1], ellipsis_mask=1, new_axis_mask=2),
        ow.strided_slice(x, begin, [3, 4, 5], [1, 1, 1]),
    ]
    found = session.run(made, {x: value, begin: [1, 0, 2]})
    wanted = [value[0:2, 1:4:2], value[1], value[:, 1, -1:0:-2], value[..., None, 1:2], value[1:, :, 2:]]
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(got, want)


def test_masks_and_index_arrays_pick_rows(rng, session):
    value = rng.normal(size=(4, 3))
    x = ow.placeholder("float64", [None, 3])
    rows, mask = ow.placeholder("int32", [None]), ow.placeholder("bool", [None, 3])
    made = [x[rows], x[[2, 0, 2]], x[np.array([True, False, True, True])], x[mask], x[mask] * 2]
    keep = value > 0
    found = session.run(made, {x: value, rows: [3, 1], mask: keep})
    wanted = [value[[3, 1]], value[[2, 0, 2]], value[[0, 2, 3]], value[keep], 2 * value[keep]]
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(got, want)


def test_boolean_mask(rng):
    x = rng.normal(size=(2, 3, 4))
    one, two = np.array([True, False, True]), rng.normal(size=(2, 3)) > 0
    check_op(
        lambda x, mask, axis: ow.boolean_mask(x, mask, axis=axis),
        [case(x, one, axis=1), case(x, two, axis=0), case(x, np.zeros((3, 4), bool), axis=1), case(x, x > 0, axis=0)],
        lambda x, mask, axis: x[(slice(None),) * axis + (mask,)],
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: x[2], r"\[strided_view\] an index of dimension 0 must lie in \[-2, 2\), got 2"),
        (lambda x: x[0, 0, 0], r"at most 2 dimensions can be indexed, got 3"),
        (lambda x: x[..., 0, ...], "an index may hold one ellipsis"),
        (lambda x: x[::0], "a stride must not be 0"),
        (lambda x: x[1.5], r"\[getitem\] an index must be an int, .* got 1.5"),
        (lambda x: x["a"], r"\[getitem\] an index must be an int, .* got 'a'"),
        (lambda x: x[True], r"\[getitem\] a mask must be an array of bools, got True"),
        (lambda x: x[[0, 1], 0, 0], r"\[getitem\] at most 2 dimensions can be indexed, got 3"),
        (lambda x: x[ow.constant(1.0)], "an index must be an integer, got float32"),
        (lambda x: x[np.ones(3, bool)], r"compatible"),
        (lambda x: ow.slice(x, [0, 2], [1, 2]), r"\[slice\] size of dimension 1 must be at most 1, got 2"),
        (lambda x: ow.slice(x, [3, 0], [-1, -1]), r"begin of dimension 0 must lie in \[0, 2\], got 3"),
        (lambda x: ow.slice(x, [0], [1]), r"begin and size must have 2 elements, got 1"),
        (lambda x: ow.strided_slice(x, [0], [1, 2]), r"\[strided_slice\] begin, end and strides must be of one length"),
        (lambda x: ow.boolean_mask(x, True), "at least one dimension"),
    ],
)
def test_errors_rise_where_the_node_is_built(graph, call, text):
    with pytest.raises(ow.OpwrightError, match=text):
        call(ow.placeholder("float32", [2, 3]))


def test_indices_outside_are_errors_at_run_time(session):
    x, i = ow.placeholder("float32", [None, 3]), ow.placeholder("int32", [])
    for made, bad, text in [
        (x[i], 4, r"index 4 of dimension 0 is not in \[-4, 4\)"),
        (x[i], -5, r"index -5 of dimension 0"),
        (ow.slice(x, [i, 0], [2, 3]), 3, r"begin 3 and size 2 of dimension 0 are not in \[0, 4\]"),
        (ow.slice(x, [i, 0], [2, 3]), -1, r"begin -1"),
    ]:
        with pytest.raises(ow.OpwrightError, match=text) as raised:
            session.run(made, {x: np.ones((4, 3)), i: bad})
        assert isinstance(raised.value, IndexError)


def test_indices_outside_are_errors_in_eager_execution():
    with pytest.raises(IndexError, match=r"index 2 of dimension 0"):
        ow.constant([1, 2])[2]


def test_eager_parts_are_numpys(rng):
    """Taken by NumPy where no tape listens; recorded alike where one does; copies, dense, in any case."""
    x = rng.normal(size=(4, 5, 6))
    tensor, variable = ow.constant(x), ow.Variable(x)
    keys = [
        0,
        -1,
        np.int64(2),
        slice(1, 3),
        slice(None, None, -2),
        (slice(None), 0),
        (..., None, 3),
        (None, 1, ..., -1),
    ]
    for key in [*keys, (slice(9, None), slice(-100, 2)), (0, 1, 2), ..., (), slice(3, 1)]:
        found = tensor[key]
        np.testing.assert_array_equal(found, x[key])
        np.testing.assert_array_equal(variable[key], x[key])
        assert found.storage.flags.c_contiguous
        assert not np.shares_memory(found.storage, tensor.storage)
        with ow.GradientTape() as tape:
            tape.watch(tensor)
            part = ow.reduce_sum(tensor[key] * 2.0)
        want = np.zeros_like(x)
        want[key] = 2.0
        np.testing.assert_array_equal(tape.gradient(part, tensor), want)
    assert float(tensor[ow.constant(1), ow.constant(2, "int64"), 3]) == x[1, 2, 3]
    with pytest.raises(OutOfRangeError, match=r"index 4 of dimension 0 is not in \[-4, 4\)"):
        tensor[4]
    with pytest.raises(ShapeError, match="at most 3 dimensions can be indexed"):
        tensor[0, 0, 0, 0]
    assert [float(row[0, 0]) for row in tensor] == x[:, 0, 0].tolist()


def test_the_gradient_of_a_slice_refuses_what_does_not_fit():
    spec = {"begin": (0,), "end": (2,), "strides": (1,), "at": ()}
    op = registry.op("strided_slice_grad")
    with pytest.raises(ShapeError, match=r"dy must have the slice's shape \(2,\), got \(3,\)"):
        op(ow.ones([3]), [4], [], **spec)
    with pytest.raises(ShapeError, match="begin, end and strides must have one length"):
        op(ow.ones([2]), [4], [], **{**spec, "begin": (0, 1)})
    with pytest.raises(ShapeError, match="masks must not be negative"):
        op(ow.ones([2]), [4], [], begin_mask=-1, **spec)
    with pytest.raises(ShapeError, match="a stride must not be 0"):
        op(ow.ones([2]), [4], [], **{**spec, "strides": (0,)})

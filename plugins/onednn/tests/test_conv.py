"""Convolutions forced through oneDNN and through the portable kernels: both give the same; what fuses, what it declines."""

import numpy as np
import opwright as ow
import opwright_onednn
import pytest
from opwright import ops, runtime
from opwright.errors import LibraryError
from opwright.plan import flags
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.runtime import package_files

pytestmark = pytest.mark.skipif(
    not package_files(opwright_onednn.__path__, "libonednn_cpu*.so"), reason="opwright was built without oneDNN"
)

OPS = ("conv", "conv_backprop_input", "conv_backprop_filter")


@pytest.fixture
def forced(force_kernels):
    """Call it with a variant's name: from then on that kernel serves the three ops, whatever the others score."""
    return lambda variant: force_kernels(variant, *OPS)


# input, filters, strides, dilations, padding, depthwise
SHAPES = [
    ((5, 14, 14, 8), (5, 5, 8, 16), (1, 1), (1, 1), "SAME", False),
    ((3, 28, 28, 1), (5, 5, 1, 32), (1, 1), (1, 1), "SAME", False),
    ((1, 33, 17, 3), (7, 3, 3, 9), (2, 3), (1, 1), "VALID", False),
    ((7, 9, 11, 16), (1, 1, 16, 24), (1, 1), (1, 1), "VALID", False),
    ((2, 15, 15, 6), (3, 3, 6, 7), (3, 2), (2, 1), "EXPLICIT", False),
    ((2, 12, 13, 8), (3, 3, 4, 16), (2, 2), (1, 1), "SAME", False),
    ((3, 13, 12, 19), (3, 3, 19, 1), (1, 1), (1, 1), "SAME", True),
    ((2, 10, 10, 8), (3, 3, 8, 2), (2, 2), (1, 1), "SAME", True),
    ((2, 60, 5), (4, 5, 12), (2,), (1,), "SAME", False),
    ((2, 6, 7, 9, 4), (3, 2, 3, 4, 8), (1, 2, 1), (1, 1, 1), "SAME", False),
]


def _attributes(strides, dilations, padding, depthwise):
    explicit = (1, 2, 3, 0) if padding == "EXPLICIT" else ()
    return {
        "strides": strides,
        "dilations": dilations,
        "padding": padding,
        "explicit_paddings": explicit,
        "depthwise": depthwise,
    }


def _whole_numbers(rng, shape):
    return rng.integers(-3, 4, shape).astype(np.float32)  # their sums are exact, whatever the order


def _three(x_shape, w_shape, how, values, constant=False, post=True):
    """y, dx and dw, each with an elementwise op behind it, in a session of their own."""
    with ow.Graph().as_default() as graph, ow.Session(graph=graph) as session:
        fed = [ow.placeholder("float32", v.shape) for v in values]
        x, w, dy = fed
        if constant:
            w = ow.constant(values[1])
        found = [
            ops.conv(x, w, **how),
            ops.conv_backprop_input(x_shape, w, dy, **how),
            ops.conv_backprop_filter(x, w_shape, dy, **how),
        ]
        outputs = [ow.maximum(t, 1.0) for t in found] if post else found
        feeds = {t: v for t, v in zip(fed, values) if t is x or t is dy or not constant}
        session.run(outputs, feeds)
        return session.run(outputs, feeds)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_both_kernels_agree(shapes, workers, forced, rng):
    x_shape, w_shape, *how = shapes
    how = _attributes(*how)
    x, w = _whole_numbers(rng, x_shape), _whole_numbers(rng, w_shape)
    dy = _whole_numbers(rng, ops.conv(x, w, **how).shape)
    before, found = runtime.workers(), {}
    try:
        runtime.set_workers(workers)
        for variant in ("onednn", "portable"):
            forced(variant)
            found[variant] = _three(x_shape, w_shape, how, (x, w, dy))
            found[variant] += _three(x_shape, w_shape, how, (x, w, dy), constant=True)
    finally:
        runtime.set_workers(before)
    for a, b in zip(found["onednn"], found["portable"], strict=True):
        np.testing.assert_array_equal(a, b)


def _large(rng, images=4):
    """A convolution that is worth slicing, of images and of rows."""
    return _whole_numbers(rng, (images, 40, 36, 16)), _whole_numbers(rng, (3, 3, 16, 32))


@pytest.mark.parametrize("images", [1, 2, 5])
def test_slices_of_images_and_rows(images, forced, rng):
    x, w = _large(rng, images)
    how = _attributes((1, 1), (1, 1), "SAME", False)
    dy = _whole_numbers(rng, (*x.shape[:3], 32))
    before = runtime.workers()
    try:
        runtime.set_workers(4)
        forced("onednn")
        found = _three(x.shape, w.shape, how, (x, w, dy), constant=True)
        assert _planned(lambda t: ops.conv(t, w, **how), x)[0].prepared.n_chunks > images
        forced("portable")
        want = _three(x.shape, w.shape, how, (x, w, dy), constant=True)
    finally:
        runtime.set_workers(before)
    for a, b in zip(found, want, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_number_of_workers_changes_nothing(forced, rng):
    x, w = rng.normal(size=(8, 30, 30, 16)).astype(np.float32), rng.normal(size=(3, 3, 16, 32)).astype(np.float32)
    how = _attributes((1, 1), (1, 1), "SAME", False)
    dy = rng.normal(size=(8, 30, 30, 32)).astype(np.float32)
    forced("onednn")
    before, found = runtime.workers(), []
    try:
        for workers in (1, 2, 5):
            runtime.set_workers(workers)
            found.append(_three(x.shape, w.shape, how, (x, w, dy))[2])
    finally:
        runtime.set_workers(before)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def _planned(build, x):
    """The nodes of the plan of a function of one fed tensor."""
    with ow.Graph().as_default() as graph:
        fed, session = ow.placeholder("float32", x.shape), ow.Session(graph=graph)
        step = Step(Spec([build(fed)], [fed], []), session, flags.parse(""))
        step.run([x])
        lane = session.lanes.free[-1]
        (executable,) = lane.executables[step].values()
        return executable.program.nodes


def test_bias_relu_and_residual_run_inside_the_convolution(forced, rng):
    forced("onednn")
    x, w = _large(rng)
    bias, residual = _whole_numbers(rng, 32), _whole_numbers(rng, (4, 40, 36, 32))

    def block(t):
        return ow.nn.relu(ow.nn.bias_add(ow.nn.conv2d(t, w, 1, "SAME"), bias) + residual)

    (node,) = _planned(block, x)
    assert node.definition.name == "conv"
    assert node.prepared.kernel.variant == "onednn"
    assert [member.definition.name for member in node.post.members][-1] == "relu"
    assert len(node.post.members) == 3


def test_it_is_chosen_where_it_is_worth_it(rng):
    x, w = _large(rng)
    (node,) = _planned(lambda t: ow.nn.conv2d(t, w, 2, "SAME"), x)
    assert node.prepared.kernel.variant == "onednn"
    (node,) = _planned(lambda t: ow.nn.conv2d(t, w, 2, "SAME"), x[:1, :3, :3])
    assert node.prepared.kernel.variant == "portable"


def test_what_it_declines(forced, graph, session):
    forced("onednn")
    x = ow.placeholder("float32", (2, 9, 9, 8))
    with pytest.raises(LibraryError, match="onednn: single taps with strides are not safe in oneDNN"):
        session.run(
            ow.nn.conv2d_backprop_filter(x, (1, 1, 8, 8), np.ones((2, 5, 5, 8), np.float32), 2, "SAME"),
            {x: np.ones(x.shape.known())},
        )
    empty = ow.placeholder("float32", (0, 9, 9, 8))
    with pytest.raises(LibraryError, match="onednn: the convolution must not be empty"):
        session.run(ow.nn.conv2d(empty, np.ones((3, 3, 8, 8), np.float32), 1, "SAME"), {empty: np.ones((0, 9, 9, 8))})


@pytest.mark.parametrize(("groups", "depthwise"), [(1, False), (2, False), (8, True)])
def test_operations_are_counted(groups, depthwise, rng):
    """Both kernels say what the sum over taps and channels takes: scores and slices depend on it."""
    x, w = (2, 20, 20, 8), (3, 2, 8, 1) if depthwise else (3, 2, 8 // groups, 64)
    outputs = 8 if depthwise else 64
    images, filters = rng.normal(size=x).astype(np.float32), rng.normal(size=w).astype(np.float32)
    function = ow.nn.depthwise_conv2d if depthwise else ow.nn.conv2d
    with ow.Graph().as_default(), ow.Session() as session:
        fed = ow.placeholder("float32", x)
        y = function(fed, filters, [1, 1, 1, 1], "SAME")
        with ow.profile() as found:
            session.run(y, {fed: images})
    (row,) = [row for row in found.rows() if row.op == "conv"]
    assert row.flops == 2 * 2 * 20 * 20 * outputs * 6 * (1 if depthwise else 8 // groups)


def test_packed_filters_are_kept_until_they_change(graph, session, forced, rng):
    forced("onednn")
    x, w = _large(rng)
    fed, filters = ow.placeholder("float32", x.shape), ow.Variable(w)
    session.run(filters.initializer)
    y = ow.nn.relu(ow.nn.conv2d(fed, filters, 1, "SAME"))
    fixed = ow.nn.relu(ow.nn.conv2d(fed, ow.constant(w), 1, "SAME"))
    with ow.profile() as found:
        for _ in range(3):
            np.testing.assert_array_equal(*session.run([y, fixed], {fed: x}))
    assert [row.calls for row in found.rows() if row.op == "copy"] == [1]
    session.run(ow.assign(filters, -w))
    got, before = session.run([ow.nn.relu(ow.nn.conv2d(fed, filters, 1, "SAME")), fixed], {fed: -x})
    np.testing.assert_array_equal(session.run(y, {fed: -x}), got)
    assert not np.array_equal(got, before)

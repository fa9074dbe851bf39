"""TensorFlow's functions: data formats, ways to say strides and paddings, transposes, backprops; errors with their text."""

import numpy as np
import opwright as ow
import pytest
from opwright import runtime
from opwright.errors import ArgumentError, ShapeError
from opwright.testing import run_in_graph

nn = ow.nn


def first(x):
    """Channels moved to the second place."""
    return np.moveaxis(np.asarray(x), -1, 1)


CALLS = {
    "conv1d": ((2, 9, 4), (3, 4, 5), {"stride": 2, "padding": "SAME"}, "NCW"),
    "conv2d": ((2, 9, 7, 4), (3, 2, 2, 6), {"strides": [2, 1], "padding": "VALID", "dilations": 2}, "NCHW"),
    "conv3d": ((2, 5, 6, 7, 2), (2, 3, 2, 2, 3), {"strides": 2, "padding": "SAME"}, "NCDHW"),
    "convolution": ((2, 9, 7, 4), (3, 2, 4, 5), {"strides": 2}, "NCHW"),
    "depthwise_conv2d": ((2, 9, 7, 3), (3, 2, 3, 2), {"strides": [1, 2, 2, 1], "padding": "SAME"}, "NCHW"),
}


@pytest.mark.parametrize("name", CALLS)
def test_channels_first_is_the_same_with_axes_moved(name, rng):
    x_shape, w_shape, arguments, form = CALLS[name]
    x, w = rng.normal(size=x_shape), rng.normal(size=w_shape)
    function = getattr(nn, name)
    want = np.asarray(function(x, w, **arguments))
    strides = arguments.get("strides")
    if isinstance(strides, list) and len(strides) == 4:
        arguments = {**arguments, "strides": [strides[0], strides[3], *strides[1:3]]}
    np.testing.assert_allclose(function(first(x), w, data_format=form, **arguments), first(want), rtol=1e-12)
    (traced,) = run_in_graph(lambda x, w: function(x, w, data_format=form, **arguments), [first(x), w], {}, known=False)
    np.testing.assert_allclose(traced, first(want), rtol=1e-12)


def last(x):
    """Channels moved to the last place."""
    return np.moveaxis(np.asarray(x), 1, -1)


def test_ways_to_say_the_same(rng):
    x, w = rng.normal(size=(2, 9, 7, 3)), rng.normal(size=(3, 2, 3, 4))
    same = [
        nn.conv2d(x, w, [1, 2, 2, 1], "SAME"),
        nn.conv2d(x, w, [2, 2], "same"),
        nn.conv2d(x, filters=w, strides=2, padding=b"SAME", dilations=[1, 1, 1, 1]),
        nn.conv2d(x, w, (2,), [[0, 0], [1, 1], [0, 1], [0, 0]]),
        last(nn.conv2d(first(x), w, [1, 1, 2, 2], "SAME", data_format="NCHW")),
        last(nn.conv2d(first(x), w, 2, [[0, 0], [0, 0], [1, 1], [0, 1]], data_format="NCHW")),
    ]
    for found in same[1:]:
        np.testing.assert_allclose(found, same[0], rtol=1e-12)
    np.testing.assert_array_equal(nn.atrous_conv2d(x, w, 2, "SAME"), nn.conv2d(x, w, 1, "SAME", dilations=2))


@pytest.mark.parametrize("form", ["NHWC", "NCHW"])
def test_transposes_and_backprops_are_the_gradients(form, rng):
    x, w = rng.normal(size=(2, 9, 7, 4)), rng.normal(size=(3, 2, 2, 6))
    x = first(x) if form == "NCHW" else x
    how = {"strides": [1, 2], "padding": "SAME", "data_format": form}
    with ow.GradientTape() as tape:
        tx, tw = ow.constant(x), ow.constant(w)
        tape.watch([tx, tw])
        y = nn.conv2d(tx, tw, **how)
        dy = rng.normal(size=y.shape)
        loss = ow.reduce_sum(y * dy)
    dx, dw = tape.gradient(loss, [tx, tw])
    for found in (
        nn.conv2d_backprop_input(x.shape, w, dy, **how),
        nn.conv2d_backprop_input(np.array(x.shape, np.int64), w, dy, **how),
        nn.conv2d_transpose(dy, w, list(x.shape), **how),
        nn.conv_transpose(dy, w, x.shape, **how),
    ):
        np.testing.assert_array_equal(found, dx)
    np.testing.assert_array_equal(nn.conv2d_backprop_filter(x, w.shape, dy, **how), dw)


def test_depthwise_and_three_dimensional_backprops(rng):
    x, w = rng.normal(size=(2, 5, 6, 3)), rng.normal(size=(3, 2, 3, 2))
    with ow.GradientTape() as tape:
        tx, tw = ow.constant(x), ow.constant(w)
        tape.watch([tx, tw])
        loss = ow.reduce_sum(nn.depthwise_conv2d(tx, tw, [1, 1, 1, 1], "VALID") ** 2)
    dx, dw = tape.gradient(loss, [tx, tw])
    dy = 2 * np.asarray(nn.depthwise_conv2d(x, w, 1, "VALID"))
    np.testing.assert_allclose(nn.depthwise_conv2d_native_backprop_input(x.shape, w, dy, 1, "VALID"), dx)
    np.testing.assert_allclose(nn.depthwise_conv2d_native_backprop_filter(x, w.shape, dy, 1, "VALID"), dw)
    x, w = rng.normal(size=(1, 4, 3, 5, 2)), rng.normal(size=(2, 2, 2, 2, 3))
    y = np.asarray(nn.conv3d(x, w, 1, "SAME"))
    dx = np.asarray(nn.conv3d_backprop_input(x.shape, w, y, 1, "SAME"))
    dw = np.asarray(nn.conv3d_backprop_filter_v2(x, w.shape, y, 1, "SAME"))
    np.testing.assert_allclose([np.vdot(dx, x), np.vdot(dw, w)], np.vdot(y, y))  # y is linear in x and in w
    np.testing.assert_array_equal(nn.conv3d_transpose(y, w, x.shape, 1), dx)
    line = rng.normal(size=(2, 5, 3))
    up = nn.conv1d_transpose(line, rng.normal(size=(4, 2, 3)), [2, 10, 2], 2)
    assert up.shape == (2, 10, 2)


def test_separable(rng):
    x, apart, mix = rng.normal(size=(2, 9, 7, 3)), rng.normal(size=(3, 3, 3, 2)), rng.normal(size=(1, 1, 6, 5))
    want = np.asarray(nn.depthwise_conv2d(x, apart, [1, 2, 2, 1], "SAME")) @ mix[0, 0]
    np.testing.assert_allclose(nn.separable_conv2d(x, apart, mix, [1, 2, 2, 1], "SAME"), want, rtol=1e-12)
    found = nn.separable_conv2d(first(x), apart, mix, [1, 1, 2, 2], "SAME", data_format="NCHW")
    np.testing.assert_allclose(last(found), want, rtol=1e-12)


def test_atrous_transpose(rng):
    x, w = rng.normal(size=(1, 9, 8, 2)), rng.normal(size=(3, 3, 2, 3))
    y = np.asarray(nn.atrous_conv2d(x, w, 2, "VALID"))
    np.testing.assert_allclose(np.vdot(nn.atrous_conv2d_transpose(y, w, x.shape, 2, "VALID"), x), np.vdot(y, y))


def test_static_shapes(graph):
    images = ow.placeholder("float32", [None, 28, None, 3])
    filters = ow.placeholder("float32", [5, 5, 3, 8])
    assert nn.conv2d(images, filters, 2, "SAME").shape == (None, 14, None, 8)
    assert nn.conv2d(images, filters, 2, "VALID").shape == (None, 12, None, 8)
    assert nn.conv2d(images, filters, 3, [[0, 0], [1, 2], [0, 0], [0, 0]]).shape == (None, 9, None, 8)
    anything = ow.placeholder("float32")
    assert nn.conv2d(anything, anything, 1, "SAME").shape == (None, None, None, None)
    n = ow.shape(images)[0]
    back = nn.conv2d_transpose(images, np.zeros((5, 5, 8, 3), np.float32), ow.stack([n, 56, 14, 8]), 2)
    assert back.shape == (None, 56, 14, 8)
    assert nn.depthwise_conv2d(images, np.zeros((2, 2, 3, 4), np.float32), 1, "SAME").shape == (None, 28, None, 12)


X, W = (2, 5, 6, 3), (3, 3, 3, 4)
BAD = [
    ("input must have 4 dimensions, got shape (5, 6, 3)", ShapeError, X[1:], W, 1, "SAME", {}),
    ("filters must have in_channels = 3, or a divisor of it, got shape (3, 3, 2, 4)", ShapeError, X, (3, 3, 2, 4), 1, "SAME", {}),
    ("out_channels must be a multiple of the 3 groups, got shape (3, 3, 1, 4)", ShapeError, X, (3, 3, 1, 4), 1, "SAME", {}),
    (
        "filters, dilated, must not be larger than the padded input, got filters (3, 3, 3, 4) over input (2, 5, 6, 3) with padding VALID",
        ShapeError, X, W, 1, "VALID", {"dilations": 3},
    ),
    ("filters must have at least one element in each dimension, got (0, 3, 3, 4)", ShapeError, X, (0, 3, 3, 4), 1, "SAME", {}),
    ("padding must be SAME, VALID or a list of pairs, got 'FULL'", ArgumentError, X, W, 1, "FULL", {}),
    ("padding must be SAME, VALID or 4 pairs, got [[1, 1], [1, 1]]", ArgumentError, X, W, 1, [[1, 1], [1, 1]], {}),
    ("padding must not be negative", ArgumentError, X, W, 1, [[0, 0], [-1, 0], [0, 0], [0, 0]], {}),
    ("padding of the batch and the channels must be 0", ArgumentError, X, W, 1, [[1, 0], [0, 0], [0, 0], [0, 0]], {}),
    ("strides must be 1, 2 or 4 ints, got [1, 1, 1]", ArgumentError, X, W, [1, 1, 1], "SAME", {}),
    ("strides of the batch and the channels must be 1, got [2, 1, 1, 1]", ArgumentError, X, W, [2, 1, 1, 1], "SAME", {}),
    ("strides must be positive, got 0", ArgumentError, X, W, 0, "SAME", {}),
    ("dilations must be positive, got [1, -1]", ArgumentError, X, W, 1, "SAME", {"dilations": [1, -1]}),
    ("data_format must be NHWC or NCHW, got 'HWCN'", ArgumentError, X, W, 1, "SAME", {"data_format": "HWCN"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "error", "x", "w", "strides", "padding", "more"), BAD, ids=lambda b: str(b)[:30])
def test_errors_when_the_graph_is_built(text, error, x, w, strides, padding, more, graph):
    with pytest.raises(error) as raised:
        nn.conv2d(ow.placeholder("float32", x), ow.placeholder("float32", w), strides, padding, **more)
    assert text in str(raised.value)
    assert str(raised.value).startswith("[conv")


def test_errors_of_the_other_functions(graph):
    x, w = ow.placeholder("float32", X), ow.placeholder("float32", W)
    with pytest.raises(
        ShapeError, match=r"dy must have the shape \(2, 3, 3, 4\) of the convolution's output, got shape \(2, 5, 6, 3\)"
    ):
        nn.conv2d_transpose(x, w, [2, 5, 6, 3], 2)
    with pytest.raises(ShapeError, match=r"filters must have in_channels = 3, got \(3, 3, 2, 1\)"):
        nn.depthwise_conv2d(x, ow.placeholder("float32", (3, 3, 2, 1)), 1, "SAME")
    with pytest.raises(
        ArgumentError, match=r"pointwise_filter must have the shape \(1, 1, \?, \?\), got \(3, 3, 3, 4\)"
    ):
        nn.separable_conv2d(x, ow.placeholder("float32", (3, 3, 3, 1)), w, 1, "SAME")
    with pytest.raises(
        ArgumentError, match=r"\[convolution\] filters must have 3, 4 or 5 dimensions, got shape \(3,\)"
    ):
        nn.convolution(x, ow.placeholder("float32", (3,)))
    with pytest.raises(ShapeError, match=r"input_sizes must have 4 dimensions"):
        nn.conv2d_backprop_input([5, 6, 3], w, x, 1, "SAME")
    for function, name in ((nn.conv2d_transpose, "input_sizes"), (nn.conv2d_backprop_input, "input_sizes")):
        for size in (-1, -10):
            sizes = [2, 5, size, 3]
            arguments = (x, w, sizes, 1, "SAME") if function is nn.conv2d_transpose else (sizes, w, x, 1, "SAME")
            with pytest.raises(ShapeError, match=rf"\[conv_backprop_input\] {name} must not be negative, got .*{size}"):
                function(*arguments)
    with pytest.raises(ShapeError, match=r"\[conv_backprop_filter\] filter_sizes must not be negative, got .*-3"):
        nn.conv2d_backprop_filter(x, [3, -3, 3, 4], ow.placeholder("float32", (2, 5, 6, 4)), 1, "SAME")


SHAPES = {
    "conv1d": ((2, 5, 6), (3, 6, 4)),
    "conv2d": ((2, 5, 7, 6), (3, 3, 6, 4)),
    "conv3d": ((2, 5, 7, 9, 6), (3, 3, 3, 6, 4)),
    "depthwise_conv2d": ((2, 5, 7, 6), (3, 3, 6, 2)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_convolution_refuses_what_does_not_fit(name, graph):
    x, w = SHAPES[name]
    *taps, channels, out = w
    depthwise = name == "depthwise_conv2d"

    def refused(text, filters, padding="SAME", strides=1):
        with pytest.raises((ShapeError, ArgumentError), match=rf"^\[{'conv' if filters else name}\] {text}"):
            getattr(nn, name)(ow.placeholder("float32", x), ow.placeholder("float32", filters or w), strides, padding)

    refused("filters, dilated, must not be larger than the padded input, got", (6, *taps[1:], channels, out), "VALID")
    refused(f"filters must have in_channels = {channels}", (*taps, channels - 1, out))
    if not depthwise:
        refused("out_channels must be a multiple of the 2 groups, got", (*taps, channels // 2, 5))
    refused(r"strides must be 1, \d or \d ints, got 1.5", None, strides=1.5)
    refused("strides must be positive, got 0", None, strides=0)


@pytest.mark.parametrize("name", [n for n in SHAPES if n != "depthwise_conv2d"])
def test_every_transpose_refuses_what_does_not_fit(name, graph):
    y, w = SHAPES[name]  # of the transposed convolution: the channels of the filters are the output's
    *taps, inner, outer = w
    x = ow.placeholder("float32", (*y[:-1], outer))
    for text, filters, shape, stride in (
        ("dy must have the shape .* of the convolution's output, got", w, (y[0], y[1] + 1, *y[2:]), 1),
        ("dy must have the shape .* of the convolution's output, got", (*taps, inner, outer + 1), y, 1),
        ("filters must have in_channels = 6, or a divisor of it, got", (*taps, 4, outer), y, 1),
        ("input_sizes must not be negative, got", w, (y[0], -1, *y[2:]), 1),
        ("input_sizes must have . dimensions, got", w, y[1:], 1),
    ):
        with pytest.raises(ShapeError, match=rf"^\[conv_backprop_input\] {text}"):
            getattr(nn, f"{name}_transpose")(x, ow.placeholder("float32", filters), list(shape), stride, "SAME")


def test_a_size_known_only_when_it_runs_is_checked_then(graph, session):
    x = ow.placeholder("float32", [None, None, None, 3])
    y = nn.conv2d(x, np.ones(W, np.float32), 1, "VALID")
    with pytest.raises(ShapeError, match="must not be larger than the padded input"):
        session.run(y, {x: np.zeros((1, 2, 9, 3))})


def test_the_number_of_workers_changes_nothing(rng):
    x, w = rng.normal(size=(4, 40, 30, 3)).astype(np.float32), rng.normal(size=(3, 3, 3, 8)).astype(np.float32)
    before, found = runtime.workers(), []
    for workers in (1, 2, 5):
        runtime.set_workers(workers)
        with ow.Graph().as_default() as graph, ow.Session(graph=graph) as session:
            fed, filters = ow.placeholder("float32", x.shape), ow.placeholder("float32", w.shape)
            y = nn.conv2d(fed, filters, 1, "SAME")
            gradients = ow.gradients(ow.reduce_sum(y * y), [fed, filters])
            found.append(session.run([y, *gradients], {fed: x, filters: w}))
    runtime.set_workers(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)

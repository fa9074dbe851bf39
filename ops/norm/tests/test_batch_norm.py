"""Batch, group and instance normalisation against NumPy: layouts, dtypes, means far from 0, derivatives, errors."""

import numpy as np
import opwright as ow
import pytest
from opwright import ops
from opwright.errors import ArgumentError, ShapeError
from opwright.testing import case, check_op

DTYPES = ("float32", "float64")


def _aligned(v, x, first):
    return np.reshape(v, [-1] + [1] * (x.ndim - 2)) if first else v


def _reference(x, scale, offset, data_format="NHWC", epsilon=0.001):
    first = data_format.startswith("NC")
    axes = tuple(d for d in range(x.ndim) if d != (1 if first else x.ndim - 1))
    mean, variance, n = x.mean(axes), x.var(axes), x.size // x.shape[1 if first else -1]
    y = (x - _aligned(mean, x, first)) / np.sqrt(_aligned(variance, x, first) + epsilon)
    y = y * _aligned(scale, x, first) + _aligned(offset, x, first)
    return y, mean, variance * n / max(n - 1, 1)


def _arguments(rng, shape, channels):
    return rng.normal(size=shape), rng.uniform(0.5, 2, channels), rng.normal(size=channels)


def test_training(rng):
    cases = [
        case(*_arguments(rng, (2, 3, 2, 3), 3)),
        case(*_arguments(rng, (2, 3, 3, 2), 3), data_format="NCHW", epsilon=0.1),
        case(*_arguments(rng, (4, 2), 2), data_format="NC"),
        case(*_arguments(rng, (3, 2, 2), 2), data_format="NCW"),
        case(*_arguments(rng, (1, 2, 1, 2, 2), 2), data_format="NDHWC"),
        case(*_arguments(rng, (2, 2, 2, 1, 2), 2), data_format="NCDHW"),
    ]
    check_op(lambda *a, **k: ow.nn.fused_batch_norm(*a, **k), cases, _reference, dtypes=DTYPES, tolerance=3)


def test_inference(rng):
    def reference(x, scale, offset, mean, variance, data_format):
        first = data_format.startswith("NC")
        y = (x - _aligned(mean, x, first)) / np.sqrt(_aligned(variance, x, first) + 0.001)
        return y * _aligned(scale, x, first) + _aligned(offset, x, first)

    def function(*args, **kwargs):
        return ow.nn.fused_batch_norm(*args, **kwargs, is_training=False)[0]

    cases = [
        case(*_arguments(rng, (2, 2, 3, 3), 3), rng.normal(size=3), rng.uniform(0.5, 2, 3), data_format="NHWC"),
        case(*_arguments(rng, (2, 3, 2, 1), 3), rng.normal(size=3), rng.uniform(0.5, 2, 3), data_format="NCHW"),
    ]
    check_op(function, cases, reference, dtypes=DTYPES, tolerance=3)


@pytest.mark.parametrize("form", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_sizes(form, dtype, rng):
    for n, h, w, c in [(1, 1, 1, 3), (3, 5, 7, 1), (2, 17, 9, 33), (5, 64, 64, 16), (2, 2, 3, 700), (1, 100, 101, 5)]:
        x = (rng.normal(size=(n, h, w, c)) + 3).astype(dtype)
        x = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if form == "NCHW" else x
        scale, offset = rng.uniform(0.5, 2, c).astype(dtype), rng.normal(size=c).astype(dtype)
        got = ow.nn.fused_batch_norm(x, scale, offset, data_format=form)
        want = _reference(*(a.astype(np.float64) for a in (x, scale, offset)), form)
        for g, e in zip(got, want):
            limit = 1e-5 if dtype == "float32" else 1e-11
            np.testing.assert_allclose(np.asarray(g), e, rtol=limit, atol=10 * limit)


@pytest.mark.parametrize("first", [False, True])
def test_means_far_from_zero_cost_no_digits(first, rng):
    x = (rng.normal(size=(40, 30, 20)) + 1e4).astype(np.float32)
    x[0, 0, 0] = 0  # an outlier where a shift would be taken from
    mean, variance = ops.channel_moments(x, first, "float32")
    axes = (0, 2) if first else (0, 1)
    np.testing.assert_allclose(np.asarray(mean), x.astype(np.float64).mean(axes), rtol=1e-7)
    np.testing.assert_allclose(np.asarray(variance), x.astype(np.float64).var(axes), rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("form", ["NHWC", "NCHW"])
def test_16_bit_images_have_statistics_in_32(dtype, form, rng):
    x = rng.normal(size=(4, 5, 6, 6))
    c = 6 if form == "NHWC" else 5
    scale, offset = rng.uniform(0.5, 2, c).astype(np.float32), rng.normal(size=c).astype(np.float32)
    with ow.GradientTape() as tape:
        fed = ow.cast(x, dtype)
        tape.watch(fed)
        y, mean, variance = ow.nn.fused_batch_norm(fed, scale, offset, data_format=form)
        loss = ow.reduce_sum(ow.square(ow.cast(y, "float32")))
    assert (y.dtype, mean.dtype, variance.dtype) == (dtype, "float32", "float32")
    want = _reference(np.asarray(ow.cast(fed, "float64")), scale, offset, form)
    np.testing.assert_allclose(np.asarray(ow.cast(y, "float32")), want[0], rtol=2e-2, atol=2e-2)
    np.testing.assert_allclose(np.asarray(mean), want[1], rtol=1e-5, atol=1e-6)
    assert tape.gradient(loss, fed).dtype == dtype


def test_moving_statistics(rng):
    x, scale, offset = _arguments(rng, (3, 4, 4, 2), 2)
    mean, variance = rng.normal(size=2), rng.uniform(1, 2, 2)
    y, m, v = ow.nn.fused_batch_norm(x, scale, offset, mean, variance, exponential_avg_factor=0.25)
    want = _reference(x, scale, offset)
    np.testing.assert_allclose(np.asarray(y), want[0], rtol=1e-10)
    np.testing.assert_allclose(np.asarray(m), 0.75 * mean + 0.25 * want[1], rtol=1e-10)
    np.testing.assert_allclose(np.asarray(v), 0.75 * variance + 0.25 * want[2], rtol=1e-10)


def test_empty_batches_and_unknown_shapes(graph):
    x = ow.placeholder("float32", [None, None, None, 3])
    y, mean, variance = ow.nn.fused_batch_norm(x, np.ones(3, np.float32), np.zeros(3, np.float32))
    (dx,) = ow.gradients(y, x)
    assert y.shape.as_list() == [None, None, None, 3]
    assert mean.shape.as_list() == [3]
    with ow.Session() as session:
        found = session.run([y, mean, variance, dx], {x: np.zeros((0, 2, 2, 3), np.float32)})
    assert found[0].shape == found[3].shape == (0, 2, 2, 3)
    assert np.isnan(found[1]).all()


def test_centered_scale(rng):
    cases = [
        case(rng.normal(size=(2, 3, 4)), *rng.normal(size=(3, 4))),
        case(rng.normal(size=(2, 3, 4)), *rng.normal(size=(3, 3, 1))),
        case(rng.normal(size=(5,)), *rng.normal(size=(3, 5))),
        case(rng.normal(size=(0, 2)), 0.5, 2.0, 1.0),
    ]
    check_op(ops.centered_scale, cases, lambda x, c, f, o: (x - c) * f + o, tolerance=3)


@pytest.mark.parametrize("training", [False, True])
def test_it_runs_in_the_convolution_before_it(training, rng):
    x, w = rng.normal(size=(2, 9, 9, 4)).astype(np.float32), rng.normal(size=(3, 3, 4, 8)).astype(np.float32)
    statistics = rng.uniform(0.5, 2, (4, 8)).astype(np.float32)
    with ow.Graph().as_default(), ow.Session() as session:
        fed = ow.placeholder("float32", x.shape)
        y = ow.nn.conv2d(fed, w, 1, "SAME")
        made = ow.nn.relu(ow.nn.fused_batch_norm(y, *statistics, is_training=training)[0])
        with ow.profile() as found:
            got, conv = session.run(made, {fed: x}), session.run(y, {fed: x})
        assert any(row.op == "conv" and row.name.endswith("relu") for row in found.rows()) is not training
    scale, offset, mean, variance = statistics
    mean, variance = (conv.mean((0, 1, 2)), conv.var((0, 1, 2))) if training else (mean, variance)
    want = np.maximum((conv - mean) * scale / np.sqrt(variance + 0.001) + offset, 0)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", ["NHWC", "NCHW"])
def test_group_and_instance_norm(form, rng):
    first = form == "NCHW"

    def reference(x, scale, offset, groups, epsilon=1e-6):
        x = x if first else np.moveaxis(x, -1, 1)
        cells = x.reshape(x.shape[0], groups, -1)
        cells = (cells - cells.mean(-1, keepdims=True)) / np.sqrt(cells.var(-1, keepdims=True) + epsilon)
        y = cells.reshape(x.shape) * scale[:, None, None] + offset[:, None, None]
        return y if first else np.moveaxis(y, 1, -1)

    def group(x, scale, offset, groups, epsilon=1e-6):
        return ow.nn.group_norm(x, groups, scale, offset, epsilon, form)

    def instance(x, scale, offset, groups):
        return ow.nn.instance_norm(x, scale, offset, data_format=form)

    shape = (2, 4, 3, 3) if first else (2, 3, 3, 4)
    x, scale, offset = _arguments(rng, shape, 4)
    for f in (group, instance):
        one = case(x, scale, offset, groups=4 if f is instance else 2)
        got = np.asarray(f(*one.arrays, **one.attributes))
        np.testing.assert_allclose(got, reference(*one.arrays, **one.attributes), rtol=1e-9, atol=1e-10)
    small = case(*_arguments(rng, (2, 2, 2, 2), 2), groups=1, epsilon=0.1)
    check_op(group, [small], reference, dtypes=DTYPES, tolerance=3)


def test_errors(graph):
    x = ow.placeholder("float32", [None, 4, 4, 3])
    ones = np.ones(3, np.float32)
    with pytest.raises(ArgumentError, match=r"\[fused_batch_norm\] mean and variance must be given, got None"):
        ow.nn.fused_batch_norm(x, ones, ones, is_training=False)
    with pytest.raises(ShapeError, match=r"\[batch_normalize\] mean must have x's 3 channels, got \(2,\)"):
        ops.batch_normalize(x, *[np.ones(2, np.float32)] * 4, 0.1, False)
    with pytest.raises(ShapeError, match=r"\[batch_normalize\] scale must have c = 3 elements, got shape \(4,\)"):
        ow.nn.fused_batch_norm(x, np.ones(4, np.float32), ones)
    with pytest.raises(ArgumentError, match=r"\[fused_batch_norm\] data_format must be N...C or NC..., got 'HWC'"):
        ow.nn.fused_batch_norm(x, ones, ones, data_format="HWC")
    with pytest.raises(ShapeError, match=r"\[channel_moments\] x must have at least 2 dimensions, got shape \(3,\)"):
        ops.channel_moments(ones, False, "float32")
    with pytest.raises(ShapeError, match=r"\[group_norm\] channels must be a multiple of groups = 2, got 3"):
        ow.nn.group_norm(x, 2)
    with pytest.raises(ShapeError, match=r"\[instance_norm\] channels must be known when the graph is built, got None"):
        ow.nn.instance_norm(ow.placeholder("float32", [None, 4, 4, None]))

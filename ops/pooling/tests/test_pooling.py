"""Pooling against NumPy, window by window: paddings, layouts, 1 to 3 dimensions, ties, nan, derivatives, errors."""

import itertools

import numpy as np
import opwright as ow
import pytest
from opwright import ops
from opwright.errors import ArgumentError, ShapeError
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")


def _windows(x, ksize, strides, padding):
    """The elements of each window that lie inside x [n, ..., c], by output position; and their positions."""
    sizes = x.shape[1:-1]
    pads = [(0, 0)] * len(sizes) if isinstance(padding, str) else padding
    outs = [-(-(n + sum(p) - k + 1) // s) for n, p, k, s in zip(sizes, pads, ksize, strides)]
    if padding == "SAME":
        outs = [-(-n // s) for n, s in zip(sizes, strides)]
        total = [max((o - 1) * s + k - n, 0) for o, s, k, n in zip(outs, strides, ksize, sizes)]
        pads = [(t // 2, t - t // 2) for t in total]
    for at in itertools.product(*map(range, outs)):
        start = [o * s - p[0] for o, s, p in zip(at, strides, pads)]
        box = tuple(slice(max(b, 0), max(min(b + k, n), 0)) for b, k, n in zip(start, ksize, sizes))
        yield at, outs, x[(slice(None), *box)], box


def _pooled(reduce, x, ksize, strides, padding="VALID", data_format=None):
    first = data_format is not None and data_format.startswith("NC")
    x = np.moveaxis(x, 1, -1) if first else x
    n = x.ndim - 2
    ksize, strides = (v if len(v) == n else (v * n)[:n] for v in (list(np.ravel(ksize)), list(np.ravel(strides))))
    y = None
    for at, outs, window, _ in _windows(x, ksize, strides, padding):
        y = np.empty((x.shape[0], *outs, x.shape[-1])) if y is None else y
        y[(slice(None), *at)] = reduce(window, axis=tuple(range(1, n + 1)))
    return np.moveaxis(y, -1, 1) if first else y


REFERENCE = {
    "max_pool": lambda *args, **kwargs: _pooled(np.max, *args, **kwargs),
    "avg_pool": lambda *args, **kwargs: _pooled(np.mean, *args, **kwargs),
}


def _distinct(rng, *shape):
    """Numbers further apart than the steps of central differences."""
    return rng.permutation(np.prod(shape)).reshape(shape) / 8.0 - 4


@pytest.mark.parametrize("name", REFERENCE)
def test_values_and_gradients(name, rng):
    cases = [
        case(_distinct(rng, 2, 5, 4, 3), ksize=2, strides=2, padding="VALID"),
        case(_distinct(rng, 1, 5, 7, 2), ksize=[3, 2], strides=[2, 1], padding="SAME"),
        case(_distinct(rng, 2, 3, 3, 1), ksize=3, strides=1, padding="SAME"),
        case(_distinct(rng, 2, 2, 5, 4), ksize=[2, 3], strides=[1, 2], padding="VALID", data_format="NCHW"),
        case(_distinct(rng, 1, 2, 7), ksize=3, strides=2, padding="SAME", data_format="NCW"),
        case(_distinct(rng, 2, 7, 2), ksize=2, strides=3, padding="VALID"),
        case(_distinct(rng, 1, 3, 4, 3, 2), ksize=[2, 3, 2], strides=[1, 2, 2], padding="SAME"),
        case(_distinct(rng, 1, 2, 3, 2, 3), ksize=2, strides=1, padding="VALID", data_format="NCDHW"),
        case(_distinct(rng, 1, 4, 4, 2), ksize=3, strides=2, padding=[(1, 0), (2, 1)]),
    ]
    check_op(getattr(ow.nn, name), cases, REFERENCE[name], dtypes=DTYPES)


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("form", ["NHWC", "NCHW"])
def test_sizes(name, form, rng):
    """Channels around the width of vectors and tiles, odd sizes, windows wider than the stride and the other way."""
    for n, size, channels in [(1, 33, 1), (3, 17, 3), (2, 7, 16), (1, 5, 33), (2, 3, 100), (1, 3, 1100), (1, 1, 5)]:
        x = rng.normal(size=(n, size, size + 2, channels)).astype(np.float32)
        x = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if form == "NCHW" else x
        for k, s, padding in itertools.product((1, 2, 3, 5), (1, 2, 3), ("SAME", "VALID")):
            if k > size and padding == "VALID":
                continue
            got = np.asarray(getattr(ow.nn, name)(x, k, s, padding, form))
            want = REFERENCE[name](x.astype(np.float64), [k], [s], padding, form)
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", REFERENCE)
def test_gradients_of_many_sizes(name, rng):
    """The gradient sums to that of the outputs, and equals the transposed window matrix."""
    for n, size, channels, k, s, padding, form in [
        (2, 7, 33, 3, 2, "SAME", "NHWC"),
        (1, 9, 70, 3, 1, "VALID", "NHWC"),
        (3, 6, 5, 2, 2, "SAME", "NCHW"),
        (20, 4, 17, 3, 3, "SAME", "NHWC"),
        (1, 3, 1100, 2, 1, "SAME", "NHWC"),
    ]:
        x = rng.normal(size=(n, size, size, channels))
        y = _pooled(np.max, x, [k], [s], padding)
        dy, dx = rng.normal(size=y.shape), np.zeros_like(x)
        for at, _, window, box in _windows(x, [k, k], [s, s], padding):
            share = dy[(slice(None), *at)][:, None, None]
            if name == "max_pool":
                dx[(slice(None), *box)] += share * (window == window.max((1, 2), keepdims=True))
            else:
                dx[(slice(None), *box)] += share / (window.shape[1] * window.shape[2])
        to = (lambda a: np.ascontiguousarray(np.moveaxis(a, -1, 1))) if form == "NCHW" else np.asarray
        with ow.GradientTape() as tape:
            fed = ow.constant(to(x))
            tape.watch(fed)
            made = getattr(ow.nn, name)(fed, k, s, padding, form)
        np.testing.assert_allclose(np.asarray(tape.gradient(made, fed, to(dy))), to(dx), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradient_goes_to_the_first_of_equal_elements(dtype):
    x = ow.cast(np.ones((1, 3, 3, 1)), dtype)
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = ow.nn.max_pool(x, 2, 1, "VALID")
    dx = ow.cast(tape.gradient(y, x), "float32")
    np.testing.assert_array_equal(np.asarray(dx)[0, :, :, 0], [[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    _, at = ow.nn.max_pool_with_argmax(x, 2, 1, "VALID")
    np.testing.assert_array_equal(np.asarray(at).ravel(), [0, 1, 3, 4])


def test_16_bit_gradients_add_up_in_32_bits():
    # 49 windows of 1/49 each; in bfloat16 the sum would stop short of 1.
    dy = ow.cast(np.ones((1, 7, 7, 1)), "bfloat16")
    dx = ops.avg_pool_grad([1, 7, 7, 1], dy, [13, 13], [1, 1], "SAME", [], False)
    np.testing.assert_allclose(np.asarray(ow.cast(dx, "float32")), 1, rtol=4e-3)


def test_nan_and_infinities():
    nan, inf = np.nan, np.inf
    x = np.array([1, nan, 3, -inf, -inf, -inf, inf, 2, nan, nan], np.float32).reshape(1, 10, 1)
    np.testing.assert_array_equal(np.asarray(ow.nn.max_pool(x, 2, 2, "VALID")).ravel(), [nan, 3, -inf, inf, nan])
    with ow.GradientTape() as tape:
        fed = ow.constant(x)
        tape.watch(fed)
        y = ow.nn.max_pool(fed, 2, 2, "VALID")
    found = np.asarray(tape.gradient(y, fed)).ravel()
    np.testing.assert_array_equal(found, [0, 1, 1, 0, 1, 0, 1, 0, 1, 0])
    y, at = ops.max_pool_with_argmax(x.reshape(1, 1, 10, 1), [1, 2], [1, 2], "VALID", [], False)
    np.testing.assert_array_equal(np.asarray(at).ravel(), [1, 2, 4, 6, 8])
    np.testing.assert_array_equal(np.asarray(y).ravel(), [nan, 3, -inf, inf, nan])
    assert np.isnan(np.asarray(ow.nn.avg_pool(x, 2, 2, "VALID")).ravel()[0])


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8"])
def test_integers(dtype, rng):
    x = rng.integers(0, 100, (2, 5, 5, 3)).astype(dtype)
    got = np.asarray(ow.nn.max_pool(x, 3, 2, "SAME"))
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, _pooled(np.max, x, [3], [2], "SAME"))
    if dtype != "uint8":
        np.testing.assert_array_equal(np.asarray(ow.nn.max_pool(-x - 1, 3, 2, "SAME")) < 0, True)


@pytest.mark.parametrize("name", REFERENCE)
def test_empty_batches_and_channels(name, graph):
    for shape, form, want in [
        ((0, 5, 5, 3), "NHWC", (0, 3, 3, 3)),
        ((2, 5, 5, 0), "NHWC", (2, 3, 3, 0)),
        ((2, 0, 5, 5), "NCHW", (2, 0, 3, 3)),
        ((2, 0, 5, 3), "NHWC", (2, 0, 3, 3)),
    ]:
        x = ow.placeholder("float32", shape)
        y = getattr(ow.nn, name)(x, 2, 2, "SAME", form)
        (dx,) = ow.gradients(y, x)
        with ow.Session() as session:
            made, found = session.run([y, dx], {x: np.zeros(shape, np.float32)})
        assert made.shape == want
        assert found.shape == shape


def test_argmax(rng):
    for include, form in itertools.product((False, True), ("NHWC", "NCHW")):
        x = _distinct(rng, 3, 5, 6, 4).astype(np.float32)
        options = {"include_batch_in_index": include, "data_format": form}
        largest, at = ow.nn.max_pool_with_argmax(x, [3, 2], [2, 2], "SAME", **options)
        at, largest = np.asarray(at), np.asarray(largest)
        assert at.dtype == np.int64
        flat = x.ravel() if include else x.reshape(3, -1)
        found = flat[at] if include else np.take_along_axis(flat, at.reshape(3, -1), 1).reshape(at.shape)
        np.testing.assert_array_equal(found, largest)
        np.testing.assert_array_equal(largest, _pooled(np.max, x, [3, 2], [2, 2], "SAME", form))
    assert ow.nn.max_pool_with_argmax(x, 2, 2, "SAME", output_dtype="int32")[1].dtype == "int32"


def test_argmax_has_max_pools_derivatives(rng):
    check_op(
        lambda x: ow.nn.max_pool_with_argmax(x, 3, 2, "SAME")[0],
        [case(_distinct(rng, 1, 4, 5, 2))],
        lambda x: _pooled(np.max, x, [3], [2], "SAME"),
        dtypes=DTYPES,
    )


def test_names_of_each_rank(rng):
    for n in (1, 2, 3):
        x = rng.normal(size=(1, *[4] * n, 2))
        for kind in REFERENCE:
            got = getattr(ow.nn, f"{kind}{n}d")(x, 2, 2, "VALID")
            np.testing.assert_allclose(np.asarray(got), REFERENCE[kind](x, [2], [2]), rtol=1e-12)


def _dilated(x, ksize, rates, reduce, padding):
    spans = [(k - 1) * r for k, r in zip(ksize, rates)]
    if padding == "SAME":
        x = np.pad(x, [(0, 0), *[(s // 2, s - s // 2) for s in spans], (0, 0)])
    outs = [n - s for n, s in zip(x.shape[1:-1], spans)]
    taps = [
        x[(slice(None), *[slice(t * r, t * r + o) for t, r, o in zip(at, rates, outs)])]
        for at in itertools.product(*map(range, ksize))
    ]
    return reduce(taps, axis=0)


def test_pool(rng):
    x = rng.normal(size=(2, 7, 6, 3))
    got = np.asarray(ow.nn.pool(x, [2, 2], "MAX", strides=[2, 1], padding="SAME"))
    np.testing.assert_array_equal(got, _pooled(np.max, x, [2, 2], [2, 1], "SAME"))
    for kind, reduce in (("MAX", np.max), ("AVG", np.mean)):
        for ksize, rates, padding in [([2, 3], [3, 2], "SAME"), ([3, 2], [2, 2], "VALID"), ([2, 2], [1, 4], "VALID")]:
            want = _dilated(x, ksize, rates, reduce, padding)
            got = np.asarray(ow.nn.pool(x, ksize, kind, padding=padding, dilations=rates))
            np.testing.assert_allclose(got, want, rtol=1e-12)
            turned = ow.nn.pool(
                np.moveaxis(x, -1, 1), ksize, kind, padding=padding, dilations=rates, data_format="NCHW"
            )
            np.testing.assert_allclose(np.moveaxis(np.asarray(turned), 1, -1), want, rtol=1e-12)


def test_a_relu_after_pooling_runs_in_it(rng):
    x = rng.normal(size=(2, 9, 9, 5)).astype(np.float32)
    with ow.Graph().as_default():
        fed = ow.placeholder("float32", [None, 9, 9, 5])
        y = ow.nn.relu(ow.nn.avg_pool(fed, 3, 2, "SAME") - 0.1)
        with ow.Session() as session:
            got = session.run(y, {fed: x})
    want = np.maximum(_pooled(np.mean, x, [3], [2], "SAME") - 0.1, 0)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_unknown_shapes(graph):
    x = ow.placeholder("float32")
    assert ow.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME").shape.as_list() == [None] * 4
    x = ow.placeholder("float32", [None, None, 9, 3])
    assert ow.nn.avg_pool(x, [3, 3], 2, "VALID").shape.as_list() == [None, None, 4, 3]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((3, 1, "VALID"), ShapeError, r"\[max_pool\] ksize must fit into the 2 elements of dimension 0 of the 2 pooled, got 3; use"),
        ((0, 1, "SAME"), ArgumentError, r"\[max_pool\] ksize must be positive, got \[0, 0\]"),
        ((2, -1, "SAME"), ArgumentError, r"\[max_pool\] strides must be positive, got \[-1, -1\]"),
        (([1, 2, 2], 1, "SAME"), ArgumentError, r"\[max_pool\] ksize must be 1, 2 or 4 ints, got \[1, 2, 2\]"),
        ((2, 1.5, "SAME"), ArgumentError, r"\[max_pool\] strides must be 1, 2 or 4 ints, got \[1.5, 1.5\]"),
        ((2, 1, [(1, 0), (0, 0), (0, 0), (0, 0)]), ArgumentError, r"\[max_pool\] padding of the batch and the channels must be 0, got \[\[1, 0\]"),
        (([1, 2, 2, 2], 1, "SAME"), ArgumentError, r"\[max_pool\] ksize must be 1 for the batch and the channels, got \[1, 2, 2, 2\]"),
        ((2, 1, "same padding"), ArgumentError, r"\[max_pool\] padding must be SAME, VALID or a list of pairs, got 'same padding'"),
        ((2, 1, [(0, 2), (0, 0)]), ShapeError, r"\[max_pool\] padding must lie in \[0, 2\), the window's size, along dimension 0, got \(0, 2\)"),
        ((2, 1, [(0, 1)]), ShapeError, r"\[max_pool\] padding must have 2 pairs, got \(0, 1\)"),
        ((2, 1, "SAME", "NHW"), ArgumentError, r"\[max_pool\] data_format must be one of NWC, .*, got 'NHW'"),
        ((2, 1, "SAME", "NWC"), ShapeError, r"\[max_pool\] input must have the 3 dimensions of NWC, got 4"),
    ],
)  # fmt: skip
def test_errors(arguments, error, text, graph):
    with pytest.raises(error, match=text):
        ow.nn.max_pool(ow.placeholder("float32", [None, 2, 5, 3]), *arguments)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("name", ["max_pool", "avg_pool"])
def test_every_rank_refuses_windows_that_do_not_fit(name, rank, graph):
    x = ow.placeholder("float32", [2, *[3] * rank, 5])
    for function in (getattr(ow.nn, name), getattr(ow.nn, f"{name}{rank}d")):
        with pytest.raises(
            ShapeError,
            match=rf"\[{name}\] ksize must fit into the 3 elements of dimension 0 of the {rank} pooled, got 4",
        ):
            function(x, 4, 1, "VALID")
        with pytest.raises(ArgumentError, match=rf"\[{name}\] strides must be positive, got"):
            function(x, 2, 0, "SAME")
    if rank == 2:
        with pytest.raises(ShapeError, match=r"\[max_pool_with_argmax\] ksize must fit into the 3 elements"):
            ow.nn.max_pool_with_argmax(x, 4, 1, "VALID")
        with pytest.raises(ShapeError, match=r"\[max_pool\] ksize must fit into the 1 elements"):
            ow.nn.pool(x, [3, 3], "MAX", dilations=3)


def test_other_errors(graph):
    x = ow.placeholder("float32", [None, 6, 6, 3])
    with pytest.raises(ShapeError, match=r"\[max_pool\] input must have 3 to 5 dimensions, got 2"):
        ow.nn.max_pool(ow.placeholder("float32", [3, 3]), 2, 2, "SAME")
    with pytest.raises(ArgumentError, match=r"\[pool\] pooling_type must be MAX or AVG, got 'L2'"):
        ow.nn.pool(x, [2, 2], "L2")
    with pytest.raises(ArgumentError, match=r"\[pool\] strides must be 1 where dilations are \[2, 2\], got \[2, 2\]"):
        ow.nn.pool(x, [2, 2], "MAX", strides=2, dilations=2)
    with pytest.raises(ShapeError, match=r"\[avg_pool_grad\] grad must have the output's shape \(2, 3, 3, 3\), got"):
        ops.avg_pool_grad([2, 6, 6, 3], np.zeros((2, 2, 3, 3), np.float32), [2, 2], [2, 2], "SAME", [], False)
    with pytest.raises(ShapeError, match=r"\[max_pool_grad\] grad must have the output's shape \(\?, 3, 3, 3\), got"):
        ops.max_pool_grad(x, ops.max_pool(x, [2, 2], [2, 2], "SAME", [], False), x, [2, 2], [2, 2], "SAME", [], False)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ksize": (2, 0)}, r"ksize must be 1 to 3 positive numbers, got \(2, 0\)"),
        ({"ksize": ()}, "ksize must be 1 to 3 positive numbers"),
        ({"strides": (0, 1)}, r"strides must be 2 positive numbers, got \(0, 1\)"),
        ({"strides": (1,)}, "strides must be 2 positive numbers"),
        ({"padding": "valid"}, "padding must be SAME, VALID or EXPLICIT, got 'valid'"),
    ],
)
def test_windows_that_are_none_are_refused(changed, said):
    how = dict(ksize=(2, 2), strides=(1, 1), padding="VALID", explicit_paddings=(), channels_first=False) | changed
    for op in ("max_pool", "avg_pool", "max_pool_with_argmax"):
        with pytest.raises(ShapeError, match=rf"\[{op}\] {said}"):
            getattr(ops, op)(np.zeros((1, 4, 4, 1)), **how)

"""The three ops against sums over taps in NumPy: sizes, strides, dilations, paddings, groups, dtypes; gradients."""

import itertools

import numpy as np
import opwright as ow
import pytest
from opwright import ops
from opwright.errors import ShapeError
from opwright.testing import case, check_gradient, check_op, run_in_graph


def geometry(sizes, taps, strides, dilations, padding):
    """The output's sizes and the paddings, by TensorFlow's rules; `padding` may be pairs."""
    spans = [(k - 1) * d + 1 for k, d in zip(taps, dilations)]
    if padding == "SAME":
        out = [-(-n // s) for n, s in zip(sizes, strides)]
        total = [max((o - 1) * s + span - n, 0) for o, s, span, n in zip(out, strides, spans, sizes)]
        return out, [(t // 2, t - t // 2) for t in total]
    pads = [(0, 0)] * len(sizes) if padding == "VALID" else padding
    return [(n + sum(p) - span) // s + 1 for n, p, span, s in zip(sizes, pads, spans, strides)], pads


def windows(x, taps, strides, dilations, padding):
    """For each tap what it sees of the padded input: (tap, slices)."""
    out, _ = geometry(x.shape[1:-1], taps, strides, dilations, padding)
    for tap in np.ndindex(*taps):
        at = [k * d for k, d in zip(tap, dilations)]
        yield tap, (slice(None), *[slice(a, a + (o - 1) * s + 1, s) for a, o, s in zip(at, out, strides)])


def padded(x, taps, strides, dilations, padding):
    _, pads = geometry(x.shape[1:-1], taps, strides, dilations, padding)
    return np.pad(x, [(0, 0), *pads, (0, 0)])


def grouped(w, channels, depthwise):
    """Filters as [*taps, channels, out], zeros between groups."""
    *taps, group, out = w.shape
    if depthwise:
        made = np.zeros((*taps, channels, channels * out))
        for c in range(channels):
            made[..., c, c * out : (c + 1) * out] = w[..., c, :]
        return made
    groups = channels // group
    made = np.zeros((*taps, channels, out))
    for g in range(groups):
        o = slice(g * out // groups, (g + 1) * out // groups)
        made[..., g * group : (g + 1) * group, o] = w[..., o]
    return made


def conv(x, w, strides, dilations, padding, depthwise=False):
    full, how = grouped(w, x.shape[-1], depthwise), (w.shape[:-2], strides, dilations, padding)
    out, _ = geometry(x.shape[1:-1], *how)
    y, xp = np.zeros((len(x), *out, full.shape[-1])), padded(x, *how)
    for tap, seen in windows(x, *how):
        y += xp[seen] @ full[tap]
    return y


def backprop_input(sizes, w, dy, strides, dilations, padding, depthwise=False):
    x, how = np.zeros(sizes), (w.shape[:-2], strides, dilations, padding)
    full, dxp = grouped(w, sizes[-1], depthwise), padded(x, *how)
    for tap, seen in windows(x, *how):
        dxp[seen] += dy @ full[tap].T
    _, pads = geometry(sizes[1:-1], *how)
    return dxp[(slice(None), *[slice(a, a + n) for (a, _), n in zip(pads, sizes[1:-1])])]


def backprop_filter(x, sizes, dy, strides, dilations, padding, depthwise=False):
    how = (sizes[:-2], strides, dilations, padding)
    xp, full = padded(x, *how), np.zeros((*sizes[:-2], x.shape[-1], dy.shape[-1]))
    for tap, seen in windows(x, *how):
        full[tap] = np.tensordot(xp[seen], dy, axes=[range(dy.ndim - 1)] * 2)
    *_, group, out = sizes
    dw, groups = np.zeros(sizes), x.shape[-1] if depthwise else x.shape[-1] // group
    for g in range(groups):
        if depthwise:
            dw[..., g, :] = full[..., g, g * out : (g + 1) * out]
        else:
            o = slice(g * out // groups, (g + 1) * out // groups)
            dw[..., o] = full[..., g * group : (g + 1) * group, o]
    return dw


def attributes(strides, dilations, padding, depthwise=False):
    explicit = () if isinstance(padding, str) else tuple(np.ravel(padding))
    name = padding if isinstance(padding, str) else "EXPLICIT"
    return {
        "strides": strides,
        "padding": name,
        "explicit_paddings": explicit,
        "dilations": dilations,
        "depthwise": depthwise,
    }


def check_all_three(rng, x_shape, w_shape, strides, dilations, padding, depthwise=False, dtype="float64", limit=1e-11):
    x, w = rng.normal(size=x_shape), rng.normal(size=w_shape)
    how = (strides, dilations, padding, depthwise)
    x, w = x.astype(dtype), w.astype(dtype)
    want = conv(x.astype(float), w.astype(float), *how)
    dy = rng.normal(size=want.shape).astype(dtype)
    attrs, wide = attributes(*how), [a.astype(float) for a in (x, w, dy)]
    pairs = [
        (ops.conv(x, w, **attrs), want),
        (ops.conv_backprop_input(x_shape, w, dy, **attrs), backprop_input(x_shape, *wide[1:], *how)),
        (ops.conv_backprop_filter(x, w_shape, dy, **attrs), backprop_filter(wide[0], w_shape, wide[2], *how)),
    ]
    for found, expected in pairs:
        assert found.shape == expected.shape
        scale = max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=limit * scale)


SIZES = (1, 3, 7, 17, 33)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", ["SAME", "VALID", ((2, 1), (0, 3))])
def test_two_dimensions(size, padding, rng):
    """Heights and widths that differ, strides 1 to 3, dilations 1 and 2, batches of 0 to 2."""
    for stride, dilation, taps in itertools.product((1, 2, 3), (1, 2), ((1, 1), (3, 2), (5, 5))):
        spans = [(k - 1) * dilation + 1 for k in taps]
        room = [size + (0 if isinstance(padding, str) else sum(p)) for p in (padding if padding[0] != "V" else "VV")]
        if padding != "SAME" and any(s > r for s, r in zip(spans, room)):
            continue
        images = (stride + dilation + taps[0]) % 3
        check_all_three(
            rng, (images, size, size + 2, 3), (*taps, 3, 5), (stride, max(1, stride - 1)), (dilation, dilation), padding
        )


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3)])
def test_one_and_three_dimensions(stride, dilation, padding, rng):
    check_all_three(rng, (2, 33, 3), (4, 3, 6), (stride,), (dilation,), padding)
    check_all_three(rng, (1, 700, 1), (9, 1, 2), (stride,), (dilation,), padding)
    check_all_three(rng, (2, 5, 7, 9, 2), (2, 3, 3, 2, 3), (1, stride, stride), (dilation, 1, dilation), padding)


@pytest.mark.parametrize(("channels", "group", "out"), [(4, 2, 6), (6, 2, 3), (8, 1, 16), (5, 1, 5), (40, 20, 70)])
@pytest.mark.parametrize("stride", [1, 2])
def test_groups(channels, group, out, stride, rng):
    check_all_three(rng, (2, 9, 7, channels), (3, 3, group, out), (stride, stride), (1, 1), "SAME")


@pytest.mark.parametrize(("channels", "times"), [(1, 1), (3, 1), (4, 2), (17, 1), (33, 3)])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_depthwise(channels, times, stride, dilation, rng):
    for padding in ("SAME", "VALID"):
        check_all_three(
            rng, (2, 11, 9, channels), (3, 2, channels, times), (stride, stride), (dilation, 1), padding, True
        )


@pytest.mark.parametrize(
    ("x", "w", "strides"),
    [
        ((3, 28, 28, 1), (5, 5, 1, 32), (1, 1)),  # many pixels, one channel
        ((2, 14, 14, 32), (5, 5, 32, 64), (1, 1)),  # rows longer than a packed block
        ((1, 7, 7, 65), (3, 3, 65, 530), (1, 1)),  # columns wider than one
        ((1, 50, 51, 3), (11, 11, 3, 13), (4, 4)),  # 16 phases
        ((1, 40, 40, 2), (4, 4, 2, 3), (8, 8)),  # phases that no tap reaches
        ((2, 60, 40, 9), (1, 1, 9, 7), (1, 1)),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_larger_sizes(x, w, strides, dtype, rng):
    limit = {"float64": 1e-11, "float32": 1e-4}[dtype]
    check_all_three(rng, x, w, strides, (1, 1), "SAME", dtype=dtype, limit=limit)


@pytest.mark.parametrize("depthwise", [False, True])
def test_16_bit_floats(depthwise, rng):
    w = (3, 3, 6, 2) if depthwise else (3, 3, 2, 9)
    check_all_three(rng, (2, 19, 18, 6), w, (2, 1), (1, 1), "SAME", depthwise, dtype="float16", limit=2e-3)
    attrs = attributes((1, 1), (1, 1), "SAME", depthwise)
    x, w = ow.constant(rng.integers(-3, 4, (1, 5, 6, 6)), "bfloat16"), ow.constant(rng.integers(-3, 4, w), "bfloat16")
    want = conv(np.asarray(ow.cast(x, "float64")), np.asarray(ow.cast(w, "float64")), (1, 1), (1, 1), "SAME", depthwise)
    np.testing.assert_allclose(np.asarray(ow.cast(ops.conv(x, w, **attrs), "float64")), want, rtol=2**-8)


def test_in_graphs_with_gradients_of_both_orders(rng):
    """Strided inputs, unknown shapes, plans with and without passes; central differences."""
    kinds = [
        ((1, 4, 3, 2), (2, 2, 2, 3), (1, 1), (1, 1), "SAME", False),
        ((2, 5, 4, 4), (3, 2, 2, 2), (2, 1), (1, 2), "VALID", False),
        ((1, 3, 4, 2), (2, 3, 2, 2), (1, 2), (1, 1), ((1, 0), (2, 1)), True),
        ((1, 6, 1), (3, 1, 2), (2,), (1,), "SAME", False),
        ((1, 2, 3, 2, 1), (2, 2, 1, 1, 2), (1, 2, 1), (1, 1, 1), "SAME", False),
    ]
    for x_shape, w_shape, *how in kinds:
        attrs = attributes(*how)
        x, w = rng.normal(size=x_shape), rng.normal(size=w_shape)

        def function(x, w, attrs=attrs):
            return ops.conv(x, w, **attrs)

        check_op(function, [case(x, w)], lambda x, w, how=how: conv(x, w, *how))
        dy = rng.normal(size=conv(x, w, *how).shape)
        check_gradient(
            lambda w, dy, attrs=attrs, n=x_shape: ops.conv_backprop_input(n, w, dy, **attrs), [w, dy], atol=1e-5
        )
        check_gradient(
            lambda x, dy, attrs=attrs, n=w_shape: ops.conv_backprop_filter(x, n, dy, **attrs), [x, dy], atol=1e-5
        )


def test_sizes_computed_in_the_graph(rng):
    x, w = rng.normal(size=(2, 5, 6, 3)), rng.normal(size=(3, 3, 3, 4))
    attrs = attributes((2, 2), (1, 1), "SAME")
    dy = rng.normal(size=(2, 3, 3, 4))

    def both(x, w, dy):
        return ops.conv_backprop_input(ops.shape(x), w, dy, **attrs), ops.conv_backprop_filter(
            x, ops.shape(w, "int64"), dy, **attrs
        )

    for known in (True, False):
        dx, dw = run_in_graph(both, [x, w, dy], {}, known=known)
        np.testing.assert_allclose(dx, backprop_input(x.shape, w, dy, (2, 2), (1, 1), "SAME"), atol=1e-11)
        np.testing.assert_allclose(dw, backprop_filter(x, w.shape, dy, (2, 2), (1, 1), "SAME"), atol=1e-11)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_empty_tensors(padding, rng):
    check_all_three(rng, (0, 5, 6, 3), (3, 3, 3, 4), (2, 2), (1, 1), padding)
    check_all_three(rng, (2, 5, 6, 3), (3, 3, 3, 0), (1, 1), (1, 1), padding)
    check_all_three(rng, (2, 0, 6, 3), (1, 3, 3, 2), (2, 1), (1, 1), padding)


def test_infinities_and_nan_reach_what_sees_them():
    x = np.zeros((1, 5, 5, 1))
    x[0, 0, 0, 0], x[0, 4, 4, 0] = np.inf, np.nan
    y = np.asarray(ops.conv(x, np.ones((2, 2, 1, 1)), **attributes((1, 1), (1, 1), "VALID")))[0, ..., 0]
    assert y[0, 0] == np.inf
    assert np.isnan(y[3, 3])
    assert (np.delete(y.ravel(), [0, 15]) == 0).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"strides": (0, 1)}, r"strides must be 1 to 3 positive numbers, got \(0, 1\)"),
        ({"strides": ()}, r"strides must be 1 to 3 positive numbers, got \(\)"),
        ({"dilations": (1,)}, r"dilations must be 2 positive numbers, got \(1,\)"),
        ({"dilations": (1, -1)}, r"dilations must be 2 positive numbers"),
        ({"padding": "same"}, r"padding must be SAME, VALID or EXPLICIT, got 'same'"),
        ({"padding": "EXPLICIT", "explicit_paddings": (1, 1, 0)}, r"explicit_paddings must be 2 pairs of numbers"),
        ({"padding": "EXPLICIT", "explicit_paddings": (1, 1, 0, -1)}, r"explicit_paddings must be 2 pairs of numbers"),
    ],
)
def test_attributes_that_fit_no_convolution_are_refused(changed, said):
    x, w, dy = np.zeros((1, 5, 5, 1)), np.zeros((2, 2, 1, 1)), np.zeros((1, 4, 4, 1))
    how = attributes((1, 1), (1, 1), "VALID") | changed
    for op, args in (("conv", (x, w)), ("conv_backprop_input", (x.shape, w, dy)), ("conv_backprop_filter", (x, w.shape, dy))):  # fmt: skip
        with pytest.raises(ShapeError, match=rf"\[{op}\] {said}"):
            getattr(ops, op)(*args, **how)

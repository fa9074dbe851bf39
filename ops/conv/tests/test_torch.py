"""nn.conv1d to conv3d and their transposes beside PyTorch: values, derivatives and derivatives of these, over a grid."""

import itertools
import random

import numpy as np
import opwright as ow
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

SIZES = (1, 3, 7, 17, 33)
FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}
GROUPS = {"one": (3, 5), "two": (4, 6), "depthwise": (3, 2)}  # channels, filters (of depthwise: for each channel)


def grid(rank):
    """Every combination that has an output: (rank, size, taps, stride, dilation, groups, padding, batch, channels_first)."""
    taps = (1, 2, 3, 5) if rank < 3 else (1, 2, 3)
    sizes = SIZES if rank < 3 else SIZES[:3]
    groups = ("one", "two", "depthwise") if rank == 2 else ("one", "two")
    for size, k, stride, dilation, group, padding, batch, first in itertools.product(
        sizes, taps, (1, 2, 3), (1, 2), groups, ("SAME", "VALID", "EXPLICIT"), (0, 1, 2), (False, True)
    ):
        before = (k - 1) * dilation // 2 if padding == "EXPLICIT" else 0
        if padding == "SAME" or size + 2 * before >= (k - 1) * dilation + 1:
            yield rank, size, k, stride, dilation, group, padding, batch, first


def pads(sizes, taps, stride, dilation, padding):
    """(before, after) for each dimension, by TensorFlow's rules; EXPLICIT: one more behind."""
    made = []
    for n, k in zip(sizes, taps, strict=True):
        span = (k - 1) * dilation + 1
        total = max((-(-n // stride) - 1) * stride + span - n, 0)
        before = (span - 1) // 2
        made.append(
            {"SAME": (total // 2, total - total // 2), "VALID": (0, 0), "EXPLICIT": (before, before + 1)}[padding]
        )
    return made


def torch_filters(w, rank, depthwise):
    """[out, in, *taps] from ours; a depthwise filter has its channels' outputs one after another."""
    if depthwise:
        return w.permute(rank, rank + 1, *range(rank)).reshape(-1, 1, *w.shape[:rank])
    return w.permute(rank + 1, rank, *range(rank))


def torch_conv(x, w, rank, stride, dilation, around, groups, depthwise):
    """Channels first; paddings by zeros of their own, since PyTorch's are the same on both sides."""
    flat = [p for pair in reversed(around) for p in pair]
    padded = torch.nn.functional.pad(x, flat)
    function = (torch.nn.functional.conv1d, torch.nn.functional.conv2d, torch.nn.functional.conv3d)[rank - 1]
    return function(padded, torch_filters(w, rank, depthwise), stride=stride, dilation=dilation, groups=groups)


def derivatives(y, x, w, dy, dx2, dw2, gradient):
    """y, dx and dw for dy, and the derivatives of <dx, dx2> + <dw, dw2> by x, w and dy."""
    dx, dw = gradient(y, [x, w], dy)
    return [y, dx, dw, *gradient((dx * dx2).sum() + (dw * dw2).sum(), [x, w, dy], None)]


def of_torch(arrays, *how):
    x, w, dy, dx2, dw2 = (torch.tensor(a) for a in arrays)
    for leaf in (x, w, dy):
        leaf.requires_grad_()
    y = torch_conv(x, w, *how)

    def gradient(ys, xs, seeds):
        found = torch.autograd.grad(ys, xs, seeds, create_graph=True, allow_unused=True)
        return [torch.zeros_like(v) if g is None else g for g, v in zip(found, xs, strict=True)]

    return [a.detach().numpy() for a in derivatives(y, x, w, dy, dx2, dw2, gradient)]


def of_ours(arrays, function):
    x, w, dy, dx2, dw2 = (ow.constant(a) for a in arrays)
    with ow.GradientTape() as outer:
        outer.watch([x, w, dy])
        with ow.GradientTape() as inner:
            inner.watch([x, w])
            y = function(x, w)
        dx, dw = inner.gradient(y, [x, w], dy)
        total = ow.reduce_sum(dx * dx2) + ow.reduce_sum(dw * dw2)
    second = outer.gradient(total, [x, w, dy], unconnected_gradients="zero")
    return [np.asarray(a) for a in (y, dx, dw, *second)]


def drawn(rng, rank, size, k, stride, dilation, group, padding, batch, first):
    """Ours and PyTorch's results, both channels first, for one point of the grid."""
    sizes = [size, max(1, size - 1), size + 2][:rank]
    taps = [k, max(1, k - 1), k][:rank]
    around = pads(sizes, taps, stride, dilation, padding)
    channels, filters = GROUPS[group]
    depthwise = group == "depthwise"
    groups = {"one": 1, "two": 2, "depthwise": channels}[group]
    out = [(n + sum(p) - (t - 1) * dilation - 1) // stride + 1 for n, p, t in zip(sizes, around, taps, strict=True)]
    x_shape = (batch, channels, *sizes)
    w_shape = (*taps, channels if depthwise else channels // groups, filters)
    y_shape = (batch, channels * filters if depthwise else filters, *out)
    arrays = [rng.normal(size=s) for s in (x_shape, w_shape, y_shape, x_shape, w_shape)]
    given = [(0, 0), (0, 0), *around] if first else [(0, 0), *around, (0, 0)]
    arguments = {"data_format": FORMATS[rank][first], "dilations": [dilation] * rank}
    arguments["padding"] = given if padding == "EXPLICIT" else padding
    name = "depthwise_conv2d" if depthwise else f"conv{rank}d"

    def function(x, w):
        x = x if first else ow.transpose(x, (0, *range(2, rank + 2), 1))
        y = getattr(ow.nn, name)(x, w, stride if rank == 1 else [stride] * rank, **arguments)
        return y if first else ow.transpose(y, (0, rank + 1, *range(1, rank + 1)))

    return of_ours(arrays, function), of_torch(arrays, rank, stride, dilation, around, groups, depthwise)


def agree(point, seed=0):
    ours, theirs = drawn(np.random.default_rng(seed), *point)
    for what, found, want in zip(("y", "dx", "dw", "d2x", "d2w", "d2dy"), ours, theirs, strict=True):
        assert found.shape == want.shape, (point, what)
        np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-10, err_msg=f"{what} of {point}")


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_draw_of_the_grid(rank):
    for point in random.Random(rank).sample(list(grid(rank)), 60):
        agree(point)

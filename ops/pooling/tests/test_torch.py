"""nn.max_pool, nn.avg_pool and max_pool_with_argmax beside PyTorch: values, derivatives and their derivatives, over a grid."""

import itertools
import random

import numpy as np
import opwright as ow
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

SIZES = (1, 3, 7, 17, 33)
FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}


def grid(rank):
    """Every combination that has an output: (name, rank, size, window, stride, padding, batch, channels_first)."""
    names = ("max_pool", "avg_pool", "max_pool_with_argmax") if rank == 2 else ("max_pool", "avg_pool")
    sizes = SIZES if rank < 3 else SIZES[:3]
    for name, size, k, stride, padding, batch, first in itertools.product(
        names, sizes, (1, 2, 3, 5), (1, 2, 3), ("SAME", "VALID", "EXPLICIT"), (0, 1, 2), (False, True)
    ):
        least = size - 1 if rank > 1 and size > 1 else size  # see `drawn`
        fits = padding != "VALID" or k <= least
        if fits and (k <= least + k // 2 or padding == "SAME") and not (first and name == "max_pool_with_argmax"):
            yield name, rank, size, k, stride, padding, batch, first


def pads(sizes, k, stride, padding):
    """(before, after) for each dimension, by TensorFlow's rules; EXPLICIT: half a window before."""
    totals = [max((-(-n // stride) - 1) * stride + k - n, 0) for n in sizes]
    made = {"SAME": [(t // 2, t - t // 2) for t in totals], "VALID": [(0, 0)] * len(sizes)}
    return made.get(padding, [(k // 2, 0)] * len(sizes))


def of_torch(name, x, dy, dx2, rank, k, stride, around):
    """y, dx for dy, and the derivatives of <dx, dx2> by dy; of avg_pool only elements inside count."""
    x, dy, dx2 = (torch.tensor(a) for a in (x, dy, dx2))
    x.requires_grad_()
    dy.requires_grad_()
    flat = [p for pair in reversed(around) for p in pair]
    pad, kind = torch.nn.functional.pad, "avg" if name == "avg_pool" else "max"
    pooled = getattr(torch.nn.functional, f"{kind}_pool{rank}d")
    found = []
    if name == "max_pool_with_argmax":
        y, at = pooled(pad(x, flat, value=-torch.inf), k, stride, return_indices=True)
        width = x.shape[3] + sum(around[1])
        row, column = at // width - around[0][0], at % width - around[1][0]
        channels = torch.arange(x.shape[1])[:, None, None]
        found = [((row * x.shape[3] + column) * x.shape[1] + channels).numpy()]
    elif kind == "max":
        y = pooled(pad(x, flat, value=-torch.inf), k, stride)
    else:
        y = pooled(pad(x, flat), k, stride) / pooled(pad(torch.ones_like(x), flat), k, stride)
    (dx,) = torch.autograd.grad(y, x, dy, create_graph=True)
    (d2dy,) = torch.autograd.grad((dx * dx2).sum(), dy)
    return [a.detach().numpy() for a in (y, dx, d2dy)] + found


def of_ours(name, x, dy, dx2, rank, k, stride, padding, first):
    x, dy, dx2 = (ow.constant(a) for a in (x, dy, dx2))
    last = (0, *range(2, rank + 2), 1)
    back = (0, rank + 1, *range(1, rank + 1))
    with ow.GradientTape() as outer:
        outer.watch(dy)
        with ow.GradientTape() as inner:
            inner.watch(x)
            fed = x if first else ow.transpose(x, last)
            y = getattr(ow.nn, name)(fed, k, stride, padding, FORMATS[rank][first])
            y, found = (y[0], [y[1]]) if name == "max_pool_with_argmax" else (y, [])
            y = y if first else ow.transpose(y, back)
        dx = inner.gradient(y, x, dy)
        total = ow.reduce_sum(dx * dx2)
    return [np.asarray(a) for a in (y, dx, outer.gradient(total, dy), *[ow.transpose(f, back) for f in found])]


def agree(point, seed=0):
    name, rank, size, k, stride, padding, batch, first = point
    rng = np.random.default_rng(seed)
    sizes = [size, max(1, size - 1), size + 2][:rank]
    around = pads(sizes, k, stride, padding)
    out = [(n + sum(p) - k) // stride + 1 for n, p in zip(sizes, around, strict=True)]
    x = rng.integers(-4, 5, (batch, 3, *sizes)).astype(float)  # with ties: the first of equal elements counts
    dy, dx2 = rng.normal(size=(batch, 3, *out)), rng.normal(size=x.shape)
    given = around if padding == "EXPLICIT" else padding
    ours = of_ours(name, x, dy, dx2, rank, k, stride, given, first)
    theirs = of_torch(name, x, dy, dx2, rank, k, stride, around)
    for what, found, want in zip(("y", "dx", "d2dy", "argmax"), ours, theirs, strict=False):
        assert found.shape == want.shape, (point, what)
        np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-12, err_msg=f"{what} of {point}")


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_draw_of_the_grid(rank):
    for point in random.Random(rank).sample(list(grid(rank)), 60):
        agree(point)

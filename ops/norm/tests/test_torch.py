"""Normalisations beside PyTorch: values, derivatives and derivatives of these, over sizes, batches and layouts."""

import itertools
import random

import numpy as np
import opwright as ow
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional

SIZES = (1, 3, 7, 17, 33)
NAMES = ("batch_norm", "inference", "layer_norm", "group_norm", "instance_norm", "lrn", "l2_normalize")


def grid(name):
    """(name, size, channels, batch, channels_first)."""
    channels = {"group_norm": (4, 6, 34), "l2_normalize": (3, 17, 33)}.get(name, (1, 3, 17, 33))
    layouts = (False,) if name in ("layer_norm", "lrn", "l2_normalize") else (False, True)
    yield from itertools.product([name], SIZES, channels, (0, 1, 2), layouts)


def ours(name, x, scale, offset, mean, variance, first):
    """Of x with its channels first; so is what comes back."""
    how = {"data_format": "NCHW" if first else "NHWC", "epsilon": 1e-3}
    x = x if first else ow.transpose(x, (0, 2, 3, 1))
    if name == "batch_norm":
        y = ow.nn.fused_batch_norm(x, scale, offset, **how)[0]
    elif name == "inference":
        y = ow.nn.fused_batch_norm(x, scale, offset, mean, variance, is_training=False, **how)[0]
    elif name == "layer_norm":
        y = ow.nn.layer_norm(x, scale, offset, epsilon=1e-3)
    elif name == "group_norm":
        y = ow.nn.group_norm(x, 2, scale, offset, **how)
    elif name == "instance_norm":
        y = ow.nn.instance_norm(x, scale, offset, **how)
    elif name == "lrn":
        y = ow.nn.lrn(x, 2, bias=1.5, alpha=0.3, beta=0.75)
    else:
        y = ow.nn.l2_normalize(x, 3)
    return y if first else ow.transpose(y, (0, 3, 1, 2))


def theirs(name, x, scale, offset, mean, variance):
    def centered(axes):  # PyTorch's batch_norm and instance_norm refuse single elements
        c = x - x.mean(axes, keepdim=True)
        return c / ((c**2).mean(axes, keepdim=True) + 1e-3).sqrt()

    if name == "batch_norm":
        return centered((0, 2, 3)) * scale[:, None, None] + offset[:, None, None]
    if name == "inference":
        return F.batch_norm(x, mean, variance, scale, offset, False, 0.0, 1e-3)
    if name == "layer_norm":
        return F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2], scale, offset, 1e-3).permute(0, 3, 1, 2)
    if name == "group_norm":
        return F.group_norm(x, 2, scale, offset, 1e-3)
    if name == "instance_norm":
        return centered((2, 3)) * scale[:, None, None] + offset[:, None, None]
    if name == "lrn":
        return (
            F.local_response_norm(x, 5, alpha=5 * 0.3, beta=0.75, k=1.5) + 0 * x**3
        )  # of nothing it gives x, detached
    return F.normalize(x, dim=1)


def agree(point, seed=0):
    name, size, channels, batch, first = point
    rng = np.random.default_rng(seed)
    shape, used = (batch, channels, size, max(1, size - 1)), 1 if name in ("lrn", "l2_normalize") else 3
    x, scale, offset, mean = rng.normal(size=shape), *rng.normal(size=(3, channels))
    variance, dy, dx2 = rng.uniform(0.5, 2, channels), rng.normal(size=shape), rng.normal(size=shape)
    leaves = [ow.constant(a) for a in (x, scale, offset)][:used]
    with ow.GradientTape() as outer:
        outer.watch(leaves)
        with ow.GradientTape() as inner:
            inner.watch(leaves)
            y = ours(name, *leaves, *[scale, offset][used - 1 :], mean, variance, first)
        slopes = inner.gradient(y, leaves, dy)
        total = ow.reduce_sum(slopes[0] * dx2)
    found = [y, *slopes, *outer.gradient(total, leaves, unconnected_gradients="zero")]
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, scale, offset)][:used]
    rest = [torch.tensor(a) for a in (*[scale, offset][used - 1 :], mean, variance)]
    y = theirs(name, *leaves, *rest)
    slopes = torch.autograd.grad(y, leaves, torch.tensor(dy), create_graph=True)
    total = (slopes[0] * torch.tensor(dx2)).sum()
    second = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    for i, (got, want) in enumerate(zip(found, [y, *slopes, *second], strict=True)):
        want = want.detach().numpy()
        assert np.shape(got) == want.shape, (point, i)
        if batch or i in (0, 1):  # PyTorch's derivatives by parameters are nan or 0 of empty batches
            np.testing.assert_allclose(np.asarray(got), want, rtol=1e-8, atol=1e-9, err_msg=f"{i} of {point}")


@pytest.mark.parametrize("name", NAMES)
def test_a_draw_of_the_grid(name):
    for point in random.Random(name).sample(list(grid(name)), 20):
        agree(point)

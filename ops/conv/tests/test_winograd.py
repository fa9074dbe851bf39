"""Winograd's kernels against sums over taps in float64: sizes, paddings, epilogues, workers, and where they are chosen.

The tolerances are README.md's: of the results' root mean square, for the errors' and for the largest error.
"""

import numpy as np
import opwright as ow
import pytest
from opwright import ops, runtime
from opwright.errors import LibraryError
from opwright.plan import flags
from opwright.plan.spec import Spec
from opwright.plan.step import Step

OPS = ("conv", "conv_backprop_input", "conv_backprop_filter")
TYPICAL, LARGEST = {3: 1.5e-6, 5: 6e-6}, {3: 1.5e-5, 5: 6e-5}


@pytest.fixture
def forced(force_kernels):
    """Call it with a variant's name: from then on that kernel serves the three ops, whatever the others score."""
    return lambda variant: force_kernels(variant, *OPS)


@pytest.fixture
def workers():
    before = runtime.workers()
    yield runtime.set_workers
    runtime.set_workers(before)


def attributes(padding="SAME", strides=(1, 1), dilations=(1, 1)):
    explicit = () if isinstance(padding, str) else tuple(np.ravel(padding))
    name = padding if isinstance(padding, str) else "EXPLICIT"
    return {"strides": strides, "padding": name, "explicit_paddings": explicit, "dilations": dilations}


def pads(padding, r):
    if padding == "SAME":
        return [(r // 2, r // 2)] * 2
    return [(0, 0)] * 2 if padding == "VALID" else list(padding)


def windows(x, r, padding):
    """What each tap sees, in float64: [n, h, w, c] views of the padded images."""
    x = np.pad(x.astype(float), [(0, 0), *pads(padding, r), (0, 0)])
    h, w = (n - r + 1 for n in x.shape[1:3])
    return [((i, j), x[:, i : i + h, j : j + w]) for i in range(r) for j in range(r)]


def conv(x, w, padding="SAME"):
    return sum(seen @ w[tap].astype(float) for tap, seen in windows(x, len(w), padding))


def backprop_input(shape, w, dy, padding="SAME"):
    r = len(w)
    (top, bottom), (left, right) = pads(padding, r)
    dx = np.zeros((shape[0], shape[1] + top + bottom, shape[2] + left + right, shape[3]))
    for i in range(r):
        for j in range(r):
            dx[:, i : i + dy.shape[1], j : j + dy.shape[2]] += dy.astype(float) @ w[i, j].T.astype(float)
    return dx[:, top : top + shape[1], left : left + shape[2]]


def backprop_filter(x, dy, r, padding="SAME"):
    dw = np.zeros((r, r, x.shape[-1], dy.shape[-1]))
    for tap, seen in windows(x, r, padding):
        dw[tap] = np.tensordot(seen, dy.astype(float), axes=[range(3)] * 2)
    return dw


def drawn(rng, images, size, r, channels, outputs):
    x = rng.normal(size=(images, *size, channels)).astype(np.float32)
    w = (rng.normal(size=(r, r, channels, outputs)) / np.sqrt(r * r * channels)).astype(np.float32)
    return x, w


def close(found, want, r):
    size, error = np.sqrt(np.mean(want**2)), np.asarray(found) - want
    assert np.abs(error).max() < LARGEST[r] * size
    assert np.sqrt(np.mean(error**2)) < TYPICAL[r] * size


def planned(build, *values):
    """The plan's nodes of a function of fed tensors, and its result."""
    with ow.Graph().as_default() as graph:
        fed, session = [ow.placeholder(v.dtype, v.shape) for v in values], ow.Session(graph=graph)
        step = Step(Spec([build(*fed)], fed, []), session, flags.parse(""))
        (result,) = step.run(list(values))
        lane = session.lanes.free[-1]
        (executable,) = lane.executables[step].values()
        return executable.program.nodes, result


def variant(build, *values):
    (kernel,) = {
        n.prepared.kernel.variant for n in planned(build, *values)[0] if n.definition and n.definition.name in OPS
    }
    return kernel


SIZES = [
    (2, (12, 12), 64, 64, "SAME"),
    (3, (13, 11), 16, 48, "VALID"),
    (2, (9, 17), 32, 16, ((2, 1), (0, 3))),
    (1, (3, 2), 16, 32, "SAME"),  # smaller than a tile
    (5, (2, 1), 16, 16, "SAME"),
    (1, (5, 50), 16, 16, ((6, 7), (9, 4))),  # pixels that see nothing but padding
    (1, (6, 9), 512, 136, "SAME"),  # filters that are spread in parts
    (7, (30, 4), 16, 16, "SAME"),  # blocks that end inside an image
]


@pytest.mark.parametrize("r", [3, 5])
@pytest.mark.parametrize(("images", "size", "channels", "outputs", "padding"), SIZES)
def test_sums_over_taps(images, size, channels, outputs, padding, r, forced, rng):
    x, w = drawn(rng, images, size, r, channels, outputs)
    want = conv(x, w, padding)
    dy = rng.normal(size=want.shape).astype(np.float32)
    forced("winograd")
    how = attributes(padding)
    fed = ow.function(lambda x, w: ops.conv(x, w, **how))(x, w)
    kept = planned(lambda x: ops.conv(x, w, **how), x)[1]  # filters that are constant are spread once
    close(fed, want, r)
    np.testing.assert_array_equal(np.asarray(fed), kept)
    dx = backprop_input(x.shape, w, dy, padding)
    close(ops.conv_backprop_input(x.shape, w, dy, **how), dx, r)
    dw = backprop_filter(x, dy, r, padding)
    close(ops.conv_backprop_filter(x, w.shape, dy, **how), dw, r)


@pytest.mark.parametrize("r", [3, 5])
def test_the_number_of_workers_changes_nothing(r, forced, workers, rng):
    x, w = drawn(rng, 3, (26, 22), r, 48, 80)
    forced("winograd")
    many, dy = (rng.normal(size=(10, 26, 22, n)).astype(np.float32) for n in (16, 272))  # several slices and ranges
    found = []
    for n in (1, 2, 5):
        workers(n)
        y = planned(lambda x, w: ops.conv(x, w, **attributes()), x, w)[1]
        nodes, constant = planned(lambda x: ops.conv(x, w, **attributes()), x[:1])
        np.testing.assert_array_equal(constant, y[:1])
        assert n == 1 or nodes[0].prepared.n_chunks > 1
        nodes, dw = planned(lambda x, dy: ops.conv_backprop_filter(x, (r, r, 16, 272), dy, **attributes()), many, dy)
        assert nodes[0].prepared.n_chunks == {1: 2, 2: 4, 5: 4}[n]
        found.append((y, dw))
    for y, dw in found[1:]:
        np.testing.assert_array_equal(y, found[0][0])
        np.testing.assert_array_equal(dw, found[0][1])
    close(found[0][1], backprop_filter(many, dy, r), r)


@pytest.mark.parametrize("count", [1, 4])
def test_epilogues(count, forced, workers, rng):
    """Also of a few outputs at a time, where there are few tiles for the workers."""
    workers(count)
    x, w = drawn(rng, 1, (7, 9), 3, 64, 96)
    bias, residual = rng.normal(size=96).astype(np.float32), rng.normal(size=(1, 7, 9, 96)).astype(np.float32)
    forced("winograd")

    def block(x, residual):
        return ow.nn.relu(ow.nn.bias_add(ow.nn.conv2d(x, w, 1, "SAME"), bias) + residual)

    (node,), y = planned(block, x, residual)
    assert len(node.post.members) == 3
    close(y, np.maximum(conv(x, w) + bias + residual, 0), 3)


def test_second_derivatives(forced, rng):
    """Of sums of squares, against the portable kernels."""
    x, w = drawn(rng, 2, (9, 7), 3, 16, 32)

    def second(x, w):
        with ow.GradientTape() as outer:
            outer.watch([x, w])
            with ow.GradientTape() as inner:
                inner.watch([x, w])
                loss = ow.reduce_sum(ow.square(ow.nn.conv2d(x, w, 1, "SAME"))) / 50
            dx, dw = inner.gradient(loss, [x, w])
            total = ow.reduce_sum(dx * dx) + ow.reduce_sum(dw * dw)
        return outer.gradient(total, [x, w])

    found = {}
    for name in ("winograd", "portable"):
        forced(name)
        found[name] = [np.asarray(d) for d in second(ow.constant(x), ow.constant(w))]
    for a, b in zip(found["winograd"], found["portable"], strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5 * np.abs(b).max())


def test_nan_and_infinity_stay_in_their_tiles(forced, rng):
    x, w = drawn(rng, 2, (12, 16), 3, 16, 16)
    x[0, 6, 9, 3], x[1, 0, 0, 0] = np.nan, np.inf
    forced("winograd")
    y = np.asarray(ops.conv(x, w, **attributes()))
    bad = ~np.isfinite(y).all(-1)
    want = np.zeros((2, 12, 16), bool)
    want[0, 4:8, 8:12] = want[1, :4, :4] = True  # 4 x 4 pixels
    np.testing.assert_array_equal(bad, want)
    assert np.isnan(y[0, 5:8, 8:11]).all()
    dw = np.asarray(ops.conv_backprop_filter(x, w.shape, np.ones_like(x), **attributes()))
    finite = np.isfinite(dw).all((0, 1, 3))
    assert not finite[[0, 3]].any()
    assert np.delete(finite, [0, 3]).all()


@pytest.mark.parametrize(
    ("x", "w", "how", "said"),
    [
        ((2, 9, 9, 16), (3, 3, 16, 16), {"strides": (2, 2)}, "strides and dilations must be 1"),
        ((2, 9, 9, 16), (3, 3, 16, 16), {"dilations": (1, 2)}, "strides and dilations must be 1"),
        ((2, 9, 9, 16), (3, 5, 16, 16), {}, "filters must be 3x3 or 5x5"),
        ((2, 9, 9, 16), (7, 7, 16, 16), {}, "filters must be 3x3 or 5x5"),
        ((2, 9, 9, 32), (3, 3, 16, 16), {}, "channels must be in one group"),
        ((2, 9, 9, 3), (3, 3, 3, 16), {}, "channels must be multiples of"),
        ((2, 9, 9, 16), (3, 3, 16, 17), {}, "channels must be multiples of"),
        ((0, 9, 9, 16), (3, 3, 16, 16), {}, "the convolution must not be empty"),
    ],
)
def test_what_it_declines(x, w, how, said, forced, rng):
    x, w = rng.normal(size=x).astype(np.float32), rng.normal(size=w).astype(np.float32)
    assert variant(lambda x, w: ops.conv(x, w, **attributes(**how)), x, w) != "winograd"
    forced("winograd")
    with pytest.raises(LibraryError, match=f"winograd: {said}"):
        ops.conv(x, w, **attributes(**how))


def test_where_it_is_chosen(rng):
    """By the sizes: many pixels and channels. Derivatives too; other dtypes never."""
    x, w = drawn(rng, 2, (14, 14), 3, 64, 64)
    assert variant(lambda x: ops.conv(x, w, **attributes()), x) == "winograd"
    assert variant(lambda dy: ops.conv_backprop_input(x.shape, w, dy, **attributes()), x) == "winograd"
    assert variant(lambda x, dy: ops.conv_backprop_filter(x, w.shape, dy, **attributes()), x, x) == "winograd"
    assert variant(lambda x: ops.conv(x, w[..., :16], **attributes()), x[:1, :2, :2]) != "winograd"
    assert variant(lambda x, w: ops.conv(x, w, **attributes()), x[:1, :3, :3], w) != "winograd"
    wide = x.astype(np.float64)
    assert variant(lambda x: ops.conv(x, w.astype(np.float64), **attributes()), wide) == "portable"

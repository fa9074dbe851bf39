"""Every op that runs on a GPU gives there what it gives on the CPU."""

import numpy as np
import opwright as ow
import pytest
from opwright import dtypes
from opwright.kernels import kernels
from opwright.registry import registry
from opwright.testing import TOLERANCE

ATTRIBUTES = {
    "lambd": 0.3,
    "low": -0.5,
    "high": 0.75,
    "threshold": 0.25,
    "value": -2.0,
    "slope": 1.5,
    "base": 0.5,
    "scale": 2.0,
}
# Functions that amplify the last digit of an intermediate value, or whose float versions are a few units off.
LOOSE = {"lgamma", "pow", "tan", "sinh", "cosh", "erfc", "ndtr", "exp", "exp2", "expm1", "xlogy", "logaddexp", "sinc"}


def values(rng, dtype, shape, second=False):
    """Elements of a dtype; of a second operand none are 0, where C leaves a quotient to the machine."""
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtypes.BY_NAME[dtype].is_integer:
        return rng.integers(1 if second or dtype == "uint8" else -6, 7, shape).astype(dtype)
    return rng.normal(size=shape) * 2


def elementwise(package):
    """(op, input dtypes, output dtype) for each kernel of a package with a scalar expression."""
    for op in registry.ops():
        if op.package != package:
            continue
        for kernel in kernels.candidates(op, "cpu"):
            ins, _, out = kernel.signature.partition("->")
            if kernel.scalar:
                yield op, ins.split(","), out


def node(op, tensors, out):
    attributes = {}
    for attribute in op.schema.attributes:
        if attribute.name in ATTRIBUTES:
            attributes[attribute.name] = ATTRIBUTES[attribute.name]
        elif op.name == "cast" and attribute.name != "truncate":
            attributes[attribute.name] = out
    return op(*tensors, **attributes)


@pytest.mark.parametrize("package", ["opwright_math", "opwright_nn", "opwright_softmax", "opwright_array"])
def test_elementwise_ops(graph, session, where, rng, package):
    device = where()
    here, there, labels, feeds = [], [], [], {}
    for op, ins, out in elementwise(package):
        shapes = [() if arg.dims == () else (5, 7) for arg in op.schema.tensors]
        fed = [ow.placeholder(dtype, shape) for dtype, shape in zip(ins, shapes, strict=True)]
        feeds.update({t: values(rng, d, s, i > 0) for i, (t, d, s) in enumerate(zip(fed, ins, shapes, strict=True))})
        if op.name == "ldexp":
            feeds[fed[1]] = feeds[fed[1]] % 5
        with graph.device(device):
            there.append(node(op, fed, out))
        here.append(node(op, fed, out))
        labels.append((op.name, out, max(ins, key=lambda d: TOLERANCE.get(d, 0))))
    wanted, found = session.run([here, there], feeds)
    wrong = [
        f"{label}: {np.asarray(got)[bad][:3]}, {np.asarray(want)[bad][:3]} expected"
        for label, want, got in zip(labels, wanted, found, strict=True)
        if (bad := ~close(label, want, got)).any()
    ]
    assert labels
    assert wrong == []


def close(label, want, got):
    op, out, widest = label
    want, got = np.asarray(want), np.asarray(got)
    if want.dtype.kind in "biu":
        return want == got
    limit = max(TOLERANCE[out], TOLERANCE.get(widest, 0)) * (20 if op in LOOSE else 2)
    return np.isclose(got.astype(float), want.astype(float), rtol=limit, atol=limit, equal_nan=True)


def both(graph, session, device, build, *arrays, rtol=2e-5, atol=1e-6):
    """Runs build(*tensors) on the CPU and on the device, fed and strided, and compares."""
    fed = [ow.placeholder(a.dtype, a.shape) for a in arrays]
    with graph.device(device):
        there = build(*fed)
    here = build(*fed)
    wanted, found = session.run([here, there], dict(zip(fed, arrays, strict=True)))
    for want, got in zip(*((w if isinstance(w, (list, tuple)) else [w]) for w in (wanted, found)), strict=True):
        assert np.shape(got) == np.shape(want)
        np.testing.assert_allclose(np.asarray(got, float), np.asarray(want, float), rtol=rtol, atol=atol)
    return found


SHAPES = [
    ((7,), None), ((1,), 0), ((33, 65), 0), ((33, 65), 1), ((4, 5, 6), (0, 2)), ((4, 5, 6), 1), ((300, 40), None),
    ((3, 5000), 1), ((5000, 3), 0), ((0, 4), 1), ((4, 0), 1), ((70001,), None),
]  # fmt: skip
REDUCTIONS = ["reduce_sum", "reduce_mean", "reduce_prod", "reduce_max", "reduce_min"]


@pytest.mark.parametrize("op", REDUCTIONS)
def test_reductions(graph, session, where, rng, op):
    device = where("math")
    for shape, axis in SHAPES:
        if op in ("reduce_max", "reduce_min") and 0 in shape:
            continue
        x = rng.normal(size=shape) * 0.1 + 1
        for dtype, tolerance in (("float32", 1e-4), ("float64", 1e-10)):
            both(graph, session, device, lambda t, axis=axis: getattr(ow, op)(t, axis), x.astype(dtype), rtol=tolerance)
        both(graph, session, device, lambda t, axis=axis: getattr(ow, op)(t, axis), (x * 5).astype(np.int32))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8", "int64", "uint8"])
def test_reductions_of_other_dtypes(graph, session, where, rng, dtype):
    device = where("math")
    x = ow.placeholder("float32", [9, 40])
    with graph.device(device):
        there = [getattr(ow, op)(ow.cast(x, dtype), 1) for op in REDUCTIONS]
    here = [getattr(ow, op)(ow.cast(x, dtype), 1) for op in REDUCTIONS]
    wanted, found = session.run([here, there], {x: rng.uniform(0.9, 4, (9, 40))})
    for want, got in zip(wanted, found, strict=True):
        limit = {"float16": 4e-3, "bfloat16": 3e-2}.get(dtype, 0)
        np.testing.assert_allclose(got.astype(float), want.astype(float), rtol=limit)


def test_reductions_of_bools_of_views_and_of_nan(graph, session, where, rng):
    device = where("math")
    mask = rng.integers(0, 2, (5, 40)).astype(bool)
    both(graph, session, device, lambda t: [ow.reduce_any(t, 1), ow.reduce_all(t, 0), ow.reduce_all(t)], mask)
    x = rng.normal(size=(6, 7, 8))
    both(graph, session, device, lambda t: ow.reduce_sum(ow.transpose(t, [2, 0, 1])[::-1, ::2], [0, 2]), x)
    x[3, 2, 1] = np.nan
    both(graph, session, device, lambda t: [ow.reduce_max(t, 0), ow.reduce_min(t), ow.reduce_sum(t)], x)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_argmax(graph, session, where, rng, dtype):
    device = where("math")
    for shape, axis in (((4, 9), 1), ((4, 9), 0), ((3, 700), -1), ((2, 3, 4), 1)):
        x = (rng.normal(size=shape) * 2).round().astype(dtype)
        both(graph, session, device, lambda t, axis=axis: [ow.argmax(t, axis), ow.argmin(t, axis, "int32")], x)
    odd = np.array([[1, np.nan, 3], [np.inf, 2, -np.inf]])
    both(graph, session, device, lambda t: [ow.argmax(t, 1), ow.argmin(t, 1)], odd)


@pytest.mark.parametrize(
    ("a", "b", "flags"),
    [
        ((3, 4), (4, 5), {}),
        ((65, 130), (130, 67), {}),
        ((17, 33), (17, 9), {"transpose_a": True}),
        ((17, 33), (9, 33), {"transpose_b": True}),
        ((33, 17), (9, 33), {"transpose_a": True, "transpose_b": True}),
        ((2, 3, 4, 5), (3, 5, 6), {}),
        ((1, 7), (7, 1), {}),
        ((4, 0), (0, 3), {}),
        ((0, 4), (4, 3), {}),
    ],
)
def test_matmul(graph, session, where, rng, a, b, flags):
    device = where("math")
    x, y = rng.normal(size=a), rng.normal(size=b)
    both(graph, session, device, lambda s, t: ow.matmul(s, t, **flags), x, y, rtol=1e-10)
    single = [x.astype(np.float32), y.astype(np.float32)]
    both(graph, session, device, lambda s, t: ow.matmul(s, t, **flags), *single, rtol=1e-4, atol=1e-4)
    whole = [(x * 3).astype(np.int32), (y * 3).astype(np.int32)]
    both(graph, session, device, lambda s, t: ow.matmul(s, t, **flags), *whole)


def test_matmul_of_16_bits(graph, session, where, rng):
    device = where("math")
    arrays = [rng.normal(size=(20, 30)), rng.normal(size=(30, 10))]
    for dtype, tolerance in (("float16", 4e-3), ("bfloat16", 3e-2)):
        both(
            graph, session, device,
            lambda s, t, dtype=dtype: ow.cast(ow.matmul(ow.cast(s, dtype), ow.cast(t, dtype)), "float32"),
            *arrays, rtol=tolerance, atol=tolerance,
        )  # fmt: skip


def test_add_n(graph, session, where, rng):
    device = where("math")
    arrays = [rng.normal(size=(3, 5)) for _ in range(20)]
    both(graph, session, device, lambda *ts: [ow.add_n(list(ts)), ow.add_n(list(ts[:2]))], *arrays)


@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
def test_softmax(graph, session, where, rng, op):
    device = where("softmax")

    def build(x, dy):
        return [getattr(ow.nn, op)(x, axis) for axis in (-1, 0)] + [
            getattr(ow, f"{op}_grad")(dy, getattr(ow.nn, op)(x, axis), axis) for axis in (-1, 0)
        ]

    for shape in ((4, 10), (3, 300), (1, 1)):
        for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
            arrays = [rng.normal(size=shape).astype(dtype) * 3, rng.normal(size=shape).astype(dtype)]
            both(graph, session, device, build, *arrays, rtol=tolerance, atol=tolerance)
    both(graph, session, device, lambda x: getattr(ow.nn, op)(x), np.float64([[-np.inf, 1, 2], [3, 4, 5]]))


def test_cross_entropies(graph, session, where, rng):
    device = where("softmax")
    for n in (10, 400):
        logits = rng.normal(size=(7, n)).astype(np.float32) * 3
        labels = rng.dirichlet(np.ones(n), 7).astype(np.float32)
        both(graph, session, device, lambda t, x: ow.softmax_cross_entropy_with_logits(t, x), labels, logits, atol=1e-5)
        both(
            graph, session, device,
            lambda t, x: ow.sparse_softmax_cross_entropy_with_logits(t, x),
            rng.integers(0, n, 7), logits, atol=1e-5,
        )  # fmt: skip


def test_a_label_that_is_no_class_gives_nan(graph, session, where):
    device = where("softmax")
    labels, logits = ow.placeholder("int64", [2]), ow.placeholder("float32", [2, 3])
    with graph.device(device):
        loss, _ = ow.sparse_softmax_cross_entropy_with_logits(labels, logits)
    found = session.run(loss, {labels: [1, 3], logits: np.zeros((2, 3))})
    np.testing.assert_allclose(found, [np.log(3), np.nan], rtol=1e-6)


def test_nn_kernels(graph, session, where, rng):
    device = where("nn")
    x = rng.normal(size=(50, 300))
    both(graph, session, device, lambda t: ow.nn.l2_loss(t), x, rtol=1e-10)
    both(graph, session, device, lambda t: ow.nn.l2_loss(t), x[:0])
    both(graph, session, device, lambda t, p: ow.nn.in_top_k(t, p, 20), rng.integers(-1, 301, 50), x.astype(np.float32))


def test_nan_and_infinities(graph, session, where):
    device = where()
    odd = np.float32([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 3e38, -3e38])
    both(
        graph, session, device,
        lambda x: [ow.maximum(x, 1.0), ow.minimum(x, x[::-1]), ow.sign(x), ow.nn.relu(x), ow.isnan(x), ow.isinf(x),
                   ow.isfinite(x), ow.floor(x), ow.abs(x), ow.cast(x, "int32"), ow.cast(x, "int64"), ow.cast(x, "uint8")],
        odd,
    )  # fmt: skip

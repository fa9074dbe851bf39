"""What is worked out once for nodes that are alike: shapes, kernels, what kernels prepare. And what tells nodes apart."""

import numpy as np
import opwright as ow
import pytest
from opwright.kernels import Kernel, kernels
from opwright.opdef import OpDef
from opwright.plan import select
from opwright.plan.ir import Program
from opwright.registry import registry


@pytest.fixture
def x():
    return np.arange(6, dtype=np.float32)


def ran(fetches, feeds):
    with ow.Session() as session:
        return session.run(fetches, feeds)


def test_shapes_that_follow_from_values_differ_with_these(x):
    with ow.Graph().as_default():
        t = ow.placeholder("float32", [6])
        sizes = ow.placeholder("int32", [2])
        wide, high = (ow.reshape(t, ow.constant(shape)) for shape in ([2, 3], [3, 2]))
        assert (wide.shape, high.shape) == ((2, 3), (3, 2))
        found = ran([wide, high, ow.reshape(t, sizes)], {t: x, sizes: [6, 1]})
    assert [f.shape for f in found] == [(2, 3), (3, 2), (6, 1)]


def test_what_becomes_known_of_a_shape_shows_in_what_is_built_after(x):
    with ow.Graph().as_default():
        t = ow.placeholder("float32", [None])
        before = ow.tanh(t)
        t.set_shape([6])
        assert before.shape.dims == (None,)
        assert ow.tanh(t).shape == (6,)


signed = OpDef("test_alike::signed(x: T, by: float) -> (y: T)", T=("float32",), gradient=None)
signed.shape(lambda c: c.shape("x"))


@signed.kernel("cpu")
def _signed(x, by):
    return np.copysign(x, np.float32(by))


def test_attributes_that_are_equal_but_not_the_same_are_told_apart(x):
    with ow.Graph().as_default():
        t = ow.placeholder("float32", [6])
        plus, minus = ran([signed(t, 0.0), signed(t, -0.0)], {t: x})
    np.testing.assert_array_equal(plus, x)
    np.testing.assert_array_equal(minus, -x)


def test_kernels_that_know_their_constants_are_not_shared_by_others():
    rng = np.random.RandomState(0)
    images, first, second = rng.randn(2, 16, 16, 32), rng.randn(3, 3, 32, 32), rng.randn(3, 3, 32, 32)
    with ow.Graph().as_default():
        t = ow.placeholder("float32", images.shape)
        one, other = (ow.nn.conv2d(t, ow.constant(f, "float32"), [1, 1, 1, 1], "SAME") for f in (first, second))
        found, twice = (
            ran([one, other], {t: images}),
            ran([one, ow.nn.conv2d(t, 2 * first, [1] * 4, "SAME")], {t: images}),
        )
    for y, filters in zip([*found, twice[1]], (first, second, 2 * first), strict=True):
        middle = np.einsum("bxyi,xyio->bo", images[:, 4:7, 4:7], filters)
        np.testing.assert_allclose(y[:, 5, 5], middle, rtol=1e-3, atol=1e-3)


def test_nodes_that_look_alike_are_prepared_once(monkeypatch):
    prepared = []
    prepare = select._prepare

    def counted(kernel, node, *rest):
        prepared.append(node.definition.name)
        return prepare(kernel, node, *rest)

    monkeypatch.setattr(select, "_prepare", counted)
    with ow.Graph().as_default():
        t = ow.placeholder("float32", [8, 8])
        y = t
        for _ in range(20):
            y = ow.matmul(y, t)
        ran(ow.matmul(y, t, transpose_b=True), {t: np.eye(8, dtype=np.float32)})
    assert prepared.count("matmul") == 2


def test_a_kernel_that_is_added_is_found_by_nodes_like_earlier_ones():
    key = registry.op("tanh"), "cpu", (ow.float32,), (ow.float32,)
    before = kernels.matching(*key)
    added = Kernel("tanh", "cpu", "float32->float32", "added", "", before[0].struct)
    try:
        kernels.add([added])
        assert added in kernels.matching(*key)
    finally:
        kernels._added.remove(added)
        kernels.add([])
    assert kernels.matching(*key) == before


def test_dependencies_are_worked_out_a_few_times_a_plan(monkeypatch):
    calls = []
    dependencies = Program.dependencies
    monkeypatch.setattr(Program, "dependencies", lambda self: calls.append(self) or dependencies(self))
    with ow.Graph().as_default():
        t = ow.placeholder("float32", [8, 8])
        ran(ow.gradients(ow.tanh(ow.matmul(t, ow.tanh(t))), [t]), {t: np.eye(8, dtype=np.float32)})
    assert 0 < len(calls) <= 4 * len(set(calls))


def test_the_same_program_builds_the_same_graph_each_time():
    def names():
        with ow.Graph().as_default() as graph:
            xs = [ow.Variable(np.ones(3, np.float32), name=f"x{i}") for i in range(20)]
            ow.gradients(ow.add_n([x * y for x in xs for y in xs]), xs)
            return [(op.name, [t.name for t in op.inputs]) for op in graph.get_operations()]

    assert names() == names()

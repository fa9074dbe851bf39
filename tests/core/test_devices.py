"""Devices: a toy one in host memory shows that nodes, variables and copies go where they should."""

from types import SimpleNamespace

import numpy as np
import opwright as ow
import pytest
from opwright import OpDef, hookimpl
from opwright._abi import ffi
from opwright.devices import devices
from opwright.errors import InvalidArgumentError
from opwright.plan.descriptors import DEVICES
from opwright.plan.select import Prepared
from opwright.plugins import manager
from opwright.pykernel import as_numpy
from opwright.runtime import NULL, address, aligned
from opwright.session import Session


class Block:
    def __init__(self, nbytes):
        self.bytes = aligned(max(nbytes, 64))
        self.address = address(self.bytes)


class ToyArena:
    def __init__(self):
        self.blocks = []

    def commit(self, nbytes):
        self.blocks.append(Block(nbytes))
        return self.blocks[-1].address


class Toy:
    """Runs elementwise clusters by evaluating their scalar expressions, and Python kernels for "toy"."""

    name = "toy:0"
    stream = NULL

    def __init__(self):
        self.copies = []
        self.ran = []
        self.keep = []

    def why_unavailable(self):
        return None

    def arena(self):
        return ToyArena()

    def allocate(self, nbytes):
        return Block(nbytes)

    def upload(self, array):
        self.copies.append("upload")
        block = Block(array.nbytes)
        block.bytes[: array.nbytes] = array.reshape(-1).view(np.uint8)
        return block

    def copy_kernel(self, node):
        def copy(call, first, last):
            self.copies.append(node.inputs[0].storage.device)
            as_numpy(call.out[0])[...] = as_numpy(getattr(call, "in")[0])
            return 0

        self.keep.append(ffi.callback("ow_run_fn", copy))
        return Prepared(None, None, self.keep[-1])

    def fuses(self, scalar):
        return True

    def compile(self, cluster, descriptors):
        def run(call, first, last):
            self.ran.append(len(cluster.members))
            values = {v: as_numpy(getattr(call, "in")[i]) for i, v in enumerate(cluster.inputs)}
            for member in cluster.members:
                names = {f"x{i}": values[v] for i, v in enumerate(member.inputs)} | {"exp": np.exp}
                values[member.outputs[0]] = eval(cluster.kernels[member].scalar, names)
            for i, v in enumerate(cluster.outputs):
                as_numpy(call.out[i])[...] = values[v]
            return 0

        self.keep.append(ffi.callback("ow_run_fn", run))
        return Prepared(None, None, self.keep[-1])


@hookimpl
def opwright_register_devices(register):
    register(Toy())


@pytest.fixture
def toy(monkeypatch):
    """The device, registered as a plugin does it."""
    plugin = SimpleNamespace(opwright_register_devices=opwright_register_devices)
    manager().register(plugin)
    devices.cache_clear()
    monkeypatch.setitem(DEVICES, "toy", 99)
    yield devices()["toy:0"]
    manager().unregister(plugin)
    devices.cache_clear()


def test_nodes_run_where_they_are_placed_and_values_follow(graph, session, toy):
    x = ow.placeholder("float32", [3])
    with graph.device("toy:0"):
        y = ow.exp(x * 2.0) + 1.0
    z = y * 10.0
    at = np.float32([0, 1, 2])
    found = session.run([y, z], {x: at})
    np.testing.assert_allclose(found[0], np.exp(at * 2) + 1, rtol=1e-6)
    np.testing.assert_allclose(found[1], 10 * (np.exp(at * 2) + 1), rtol=1e-6)
    assert toy.ran == [3]
    assert sorted(toy.copies) == ["cpu", "toy:0", "upload", "upload"]
    session.run([y, z], {x: at})
    assert toy.copies.count("upload") == 2  # constants stay there


def test_only_the_cpu_runs_row_by_row(graph, session, toy):
    x, c = ow.placeholder("float32", [4, 3]), ow.placeholder("float32", [4, 1])
    with graph.device("toy:0"):
        y = x * (ow.exp(c) * 2.0)
    at, column = np.ones((4, 3), np.float32), np.float32([[0], [1], [2], [3]])
    np.testing.assert_allclose(session.run(y, {x: at, c: column}), at * np.exp(column) * 2, rtol=1e-6)
    assert toy.ran == [2, 1]  # the column, then what it is spread over


def test_variables_live_on_their_device(graph, session, toy):
    accumulate = OpDef(
        "accumulate(ref: ref[T['*s']], value: T['*s']) -> (y: ref[T['*s']])", T=("float32",), gradient=None
    )

    @accumulate.kernel("toy")
    def _(ref, value):
        ref += value
        return ref

    with graph.device("toy:0"):
        v = ow.Variable(np.float32([1, 2]), name="v")
        step = accumulate(v, v * 2.0)
    v_op = v.op
    assign_on_toy(session, v)
    np.testing.assert_array_equal(session.run(step), [3, 6])
    np.testing.assert_array_equal(session.run([v, step]), [[3, 6], [9, 18]])
    assert session.variables(v_op, None)[0][0].device == "toy:0"
    np.testing.assert_array_equal(session.run(v + 0.5), [9.5, 18.5])


def assign_on_toy(session, variable):
    """The initial value, without an assign kernel for the toy device."""
    storage = session.variables(variable.op, None)[0][0]
    storage.memory.bytes[:8] = np.float32([1, 2]).view(np.uint8)
    storage.initialized[0] = True


def test_an_op_without_a_kernel_there_says_so_or_goes_to_the_cpu(graph, session, toy):
    x = ow.placeholder("float32", [3], name="x")
    with graph.device("toy:0"):
        y = ow.reduce_sum(ow.exp(x), name="total")
    with pytest.raises(
        InvalidArgumentError, match=r"there must be a kernel for toy:0, got none; place the node on /cpu:0"
    ):
        session.run(y, {x: [1, 2, 3]})

    class Config:
        allow_soft_placement = True

    soft = Session(graph=graph, config=Config())
    assert soft.run(y, {x: [0, 0, 0]}) == 3


def test_unknown_and_missing_devices_are_named(graph, session):
    with graph.device("/warp:3"):
        y = ow.exp(ow.placeholder("float32", [], name="x"))
    with pytest.raises(InvalidArgumentError, match=r"there is no device 'warp:3'; there are cpu:0"):
        session.run(y, {"x:0": 1})

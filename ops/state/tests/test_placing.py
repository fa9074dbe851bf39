"""device: blocks within blocks, and eagerly."""

import opwright as ow
import pytest
from opwright.errors import GraphError


def test_operations_take_the_innermost_device(graph):
    x = ow.placeholder("float32", [])
    with ow.device("/gpu:1"):
        a = ow.exp(x)
        with ow.device("/device:CPU:0"):
            b = ow.exp(x)
        with ow.device(None):
            c = ow.exp(x)
    assert [t.device for t in (a, b, c, ow.exp(x))] == ["cuda:1", "cpu:0", "", ""]


def test_eager_ops_run_on_the_cpu():
    with ow.device("/cpu:0"):
        assert ow.add(1.0, 2.0) == 3
    with pytest.raises(GraphError, match=r"\[device\] eager ops run on the CPU, got '/gpu:0'"):
        ow.device("/gpu:0")

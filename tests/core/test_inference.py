"""What is known before a step runs: static values, and what shape functions may ask for."""

import pkgutil

import numpy as np
import opwright as ow
import pytest
from opwright import OpDef, Shape
from opwright.registry import registry


@pytest.fixture(scope="module")
def known_size():
    """An op whose size is its second argument's value where that does not depend on what is fed."""
    op = OpDef("known_size(x: float32['n'], size: int32['']) -> (y: float32['m'])", gradient=None)

    @op.shape
    def _shape(c):
        size = c.known("size")
        return Shape([None if size is None else int(size)])

    @op.bound
    def _bound(c):
        return c.shape("x")

    @op.kernel("cpu")
    def _kernel(x, size):
        return x[: len(x)]

    registry.register(op)
    return op


def test_known_does_not_look_at_what_is_fed(known_size, graph, session):
    x, size = ow.placeholder("float32", [None]), ow.placeholder("int32", [])
    from_shape = known_size(x, ow.shape(x)[0])
    fed = known_size(x, size)
    for n in (2, 1, 0):
        assert session.run([from_shape, fed], {x: np.ones(2), size: n})[1].shape == (2,)
    (step,) = session._steps.values()
    assert not step.spec.value_feeds


def test_the_outputs_of_an_op_that_returns_a_list_are_no_variables(graph):
    parts = ow.split(ow.placeholder("float32", [4]), 2)
    assert [p.is_ref for p in parts] == [False, False]


def test_a_static_value_is_computed_where_the_op_knows_only_a_part(graph):
    x = ow.placeholder("float32", [None, 3])
    sizes = ow.cast(ow.shape(x), "float32")
    assert sizes.static_value() is None
    assert ow.cast(ow.constant([2, 3]), "float32").static_value().tolist() == [2, 3]


def test_no_module_of_the_core_hides_an_op():
    modules = {module.name for module in pkgutil.iter_modules(ow.__path__)}
    assert not modules & set(registry.all_names())


def test_an_op_that_does_nothing_does_nothing_eagerly():
    assert OpDef("idle() -> ()", role="nothing", gradient=None)() is None

"""TensorArray, eagerly and as what loops carry on."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, ShapeError


@pytest.fixture(params=[True, False], ids=["eager", "graph"])
def value_of(request):
    if request.param:
        yield lambda t: t.numpy()
    else:
        with ow.Graph().as_default(), ow.Session() as session:
            yield session.run


def test_write_and_read(value_of):
    array = ow.TensorArray("float32", size=4)
    array = array.write(1, [1.0, 2.0])
    array = array.write(3, ow.constant([3.0, 4.0]))
    assert value_of(array.stack()).tolist() == [[0, 0], [1, 2], [0, 0], [3, 4]]
    assert value_of(array.read(3)).tolist() == [3, 4]
    assert value_of(array.size()) == 4
    assert value_of(array.gather([3, 0])).tolist() == [[3, 4], [0, 0]]
    assert value_of(array.concat()).tolist() == [0, 0, 1, 2, 0, 0, 3, 4]


def test_unstack_scatter_split(value_of):
    array = ow.TensorArray("int32", size=3).unstack([[1, 2], [3, 4], [5, 6]])
    assert value_of(array.read(2)).tolist() == [5, 6]
    array = ow.TensorArray("int32", size=3).scatter([2, 0], [[1, 2], [3, 4]])
    assert value_of(array.stack()).tolist() == [[3, 4], [0, 0], [1, 2]]
    array = ow.TensorArray("int32", size=2).split([1, 2, 3, 4], [2, 2])
    assert value_of(array.read(1)).tolist() == [3, 4]


@pytest.mark.parametrize("shape", [None, [2]])
def test_in_a_loop(value_of, shape):
    array = ow.TensorArray("float32", size=5, element_shape=shape)
    x = ow.constant([1.0, 2.0])

    def body(i, x, array):
        return i + 1, x * 2.0, array.write(i, x)

    _, _, array = ow.while_loop(lambda i, *_: i < 5, body, (ow.constant(0), x, array))
    np.testing.assert_array_equal(value_of(array.stack()), np.outer(2.0 ** np.arange(5), [1, 2]))


def test_sizes_that_are_fed():
    with ow.Graph().as_default(), ow.Session() as session:
        n = ow.placeholder("int32", [])
        array = ow.TensorArray("int32", n)
        made = ow.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, i * i)), (0, array))[1].stack()
        for k in (3, 6):
            assert session.run(made, {n: k}).tolist() == [i * i for i in range(k)]


def test_the_gradient_of_what_a_loop_writes():
    with ow.Graph().as_default(), ow.Session() as session:
        x = ow.placeholder("float64", [])
        array = ow.TensorArray("float64", 4, element_shape=[])
        made = ow.while_loop(
            lambda i, y, a: i < 4, lambda i, y, a: (i + 1, y * x, a.write(i, y)), (0, x, array), maximum_iterations=4
        )[2]
        y = ow.reduce_sum(made.stack() * [1.0, 10.0, 100.0, 1000.0])
        dy = ow.gradients(y, [x])[0]
        value = 1.5
        expected = 1 + 20 * value + 300 * value**2 + 4000 * value**3
        np.testing.assert_allclose(session.run(dy, {x: value}), expected)


def test_long_arrays_are_written_in_place():
    with ow.Graph().as_default(), ow.Session() as session:
        n = 20_000
        array = ow.TensorArray("float32", n, element_shape=[64])
        row = ow.ones([64])
        made = ow.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, row)), (0, array))[1].stack()
        assert session.run(ow.reduce_sum(made)) == n * 64  # copied each time it would take minutes


def test_eager_arrays_grow():
    array = ow.TensorArray("float32", size=0, dynamic_size=True)
    for i in range(3):
        array.write(i, float(i))
    assert array.stack().numpy().tolist() == [0, 1, 2]


def test_errors():
    array = ow.TensorArray("float32", 2, element_shape=[2])
    with pytest.raises(ShapeError, match=r"elements must have shape \(2,\), got \(3,\)"):
        array.write(0, [1.0, 2.0, 3.0])
    with pytest.raises(ArgumentError, match="elements must be float32, got int32; cast it"):
        array.write(0, ow.constant([1, 2]))
    with pytest.raises(ArgumentError, match=r"index must lie in \[0, 2\), got 5"):
        array.write(5, [1.0, 2.0])
    with ow.Graph().as_default():
        with pytest.raises(ArgumentError, match="in a graph the size must be fixed, got dynamic_size=True"):
            ow.TensorArray("float32", 0, dynamic_size=True)
        with pytest.raises(ShapeError, match="the shape of the elements must be known"):
            ow.TensorArray("float32", 2).stack()

"""Variable: making, initialising, reading and writing, in graphs and eagerly."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import (
    ArgumentError,
    DTypeError,
    FailedPreconditionError,
    GraphError,
    OutOfRangeError,
    ShapeError,
)


def test_initial_values_of_every_kind(session):
    array = ow.Variable(np.arange(3.0))
    number = ow.Variable(3)
    tensor = ow.Variable(ow.zeros([2, 2]), name="w")
    made = ow.Variable(lambda: ow.ones([2]), dtype="float32")
    narrow = ow.Variable([1, 2], dtype="float16")
    empty = ow.Variable(np.zeros((0, 3), np.float32))
    session.run(ow.global_variables_initializer())
    assert [v.dtype.name for v in (array, number, tensor, made, narrow)] == [
        "float64",
        "int32",
        "float32",
        "float32",
        "float16",
    ]
    values = session.run([array, number, tensor, made, narrow, empty])
    assert [v.tolist() for v in values] == [[0, 1, 2], 3, [[0, 0], [0, 0]], [1, 1], [1, 2], []]
    assert (tensor.name, tensor.op.name, tensor.initializer.name) == ("w:0", "w", "w/Assign")
    assert array.name == "Variable:0"
    assert number.name == "Variable_1:0"


def test_what_cannot_be_a_variable(graph):
    with pytest.raises(ArgumentError, match="initial_value must be given, got None"):
        ow.Variable()
    with pytest.raises(ArgumentError, match="collections must be a list of names, got 'variables'"):
        ow.Variable(1.0, collections="variables")
    with pytest.raises(DTypeError, match=r"must be int32, got float32"):
        ow.Variable(ow.zeros([2]), dtype="int32")
    with pytest.raises(ArgumentError, match=r"must have a known shape, got \(\?,\) for 'v'; .* validate_shape=False"):
        ow.Variable(ow.placeholder("float32", [None]), name="v")
    v = ow.Variable([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"value must have the variable's shape \(2,\), got \(3,\)"):
        v.assign([1.0, 2.0, 3.0])
    with pytest.raises(GraphError, match="belongs to a graph; fetch it"):
        v.numpy()
    with pytest.raises(TypeError, match="must be a string or a real number, not 'Tensor'"):
        float(v)


def test_collections(graph):
    a = ow.Variable(1.0, name="a")
    b = ow.Variable(1.0, trainable=False, name="b")
    c = ow.Variable(1.0, trainable=False, collections=["local_variables"], name="scope/c")
    d = ow.Variable(1.0, collections=["mine", "model_variables"], name="scope/d")
    assert ow.global_variables() == [a, b]
    assert ow.trainable_variables() == [a, d]
    assert ow.trainable_variables("scope") == [d]
    assert ow.local_variables() == [c]
    assert ow.model_variables() == [d]
    assert ow.moving_average_variables() == []
    assert graph.get_collection("mine") == [d]


def test_initialisation(session):
    a, b = ow.Variable(1.0, name="a"), ow.Variable([2.0], name="b")
    c = ow.Variable(a.initialized_value() * 3.0, name="c", collections=["local_variables"], trainable=False)
    names, check = ow.report_uninitialized_variables(), ow.assert_variables_initialized()
    has = [ow.is_variable_initialized(v) for v in (a, b, c)]
    assert session.run(names).tolist() == [b"a", b"b", b"c"]
    assert names.eval().tolist() == [b"a", b"b", b"c"]
    for reading in (a, check, a.read_value(), ow.assign_add(a, 1.0)):
        with pytest.raises(FailedPreconditionError, match="variable 'a' must be initialised before it is read"):
            session.run(reading)
    assert session.run(ow.global_variables_initializer()) is None
    assert session.run(has) == [True, True, False]
    assert session.run(names).tolist() == [b"c"]
    with pytest.raises(FailedPreconditionError, match="variable 'c'"):
        session.run(check)
    ow.local_variables_initializer().run()
    session.run(check)
    assert session.run([c, b]) == [3.0, [2.0]]
    assert ow.variables_initializer([]).type == "no_op"


def test_random_initial_values_are_drawn_once(session):
    v = ow.Variable(ow.random_normal([3]))
    copy = ow.Variable(v.initialized_value())
    session.run(ow.global_variables_initializer())
    first = session.run([v, copy])
    np.testing.assert_array_equal(*first)
    np.testing.assert_array_equal(session.run(v), first[0])


def test_sessions_have_values_of_their_own(graph):
    v = ow.Variable(1.0)
    with ow.Session() as one, ow.Session() as two:
        one.run(v.initializer)
        one.run(v.assign(5.0))
        two.run(v.initializer)
        assert (one.run(v), two.run(v)) == (5.0, 1.0)


def test_load_eval_and_operators(session):
    v = ow.Variable([1.0, 2.0])
    v.load([3.0, 4.0])
    assert v.eval().tolist() == [3.0, 4.0]
    total = (v + 1.0) * v - v / 2.0
    assert total.eval().tolist() == [10.5, 18.0]
    assert ow.shape(v).eval().tolist() == [2]
    assert (2.0 - v).eval().tolist() == [-1.0, -2.0]
    assert bool(v)
    assert repr(v) == "<ow.Variable 'Variable:0' shape=(2,) dtype=float32>"


def test_load_needs_a_session(graph):
    with pytest.raises(FailedPreconditionError, match="load needs a session"):
        ow.Variable(1.0).load(2.0)


def test_assigning_returns_the_variable_or_the_operation(session):
    v = ow.Variable(2)
    session.run(v.initializer)
    assert session.run(v.assign(5)) == 5
    assert session.run(v.assign_add(3)) == 8
    assert session.run(v.assign_sub(7)) == 1
    operation = v.assign(9, read_value=False)
    assert isinstance(operation, ow.Operation)
    assert session.run(operation) is None
    assert session.run(v) == 9
    for _ in range(2):
        assert session.run(ow.assign_add(v, 1) * 2) in (20, 22)


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8"]
)
def test_accumulating_in_every_dtype(session, dtype):
    v = ow.Variable(ow.constant([1, 5, 7], dtype))
    session.run(v.initializer)
    assert session.run(v.assign_add(ow.constant([2, 3, 4], dtype))).tolist() == [3, 8, 11]
    assert session.run(v.assign_sub(ow.constant([1, 8, 10], dtype))).tolist() == [2, 0, 1]


def test_integers_wrap_around(session):
    v = ow.Variable(np.array([127, -128], np.int8))
    session.run(v.initializer)
    assert session.run(v.assign_add(np.array([1, -1], np.int8))).tolist() == [-128, 127]


def test_large_variables_are_written_in_chunks(session, rng):
    value = rng.normal(size=300_001)
    v = ow.Variable(np.zeros(300_001))
    session.run(v.initializer)
    np.testing.assert_array_equal(session.run(v.assign(value)), value)
    np.testing.assert_array_equal(session.run(v.assign_add(value)), value + value)


def test_count_up_to(session):
    v = ow.Variable(0)
    session.run(v.initializer)
    count = v.count_up_to(2)
    assert [session.run(count) for _ in range(2)] == [0, 1]
    with pytest.raises(OutOfRangeError, match=r"\[count_up_to\] ref must be below the limit of 2, got 2"):
        session.run(count)
    assert session.run(v) == 2


def test_an_open_shape_may_change(session):
    x = ow.placeholder("float32", [None])
    v = ow.Variable([1.0, 2.0], validate_shape=False, name="v")
    assert v.shape.rank is None
    double = v * 2.0
    put = ow.assign(v, x, validate_shape=False)
    grow = ow.assign(v, ow.concat([v, x], 0), validate_shape=False)
    with pytest.raises(FailedPreconditionError, match="'v' must be initialised"):
        session.run(double)
    session.run(v.initializer)
    assert session.run(double).tolist() == [2, 4]
    assert session.run(put, {x: [5.0, 6.0, 7.0]}).tolist() == [5, 6, 7]
    assert session.run(double).tolist() == [10, 12, 14]
    for n in range(3):
        old, new = session.run([double, grow], {x: np.ones(n)})
        np.testing.assert_array_equal(old / 2, new[: len(old)])
        assert len(new) == len(old) + n
    assert session.run(v).tolist() == [5, 6, 7, 1, 1, 1]
    assert session.run(put, {x: []}).tolist() == []
    assert session.run(v).tolist() == []


def test_a_closed_shape_may_not(session):
    x = ow.placeholder("float32", [None])
    v = ow.Variable([1.0, 2.0])
    session.run(v.initializer)
    put = ow.assign(v, x, validate_shape=False)
    assert session.run(put, {x: [3.0, 4.0]}).tolist() == [3, 4]
    with pytest.raises(ShapeError, match=r"value must have the shape \(2,\) that the variable was made with"):
        session.run(put, {x: [3.0, 4.0, 5.0]})
    assert session.run(v).tolist() == [3, 4]


def test_eager_variables():
    v = ow.Variable([1.0, 2.0], name="v")
    assert v.name == "v:0"
    before, snapshot = v.value(), v.read_value()
    assert v.assign_add([1.0, 1.0]) is v
    assert v.numpy().tolist() == [2.0, 3.0]
    assert before.numpy().tolist() == snapshot.numpy().tolist() == [1.0, 2.0]
    assert v.assign([5.0, 6.0]).assign_sub(1.0 * np.ones(2, np.float32)).numpy().tolist() == [4.0, 5.0]
    assert np.asarray(v * 2.0).tolist() == [8.0, 10.0]
    assert [float(x) for x in v] == [4.0, 5.0]
    assert len(v) == 2
    assert float(ow.Variable(2.5)) == 2.5
    assert int(ow.Variable(2)) == range(3)[ow.Variable(2)] == 2
    assert not ow.Variable(0.0)
    assert bool(v.is_initialized())
    assert ow.global_variables() == []
    assert ow.global_variables_initializer() is None
    assert repr(v) == "<ow.Variable 'v:0' shape=(2,) dtype=float32, numpy=array([4., 5.], dtype=float32)>"
    with pytest.raises(ShapeError, match="value must have the variable's shape"):
        v.assign([1.0])
    with pytest.raises(GraphError, match="is eager and has no op"):
        v.op  # noqa: B018
    assert v.numpy().tolist() == [4.0, 5.0]


def test_an_eager_variable_keeps_its_own_memory():
    source = np.zeros(3, np.float32)
    v, w = ow.Variable(source), ow.Variable([1.0])
    copy = ow.Variable(w)
    v.assign_add(np.ones(3, np.float32))
    w.assign([7.0])
    assert source.tolist() == [0, 0, 0]
    assert copy.numpy().tolist() == [1.0]


def test_an_eager_variable_of_open_shape():
    v = ow.Variable([1.0], shape=[None])
    assert v.assign([1.0, 2.0, 3.0]).numpy().tolist() == [1, 2, 3]
    assert (v * 2.0).numpy().tolist() == [2, 4, 6]


def test_a_tape_watches_trainable_variables():
    v = ow.Variable([1.0, 2.0])
    with ow.GradientTape() as tape:
        y = v.read_value() * v
    assert tape.gradient(y, v).numpy().tolist() == [2.0, 4.0]

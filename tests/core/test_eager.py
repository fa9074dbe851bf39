"""Eager tensors: values, operators, printing, memory shared with others; calls that have been made before."""

import copy
import pickle
import threading

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, DTypeError, ShapeError


def test_printing():
    assert repr(ow.constant(2.0)) == "<ow.Tensor: shape=(), dtype=float32, numpy=2.0>"
    assert str(ow.constant(2.0)) == "ow.Tensor(2.0, shape=(), dtype=float32)"
    assert str(ow.constant(1.2755646)) == "ow.Tensor(1.2755646, shape=(), dtype=float32)"
    assert repr(ow.constant([1, 2])) == "<ow.Tensor: shape=(2,), dtype=int32, numpy=array([1, 2], dtype=int32)>"
    assert str(ow.constant([1, 2])) == "ow.Tensor([1 2], shape=(2,), dtype=int32)"
    assert repr(ow.ones([1, 2])) == "<ow.Tensor: shape=(1, 2), dtype=float32, numpy=\narray([[1., 1.]], dtype=float32)>"
    assert f"{ow.constant(2.5):.2f}" == "2.50"


def test_operators_both_ways():
    x = ow.constant([1.0, 4.0])
    other = np.array([2.0, 3.0], np.float32)
    for mine, theirs in ((x + other, other + x), (x * 2, 2 * x), (x * 2.5, 2.5 * x)):
        assert isinstance(mine, ow.EagerTensor)
        assert isinstance(theirs, ow.EagerTensor)
        assert np.array_equal(mine, theirs)
    assert np.asarray(10 - x).tolist() == [9.0, 6.0]
    assert np.asarray(8 / x).tolist() == [8.0, 2.0]
    assert np.asarray(9 // x).tolist() == [9.0, 2.0]
    assert np.asarray(9 % x).tolist() == [0.0, 1.0]
    assert np.asarray(2**x).tolist() == [2.0, 16.0]
    assert np.asarray(+x).tolist() == [1.0, 4.0]
    assert np.asarray(np.float32(3) - x).tolist() == [2.0, -1.0]
    assert np.asarray(np.eye(2, dtype=np.float32) @ x[:, None]).tolist() == [[1.0], [4.0]]
    bits = ow.constant([6, 3])
    assert np.asarray(bits & 2).tolist() == [2, 2]
    assert np.asarray(1 | bits).tolist() == [7, 3]
    assert np.asarray(~bits).tolist() == [-7, -4]


def test_comparing():
    x = ow.constant([1.0, 2.0])
    assert np.asarray(x == [1.0, 3.0]).tolist() == [True, False]
    assert np.asarray(x != x + 1).tolist() == [True, True]
    assert np.asarray(3 > x).tolist() == [True, True]
    assert (x == None) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711
    assert (x == ow.constant([1.0, 2.0, 3.0])) is False
    assert {x: 1}[x] == 1
    assert {x.ref(): 1}[x.ref()] == 1
    v = ow.Variable([1.0, 5.0])
    assert np.asarray(v == x).tolist() == [True, False]
    assert np.asarray(v != x).tolist() == [False, True]


def test_truth_and_numbers():
    assert ow.constant(3.0)
    assert not ow.constant([0])
    with pytest.raises(ValueError, match=r"truth value of a tensor of shape \(2,\)"):
        bool(ow.constant([1, 2]))
    assert int(ow.constant(3.7)) == 3
    assert range(5)[ow.constant(2)] == 2
    assert ow.constant(2.5).item() == 2.5
    assert ow.constant([[1, 2]]).tolist() == [[1, 2]]
    with pytest.raises(TypeError, match="only an integer tensor"):
        range(5)[ow.constant(2.0)]
    with pytest.raises(TypeError, match=r"only a tensor of one element converts to float, got shape \(2,\)"):
        float(ow.ones([2]))
    with pytest.raises(TypeError, match="no length"):
        len(ow.constant(1.0))
    with pytest.raises(TypeError, match="cannot be iterated"):
        list(ow.constant(1.0))
    assert len(ow.ones([3, 2])) == 3
    assert [x.tolist() for x in ow.constant([[1], [2]])] == [[1], [2]]
    with pytest.raises(ArgumentError, match="a tensor cannot be written"):
        ow.ones([2])[0] = 1.0


def test_memory_is_shared_with_numpy():
    x = ow.constant(np.arange(6.0).reshape(2, 3)) + 0.0
    view = np.asarray(x)
    assert np.shares_memory(view, x.storage)
    assert not view.flags.writeable
    assert not np.shares_memory(np.array(x), x.storage)
    assert not np.shares_memory(x.numpy(), x.storage)
    assert np.asarray(x, np.float32).dtype == np.float32
    assert np.shares_memory(np.from_dlpack(x), x.storage)
    assert x.__dlpack_device__() == (1, 0)
    array = np.arange(3.0)
    shared = ow.from_dlpack(array)
    assert np.shares_memory(shared.storage, array)
    assert not np.shares_memory(ow.from_dlpack(array, copy=True).storage, array)
    with pytest.raises(BufferError, match="bfloat16"):
        ow.cast(x, "bfloat16").__dlpack__()
    assert np.asarray(ow.cast(x, "bfloat16")).dtype == np.float32
    assert np.sum(x) == 15.0
    assert np.maximum(x, 3.0)[0, 0] == 3.0
    v = ow.Variable([1.0, 2.0])
    kept = np.asarray(v)
    v.assign([5.0, 5.0])
    assert kept.tolist() == [1.0, 2.0]


def test_memory_is_shared_with_torch():
    torch = pytest.importorskip("torch")
    x = ow.ones([2, 2]) * 3.0
    theirs = torch.from_dlpack(x)
    assert theirs.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert ow.from_dlpack(theirs).storage.ctypes.data == theirs.data_ptr() == x.storage.ctypes.data


def test_copies_and_pickles():
    x = ow.constant([1.0, 2.0], "bfloat16")
    for made in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert made.dtype is x.dtype
        assert np.array_equal(made, x)


def test_numbers_take_the_dtype_of_tensors():
    for dtype in ("float16", "bfloat16", "float32", "float64", "int8", "int64"):
        x = ow.ones([2], dtype)
        for _ in range(2):
            for made in (x + 1, 1 + x, x * 1, 3 - x):
                assert made.dtype.name == dtype
        assert np.asarray(x * 2).tolist() == np.asarray(x + 1).tolist() == [2, 2]
    with pytest.raises(DTypeError, match=r"\[add\] y must be float32 like the other T, got float64; cast"):
        ow.ones([2]) + ow.ones([2], "float64")
    with pytest.raises(DTypeError, match="int32 cannot hold float64 values"):
        ow.constant([1]) + 1.5


def test_a_repeated_call_checks_its_numbers():
    x = ow.constant([1, 2], "int8")
    for _ in range(3):
        assert np.asarray(x + 100).tolist() == [101, 102]
    with pytest.raises(DTypeError, match="int8 cannot hold"):
        x + 300
    flag = ow.constant([True])
    for value in (True, False):
        assert np.asarray(flag & value).tolist() == [value]


def test_a_repeated_call_tells_attributes_and_shapes_apart():
    x = ow.constant([[1.0, 2.0], [3.0, 4.0]])
    for _ in range(2):
        assert np.asarray(ow.reduce_sum(x, 0)).tolist() == [4.0, 6.0]
        assert np.asarray(ow.reduce_sum(x, 1)).tolist() == [3.0, 7.0]
        assert float(ow.reduce_sum(x)) == 10.0
        assert ow.reshape(x, [4]).shape == (4,)
        assert ow.reshape(x, [4, 1]).shape == (4, 1)
        assert ow.reshape(x, [1, -1]).shape == (1, 4)
        assert np.asarray(x[0]).tolist() == [1.0, 2.0]
        assert np.asarray(x[1]).tolist() == [3.0, 4.0]
        assert ow.add(1, 2).dtype.name == "int32"
        assert ow.add(2**40, 1).dtype.name == "int64"
        assert ow.add(1.0, 2.0).dtype.name == "float32"
    with pytest.raises(ArgumentError, match="positional arguments"):
        ow.add(x, x, x)
    with pytest.raises(ShapeError):
        x + ow.ones([3])


def test_results_are_not_overwritten_by_the_next_call():
    x = ow.constant([1.0, 2.0])
    kept = [x + float(i) for i in range(5)]
    assert [np.asarray(k)[0] for k in kept] == [1.0, 2.0, 3.0, 4.0, 5.0]
    large = ow.zeros([300, 100]) + 0.0
    many = [large + float(i) for i in range(4)]
    assert [np.asarray(k)[7, 7] for k in many] == [0.0, 1.0, 2.0, 3.0]


def test_threads_run_at_the_same_time():
    found = {}

    def work(n):
        x = ow.constant(np.full(100, n, np.float32))
        for _ in range(300):
            x = x + 1.0
        found[n] = float(ow.reduce_sum(x)) == 100 * (n + 300)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == dict.fromkeys(range(8), True)


def test_a_seed_starts_repeated_random_calls_anew():
    runs = []
    for _ in range(2):
        ow.random.set_seed(7)
        runs.append([ow.random.normal([3]).tolist() for _ in range(3)])
    ow.random.set_seed(8)
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]
    assert ow.random.normal([3]).tolist() != runs[0][0]


def test_lists_that_hold_tensors_are_stacked():
    x, v = ow.constant(2.0), ow.Variable(3.0)
    with ow.GradientTape() as tape:
        tape.watch(x)
        y = ow.convert_to_tensor([[x, 1.0], [x * v, v]])
        z = ow.reduce_sum(y * [[1.0, 10.0], [100.0, 1000.0]] + [x])
    assert y.tolist() == [[2.0, 1.0], [6.0, 3.0]]
    assert [float(g) for g in tape.gradient(z, [x, v])] == [1 + 300 + 4, 200 + 1000]
    for _ in range(2):
        assert ow.add(ow.constant([1.0]), [x]).tolist() == [3.0]


def test_learnt_calls_do_not_pile_up(monkeypatch):
    monkeypatch.setattr("opwright.repeated.KEPT", 8)
    x = ow.ones([60])
    for n in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60) * 2:
        assert ow.reshape(x, [n, 60 // n]).shape == (n, 60 // n)
    assert all(len(lane.executables) <= 9 for lane in ow.eager.world.lanes.free)


def test_variables_as_arguments():
    v = ow.Variable([1.0, 2.0])
    x = ow.constant([10.0, 20.0])
    for i in range(3):
        v.assign_add([1.0, 1.0])
        assert np.asarray(x + v).tolist() == [12.0 + i, 23.0 + i]
        assert np.asarray(v * v).tolist() == [(2.0 + i) ** 2, (3.0 + i) ** 2]
    for _ in range(2):
        with pytest.raises(ArgumentError, match=r"\[assign_add\] ref must be a variable"):
            ow.assign_add(x, [1.0, 1.0])

"""Strings: what a tensor of them holds, what moves it, and what refuses it."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import opwright as ow
import pytest
from opwright.errors import DTypeError, OutOfRangeError
from opwright_strings import pool


def test_values_come_back_as_bytes():
    x = ow.constant(["a", b"zero\0", "Ünï"])
    assert x.dtype is ow.string
    assert x.dtype == "string"
    assert x.numpy().tolist() == [b"a", b"zero\0", "Ünï".encode()]
    assert ow.constant("word").numpy() == b"word"
    assert ow.constant(np.array([["a"], ["b"]])).shape == (2, 1)
    assert str(ow.constant("word")) == "ow.Tensor(b'word', shape=(), dtype=string)"
    assert ow.as_dtype(str) is ow.string
    assert ow.string.as_numpy_dtype is np.object_
    assert ow.zeros([2], "string").numpy().tolist() == [b"", b""]


def test_ops_that_move_elements_move_strings():
    x = ow.constant(["a", "b", "c"])
    assert ow.concat([x, ["d"]], 0).numpy().tolist() == [b"a", b"b", b"c", b"d"]
    assert ow.gather(x, [2, 0]).numpy().tolist() == [b"c", b"a"]
    assert x[::-2].numpy().tolist() == [b"c", b"a"]
    assert ow.where(x == "b", "!", x).numpy().tolist() == [b"a", b"!", b"c"]
    assert (x != ["a", "x", "c"]).numpy().tolist() == [False, True, False]
    assert ow.transpose(ow.stack([x, x])).numpy()[1].tolist() == [b"b", b"b"]
    assert ow.pad(x, [[1, 0]], constant_values="").numpy().tolist() == [b"", b"a", b"b", b"c"]


def test_graphs_and_functions_take_strings(graph):
    fed = ow.placeholder("string", [None])
    joined, first = ow.concat([fed, ["end"]], 0), fed[0]
    with ow.Session(graph=graph) as session:
        for value in (["u", "v"], np.array([b"u", b"v"]), np.array(["u", "v"], object)):
            found = session.run([joined, first, ow.size(fed)], {fed: value})
            assert found[0].tolist() == [b"u", b"v", b"end"]
            assert found[1:] == [b"u", 2]


def test_branches_and_loops_take_strings():
    @ow.function
    def turned(x, n):
        for _ in ow.range(n):
            x = ow.constant("b") if x == "a" else ow.constant("a")
        return x

    assert turned(ow.constant("a"), ow.constant(3)).numpy() == b"b"


def test_what_strings_are_not():
    with pytest.raises(DTypeError, match=r"\[add\] x must be float32.*got string"):
        ow.constant("a") + "b"
    with pytest.raises(DTypeError, match="string cannot hold int64 values, got 1"):
        ow.constant(1, "string")
    with pytest.raises(DTypeError, match="a string must be bytes or str, got 1"):
        ow.constant(["a", 1], "string")
    with pytest.raises(DTypeError, match="float32 cannot hold string values, got 'a'"):
        ow.constant("a", "float32")
    with pytest.raises(DTypeError, match=r"\[string\] has no limits"):
        ow.string.max  # noqa: B018
    with pytest.raises(BufferError, match="string tensors cannot be exported"):
        ow.constant("a").__dlpack__()


def test_long_strings_give_way_to_later_ones(monkeypatch):
    monkeypatch.setattr(pool, "BUDGET", pool._held[0] + 3 * pool.LONG)
    kept = [ow.constant(bytes([65 + i]) * pool.LONG) for i in range(3)]
    ow.constant(b"A" * pool.LONG)  # used again: the second is now the oldest
    ow.constant(b"Z" * pool.LONG)
    assert kept[0].numpy() == b"A" * pool.LONG
    with pytest.raises(OutOfRangeError, match=r"\[string\] long strings must fit in \d+ bytes; this one gave way"):
        kept[1].numpy()


def test_pickles_hold_the_strings():
    x = ow.constant(["a", "b\0"])
    code = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read()).numpy().tolist())"
    made = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(x), capture_output=True, check=True)
    assert made.stdout.decode().strip() == str([b"a", b"b\0"])
    assert copy.deepcopy(x).numpy().tolist() == [b"a", b"b\0"]

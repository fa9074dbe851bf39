"""The ops of strings, against Python's own methods and values that TensorFlow 2.21 gives."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, InvalidArgumentError, OutOfRangeError, ShapeError
from opwright_strings.farmhash import fingerprint64


def listed(x):
    return np.asarray(x).tolist()


def in_graph(function, *values):
    """The function's value where its arguments are fed."""
    with ow.Graph().as_default():
        fed = [ow.placeholder(ow.constant(v).dtype, [None] * np.ndim(v)) for v in values]
        with ow.Session() as session:
            return session.run(function(*fed), dict(zip(fed, values, strict=True)))


def test_case_and_white_space():
    x = ["AbC", "Ünï", " x\t"]
    assert listed(ow.strings.lower(x)) == [b"abc", "Ünï".encode(), b" x\t"]
    assert listed(ow.strings.lower(x, encoding="utf-8"))[1] == "ünï".encode()
    assert listed(ow.strings.upper(x, encoding="utf-8"))[1] == "ÜNÏ".encode()
    assert listed(ow.strings.strip(x))[2] == b"x"
    assert in_graph(ow.strings.upper, ["ab", "c"]).tolist() == [b"AB", b"C"]
    with pytest.raises(InvalidArgumentError, match="encoding must be '' or 'utf-8', got 'latin'"):
        ow.strings.lower(x, encoding="latin")


def test_lengths_and_parts():
    x = ["hello", "Ünï"]
    assert listed(ow.strings.length(x)) == [5, 5]
    assert listed(ow.strings.length(x, unit="UTF8_CHAR")) == [5, 3]
    assert listed(ow.strings.substr(x, 1, 3)) == [b"ell", b"\x9cn\xc3"]
    assert listed(ow.strings.substr(x, [1, -2], [9, 1], unit="UTF8_CHAR")) == [b"ello", b"n"]
    assert listed(ow.strings.substr(np.zeros((0, 2), object), 0, 1)) == []
    with pytest.raises(OutOfRangeError, match="pos 6 is out of range for a string of length 5"):
        ow.strings.substr("hello", 6, 1)
    with pytest.raises(InvalidArgumentError, match="unit must be BYTE or UTF8_CHAR, got 'WORD'"):
        ow.strings.length(x, unit="WORD")


def test_joining():
    assert listed(ow.strings.join([["a", "b"], "x", ["1", "2"]], "-")) == [b"a-x-1", b"b-x-2"]
    grid = [["a", "b"], ["c", "d"]]
    assert ow.strings.reduce_join(grid).numpy() == b"abcd"
    assert listed(ow.strings.reduce_join(grid, 0, separator=",")) == [b"a,c", b"b,d"]
    assert listed(ow.strings.reduce_join(grid, -1, keepdims=True)) == [[b"ab"], [b"cd"]]
    assert listed(ow.strings.reduce_join(grid, [1, 0])) == b"acbd"
    with pytest.raises(ShapeError, match="inputs must hold at least one tensor"):
        ow.strings.join([])


def test_numbers():
    assert listed(ow.strings.to_number(["1", "-2.5e1"])) == [1.0, -25.0]
    assert ow.strings.to_number("7", "int64").dtype is ow.int64
    assert listed(ow.strings.as_string([1, -2])) == [b"1", b"-2"]
    assert listed(ow.strings.as_string([1.5, 2.0])) == [b"1.500000", b"2.000000"]
    assert listed(ow.strings.as_string([1.5], precision=2)) == [b"1.50"]
    assert listed(ow.strings.as_string([1500.0], scientific=True, precision=1)) == [b"1.5e+03"]
    assert listed(ow.strings.as_string([True, False])) == [b"true", b"false"]
    assert listed(ow.strings.as_string([3], width=4, fill="0")) == [b"0003"]
    with pytest.raises(InvalidArgumentError, match="a string must hold a int32, got b'x'"):
        ow.strings.to_number("x", "int32")
    with pytest.raises(InvalidArgumentError, match="got b'300', which is out of range"):
        ow.strings.to_number("300", "uint8")


def test_patterns():
    assert listed(ow.strings.regex_replace(["aaXa", ""], "a+", r"<\0>")) == [b"<aa>X<a>", b""]
    assert listed(ow.strings.regex_replace(["aXa"], "(a)X", r"\1\1", replace_global=False)) == [b"aaa"]
    assert listed(ow.strings.regex_full_match(["ab", "abc"], "a.")) == [True, False]
    with pytest.raises(ArgumentError, match=r"\[regex_replace\] pattern must be a regular expression, got '\('"):
        ow.strings.regex_replace("a", "(", "")


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        (b"", 263),
        (b"a", 939),
        (b"hello", 296),
        (b"hello world", 11),
        (b"x" * 30, 509),
        (b"y" * 50, 699),
        (b"z" * 100, 73),
    ],
)
def test_buckets_are_those_of_tensorflow(text, bucket):
    assert fingerprint64(text) % 1000 == bucket
    assert listed(ow.strings.to_hash_bucket_fast([text], 1000)) == [bucket]


def test_pieces():
    assert listed(ow.strings.split(" a b  c ")) == [b"a", b"b", b"c"]
    assert listed(ow.strings.split("a,b,,c", sep=",", maxsplit=2)) == [b"a", b"b", b",c"]
    assert listed(ow.strings.bytes_split("abc")) == [b"a", b"b", b"c"]
    assert listed(ow.strings.unicode_split("Ün")) == ["Ü".encode(), b"n"]
    assert in_graph(ow.strings.split, "a b").tolist() == [b"a", b"b"]
    with pytest.raises(ShapeError, match="input must be one string, got shape"):
        ow.strings.split(["a b", "c"])

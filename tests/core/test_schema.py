"""The signature language: parsing, binding, and what is refused with which words."""

import numpy as np
import pytest
from opwright import dtypes
from opwright.errors import ArgumentError, SchemaError
from opwright.schema import parse

FLOATS = {"T": ("float32", "float64")}


def test_a_signature_reads_back_as_it_was_written():
    text = (
        "f(x: T['*b n'], ys: list[T], z: int32 | None = None, *, axis: int = -1, to: dtype = 'int32') -> (y: T['*b'])"
    )
    assert str(parse(text, FLOATS)) == text


def test_positional_and_keyword_arguments_find_their_places():
    schema = parse("f(x: T, axis: int, *, keep: bool = False) -> (y: T)", FLOATS)
    tensors, attributes = schema.bind(("tensor", 3), {"keep": True})
    assert tensors == {"x": "tensor"}
    assert attributes == {"axis": 3, "keep": True}


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("int", np.int64(3), 3),
        ("int", np.array(3), 3),
        ("float", 2, 2.0),
        ("bool", 1, True),
        ("str", b"SAME", "SAME"),
        ("dtype", np.float32, dtypes.float32),
        ("ints", 4, (4,)),
        ("ints", np.array([1, 2]), (1, 2)),
        ("floats", [1, 2.5], (1.0, 2.5)),
        ("strs", ["a", "b"], ("a", "b")),
    ],
)
def test_attributes_are_converted(kind, given, kept):
    schema = parse(f"f(*, a: {kind}) -> ()", {})
    _, attributes = schema.bind((), {"a": given})
    assert attributes["a"] == kept
    assert type(attributes["a"]) is type(kept)


@pytest.mark.parametrize(
    ("kind", "given"),
    [("int", 1.5), ("int", "1"), ("float", "1.0"), ("bool", 2), ("str", 3), ("dtype", "float33"), ("ints", [1.5])],
)
def test_attributes_of_the_wrong_kind_are_refused(kind, given):
    schema = parse(f"f(*, a: {kind}) -> ()", {})
    with pytest.raises(ArgumentError, match=r"^\[f\] a"):
        schema.bind((), {"a": given})


def test_calls_that_do_not_fit_are_refused():
    schema = parse("f(x: T, *, axis: int = 0) -> (y: T)", FLOATS)
    with pytest.raises(ArgumentError, match="'x' is required"):
        schema.bind((), {})
    with pytest.raises(ArgumentError, match="no argument 'axs'; did you mean 'axis'"):
        schema.bind((1,), {"axs": 2})
    with pytest.raises(ArgumentError, match="at most 1 positional"):
        schema.bind((1, 2), {})
    with pytest.raises(ArgumentError, match="'x' was given twice"):
        schema.bind((1,), {"x": 2})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("f(x) -> (y: T)", "'x' needs a type"),
        ("f(x: T) -> (y: U)", "output 'y' has the type 'U'"),
        ("f(x: float23) -> ()", "unknown type 'float23'"),
        ("f(x: T['*a *b']) -> ()", r"one \*name"),
        ("f(x: T['n+1']) -> ()", "a dimension must be"),
        ("f(x: T = None) -> ()", "may only have the default None"),
        ("1f(x: T) -> ()", "a signature must read|must be an identifier"),
        ("f(x: T", "a signature must read"),
    ],
)
def test_signatures_that_are_not_well_formed_are_refused(text, reason):
    with pytest.raises(SchemaError, match=reason):
        parse(text, FLOATS)

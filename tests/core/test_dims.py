"""Named dimensions: what matches, what is inferred, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opwright.dims import match, output_shape
from opwright.errors import ShapeError
from opwright.schema import parse
from opwright.shapes import Shape, broadcast

T = {"T": ("float32",)}


def infer(text, **shapes):
    schema = parse(text, T)
    listed = {
        k: [Shape(s) for s in v] if isinstance(v, list) and v and isinstance(v[0], (tuple, list)) else [Shape(v)]
        for k, v in shapes.items()
    }
    sizes = match(schema, listed, {})
    return output_shape(schema, schema.outputs[0], sizes)


def test_names_stand_for_one_size():
    assert infer("f(a: T['m k'], b: T['k n']) -> (c: T['m n'])", a=(2, 3), b=(3, 5)) == (2, 5)
    with pytest.raises(
        ShapeError, match=r"\[f\] b must have k = 3 where the signature says \[k n\], got shape \(4, 5\)"
    ):
        infer("f(a: T['m k'], b: T['k n']) -> (c: T['m n'])", a=(2, 3), b=(4, 5))


def test_unknown_dimensions_are_filled_in_from_others():
    assert infer("f(a: T['n'], b: T['n']) -> (c: T['n'])", a=(None,), b=(4,)) == (4,)
    assert infer("f(a: T['*b n'], b: T['*b n']) -> (c: T['*b n'])", a=(None, 3), b=(2, None)) == (2, 3)
    assert infer("f(a: T['*b n']) -> (c: T['*b'])", a=None).rank is None


def test_ranks_are_checked():
    with pytest.raises(ShapeError, match="a must have at least 1 dimension, got shape"):
        infer("f(a: T['*b n']) -> (c: T['*b'])", a=())
    with pytest.raises(ShapeError, match="a must have 2 dimensions, got shape"):
        infer("f(a: T['m n']) -> (c: T['m'])", a=(1, 2, 3))
    with pytest.raises(ShapeError, match="a must have 3"):
        infer("f(a: T['m 3']) -> (c: T['m'])", a=(1, 2))


dims = st.one_of(st.none(), st.integers(0, 3))


@given(st.lists(dims, max_size=4), st.lists(dims, max_size=4))
def test_ellipsis_broadcasts_as_shapes_do(a, b):
    try:
        want = broadcast(Shape(a), Shape(b))
    except ShapeError:
        with pytest.raises(ShapeError, match="must broadcast"):
            infer("f(a: T['...'], b: T['...']) -> (c: T['...'])", a=tuple(a), b=tuple(b))
    else:
        assert infer("f(a: T['...'], b: T['...']) -> (c: T['...'])", a=tuple(a), b=tuple(b)) == want


@given(st.lists(st.integers(0, 3), max_size=4), st.lists(st.integers(0, 3), max_size=4))
def test_broadcast_is_numpys(a, b):
    import numpy as np

    try:
        want = np.broadcast_shapes(tuple(a), tuple(b))
    except ValueError:
        with pytest.raises(ShapeError):
            broadcast(Shape(a), Shape(b))
    else:
        assert broadcast(Shape(a), Shape(b)) == want

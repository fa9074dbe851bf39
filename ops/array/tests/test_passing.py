"""identity and its like, placeholder_with_default."""

import numpy as np
import opwright as ow
import pytest


def test_identities(rng, session):
    value = rng.normal(size=3)
    x = ow.placeholder("float64", [3])
    a, b = ow.identity_n([x, 2 * x])
    kept = ow.guarantee_const(x)
    known = ow.ensure_shape(ow.placeholder_with_default(value, [None]), [3])
    assert known.shape == (3,)
    found = session.run([a, b, kept, known], {x: value})
    for got, want in zip(found, [value, 2 * value, value, value], strict=True):
        np.testing.assert_array_equal(got, want)
    y = ow.reduce_sum(x * ow.stop_gradient(x) + ow.ensure_shape(x, [None]) + ow.guarantee_const(x))
    np.testing.assert_array_equal(session.run(ow.gradients(y, x)[0], {x: value}), value + 2)
    with pytest.raises(ow.OpwrightError, match=r"\[prevent_gradient\] no gradient may pass here: not yet"):
        ow.gradients(ow.prevent_gradient(x, "not yet"), x)
    with pytest.raises(ow.OpwrightError, match=r"\[ensure_shape\] input must have shape \(4,\), got \(3,\)"):
        ow.ensure_shape(x, [4])
    unknown = ow.placeholder("float32", [None])
    with pytest.raises(ow.OpwrightError, match=r"input must have shape \(4,\), got \(2,\)"):
        session.run(ow.ensure_shape(unknown, [4]), {unknown: [1, 2]})


def test_a_placeholder_with_a_default(session):
    x = ow.placeholder_with_default([1.0, 2.0], [None])
    y = x * 2.0
    assert session.run(y).tolist() == [2, 4]
    assert session.run(y, {x: [5.0]}).tolist() == [10]
    assert x.static_value() is None
    with pytest.raises(ow.OpwrightError, match=r"input must fit shape \(3,\), got \(2,\)"):
        ow.placeholder_with_default([1.0, 2.0], [3])

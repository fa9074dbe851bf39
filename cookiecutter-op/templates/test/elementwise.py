"""{{ cookiecutter.name }} against NumPy: values and derivatives, in every way there is to run it."""

import numpy as np
import opwright as ow
import pytest
from opwright.testing import case, check_op

op = ow.{{ cookiecutter.namespace }}.{{ cookiecutter.name }}


def reference(x):
    return x * x * x


def test_values_and_gradients(rng):
    check_op(op, [case(rng.normal(size=shape)) for shape in [(17,), (2, 3, 5), ()]], reference)


def test_nothing_gives_nothing():
    assert op(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_integers_are_refused():
    with pytest.raises(TypeError, match="x must be float32"):
        op(np.arange(3))

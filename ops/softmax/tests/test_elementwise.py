"""Sigmoid and weighted cross-entropy, Poisson loss: TensorFlow's formulas, extreme logits, gradients."""

import numpy as np
import opwright as ow
import pytest
import scipy.special
from opwright.errors import ShapeError
from opwright.testing import case, check_op

DTYPES = ("float32", "float64", "float16", "bfloat16")


def _sigmoid_cross_entropy(labels, logits):
    return -labels * scipy.special.log_expit(logits) - (1 - labels) * scipy.special.log_expit(-logits)


def test_sigmoid_cross_entropy(rng):
    cases = [
        case(rng.uniform(size=(3, 7)), 3 * rng.normal(size=(3, 7))),
        case(rng.uniform(size=()), rng.normal(size=())),
        case(np.array([0.0, 1.0, 0.3]), np.zeros(3)),
    ]
    check_op(ow.nn.sigmoid_cross_entropy_with_logits, cases, _sigmoid_cross_entropy, dtypes=DTYPES)
    empty = [case(np.zeros((0, 2)), np.zeros((0, 2)))]
    check_op(ow.nn.sigmoid_cross_entropy_with_logits, empty, _sigmoid_cross_entropy, gradient=False)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_cross_entropy_of_extreme_logits(dtype):
    x = np.array([1000, -1000, 30, -30, 1000, -1000, np.inf, np.nan], dtype)
    z = np.array([1, 0, 1, 0, 0, 1, 0, 0], dtype)
    loss = np.asarray(ow.nn.sigmoid_cross_entropy_with_logits(labels=z, logits=x))
    tiny = np.log1p(np.exp(-30.0))
    # The tiny losses are exact to a few units in the last place: log1p keeps them.
    np.testing.assert_allclose(loss, [0, 0, tiny, tiny, 1000, 1000, np.nan, np.nan], rtol=1e-6)


def test_sigmoid_cross_entropy_wants_equal_shapes(graph):
    with pytest.raises(ShapeError, match=r"\[sigmoid_cross_entropy_with_logits\] logits's dimensions \*s must equal"):
        ow.nn.sigmoid_cross_entropy_with_logits(ow.placeholder("float32", [3]), ow.placeholder("float32", [3, 1]))


def test_weighted_cross_entropy(rng):
    def reference(labels, logits, pos_weight):
        return -labels * scipy.special.log_expit(logits) * pos_weight - (1 - labels) * scipy.special.log_expit(-logits)

    arrays = rng.uniform(size=(2, 3)), 3 * rng.normal(size=(2, 3))
    check_op(ow.nn.weighted_cross_entropy_with_logits, [case(*arrays, pos_weight=2.5)], reference)
    check_op(ow.nn.weighted_cross_entropy_with_logits, [case(*arrays, rng.uniform(size=3))], reference)


def test_log_poisson_loss(rng):
    def reference(targets, log_input, compute_full_loss=False):
        loss = np.exp(log_input) - targets * log_input
        z = np.where(targets > 1, targets, 2)
        stirling = z * np.log(z) - z + 0.5 * np.log(2 * np.pi * z)
        return loss + np.where(targets > 1, stirling, 0) if compute_full_loss else loss

    z, c = np.array([0.5, 1.5, 4.0, 0.25, 7.0]), rng.normal(size=5)
    check_op(ow.nn.log_poisson_loss, [case(z, c), case(z, c, compute_full_loss=True)], reference)
    full = ow.nn.log_poisson_loss(np.float32([0, 1]), np.float32([0, 0]), compute_full_loss=True)
    np.testing.assert_array_equal(np.asarray(full), [1, 1])  # log(0) is not taken

"""bincount, histogram_fixed_width, confusion_matrix: NumPy's values, values only known when a step runs, errors."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, InvalidArgumentError, OutOfRangeError
from opwright.testing import check_gradient


@pytest.mark.parametrize(("low", "high"), [(None, None), (9, None), (None, 4), (6, 6), (0, 3)])
def test_bincount(low, high, rng, graph, session):
    x = rng.integers(0, 8, (3, 5))
    weights = rng.normal(size=(3, 5))
    want, weighed = (np.bincount(x.ravel(), w, minlength=low or 0)[:high] for w in (None, weights.ravel()))
    fed, weight = ow.placeholder("int64", [None, None]), ow.placeholder("float64", [None, None])
    how = {"minlength": low, "maxlength": high}
    for arr, w in ((fed, weight), (ow.constant(x), ow.constant(weights))):
        found = session.run([ow.bincount(arr, **how), ow.bincount(arr, w, **how)], {fed: x, weight: weights})
        assert found[0].dtype == np.int32
        np.testing.assert_array_equal(found[0], want)
        np.testing.assert_allclose(found[1], weighed, rtol=1e-14)


def test_bincount_by_rows(rng, graph, session):
    x = rng.integers(0, 5, (4, 6)).astype(np.int32)
    fed = ow.placeholder("int32", [None, None])
    want = np.stack([np.bincount(row, minlength=6)[:6] for row in x])
    found = session.run(ow.bincount(fed, minlength=6, axis=-1), {fed: x})
    np.testing.assert_array_equal(found, want)
    binary = session.run(ow.bincount(fed, minlength=6, maxlength=3, axis=-1, binary_output=True), {fed: x})
    np.testing.assert_array_equal(binary, want[:, :3] > 0)


def test_bincount_of_nothing_and_gradient_of_weights(rng):
    assert np.asarray(ow.bincount(np.zeros(0, np.int32))).shape == (0,)
    np.testing.assert_array_equal(np.asarray(ow.bincount(np.zeros(0, np.int32), minlength=2)), [0, 0])
    x = rng.integers(0, 4, 6)
    check_gradient(lambda w: ow.bincount(x, w), [rng.normal(size=6)])


def test_negative_values(graph, session):
    with pytest.raises(InvalidArgumentError, match=r"\[bincount\] arr must not be negative, got -2"):
        ow.bincount([1, -2])
    fed = ow.placeholder("int32", [None])
    with pytest.raises(OutOfRangeError, match=r"segment_ids must be below num_segments = 4, got 4"):
        session.run(ow.bincount(fed), {fed: [3, -2]})


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_histogram(dtype, rng):
    x = (rng.normal(size=(7, 30)) * 5).astype(dtype)
    clipped = np.clip(x, -4, 6)
    want = np.histogram(clipped, 5, (-4, 6))[0]
    found = np.asarray(ow.histogram_fixed_width(x, [-4, 6] if dtype[0] == "i" else [-4.0, 6.0], nbins=5))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, want)
    bins = np.asarray(ow.histogram_fixed_width_bins(x, [-4, 6] if dtype[0] == "i" else [-4.0, 6.0], nbins=5))
    np.testing.assert_array_equal(np.bincount(bins.ravel(), minlength=5), want)


def test_confusion_matrix(rng, graph, session):
    labels, predictions, weights = rng.integers(0, 4, 50), rng.integers(0, 4, 50), rng.random(50)
    fed = [ow.placeholder("int64", [None]), ow.placeholder("int64", [None]), ow.placeholder("float32", [None])]
    feeds = dict(zip(fed, (labels, predictions, weights), strict=True))
    for n in (None, 5):
        size = n or 4
        want = np.histogram2d(labels, predictions, size, [[0, size], [0, size]])[0]
        np.testing.assert_array_equal(session.run(ow.confusion_matrix(fed[0], fed[1], n), feeds), want)
        np.testing.assert_array_equal(session.run(ow.confusion_matrix(labels, predictions, n)), want)
        weighed = np.histogram2d(labels, predictions, size, [[0, size], [0, size]], weights=weights)[0]
        found = session.run(ow.confusion_matrix(fed[0], fed[1], n, fed[2], "float32"), feeds)
        np.testing.assert_allclose(found, weighed, rtol=1e-5)


def test_errors():
    with pytest.raises(OutOfRangeError, match=r"segment_ids must be below"):
        ow.confusion_matrix([0, 1], [0, 2], num_classes=2)
    with pytest.raises(InvalidArgumentError, match=r"\[confusion_matrix\] predictions must not be negative, got -1"):
        ow.confusion_matrix([0, 1], [0, -1])
    with pytest.raises(ArgumentError, match=r"\[histogram_fixed_width\] nbins must be positive, got 0"):
        ow.histogram_fixed_width([1.0], [0.0, 1.0], 0)
    with pytest.raises(ArgumentError, match=r"\[histogram_fixed_width\] value_range must grow, got \[1.0, 1.0\]"):
        ow.histogram_fixed_width([1.0], [1.0, 1.0])

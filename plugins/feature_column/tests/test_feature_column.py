"""Columns of features, against arrays written down by hand."""

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError

fc = ow.feature_column
FEATURES = {
    "age": np.array([20.0, 40.0, 60.0], np.float32),
    "size": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32),
    "city": np.array(["a", "c", "zz"], object),
    "room": np.array([[0, 1], [2, -1], [1, 1]]),
}


def layer(*columns):
    return np.asarray(fc.input_layer(FEATURES, list(columns)))


def test_numbers():
    age = fc.numeric_column("age", normalizer_fn=lambda x: x / 10.0)
    np.testing.assert_array_equal(layer(fc.numeric_column("size", 2), age), [[2, 1, 2], [4, 3, 4], [6, 5, 6]])


def test_intervals():
    age = fc.bucketized_column(fc.numeric_column("age"), [40, 50])
    np.testing.assert_array_equal(layer(age), [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(layer(fc.indicator_column(age)), layer(age))


def test_categories():
    words = fc.categorical_column_with_vocabulary_list("city", ["a", "b", "c"])
    np.testing.assert_array_equal(layer(fc.indicator_column(words)), [[1, 0, 0], [0, 0, 1], [0, 0, 0]])
    more = fc.categorical_column_with_vocabulary_list("city", ["a", "c"], num_oov_buckets=1)
    np.testing.assert_array_equal(layer(fc.indicator_column(more)), [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    room = fc.indicator_column(fc.categorical_column_with_identity("room", 3))
    np.testing.assert_array_equal(layer(room), [[1, 1, 0], [0, 0, 1], [0, 2, 0]])
    other = fc.categorical_column_with_identity("room", 2, default_value=0)
    np.testing.assert_array_equal(layer(fc.indicator_column(other)), [[1, 1], [2, 0], [0, 2]])


def test_hashes_are_those_of_tensorflow():
    city = fc.indicator_column(fc.categorical_column_with_hash_bucket("city", 1000))
    assert np.asarray(city.dense({"city": ow.constant(["a", "hello", ""])}, None)).argmax(1)[:2].tolist() == [939, 296]
    assert np.asarray(city.dense({"city": ow.constant([""])}, None)).sum() == 0


def test_combinations():
    crossed = fc.indicator_column(fc.crossed_column(["city", fc.bucketized_column(fc.numeric_column("age"), [30])], 50))
    found = layer(crossed)
    assert found.sum(1).tolist() == [1, 1, 1]
    assert len(set(found.argmax(1))) == 3


@pytest.mark.parametrize(
    ("combiner", "divided"), [("sum", (1, 1, 1)), ("mean", (2, 1, 2)), ("sqrtn", (2**0.5, 1, 2**0.5))]
)
def test_embeddings(combiner, divided):
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    room = fc.categorical_column_with_identity("room", 3)
    features = fc.DenseFeatures([fc.embedding_column(room, 2, combiner, lambda shape: ow.constant(table))])
    want = np.array([table[0] + table[1], table[2], 2 * table[1]]) / np.array(divided)[:, None]
    np.testing.assert_allclose(features(FEATURES), want, rtol=1e-6)
    with ow.GradientTape() as tape:
        loss = ow.reduce_sum(features(FEATURES))
    (table_gradient,) = tape.gradient(loss, features.trainable_variables)
    counts = np.array([1 / divided[0], 1 / divided[0] + 2 / divided[2], 1 / divided[1]])
    np.testing.assert_allclose(ow.convert_to_tensor(table_gradient), np.repeat(counts[:, None], 2, 1), rtol=1e-6)
    assert len(features.variables) == 1


def test_what_records_are_parsed_with():
    spec = fc.make_parse_example_spec(
        [fc.numeric_column("size", 2), fc.indicator_column(fc.categorical_column_with_hash_bucket("city", 5))]
    )
    assert spec["size"].shape == (2,)
    assert spec["city"].dtype is ow.string


def test_what_is_refused():
    with pytest.raises(ArgumentError, match=r"\[input_layer\] columns must be dense.*indicator_column"):
        layer(fc.categorical_column_with_identity("room", 3))
    with pytest.raises(ArgumentError, match=r"\[feature_column\] features must have 'none', got \['age'"):
        layer(fc.numeric_column("none"))
    with pytest.raises(ArgumentError, match=r"\[bucketized_column\] boundaries must increase, got \[2, 1\]"):
        fc.bucketized_column(fc.numeric_column("age"), [2, 1])
    with pytest.raises(ArgumentError, match=r"\[embedding_column\] combiner must be mean, sum or sqrtn, got 'max'"):
        fc.embedding_column(fc.categorical_column_with_identity("room", 3), 2, "max")
    with pytest.raises(ow.OpwrightError, match="less"):
        layer(fc.indicator_column(fc.categorical_column_with_identity("room", 2)))

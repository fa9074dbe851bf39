"""Datasets against lists in Python."""

import threading

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, InvalidArgumentError, OutOfRangeError, ShapeError

Dataset = ow.data.Dataset


def values(dataset):
    return [element.tolist() for element in dataset]


def test_sources():
    x = np.arange(6.0).reshape(3, 2)
    whole = Dataset.from_tensor_slices({"x": x, "y": (np.array([1, 2, 3]),)})
    assert len(whole) == 3
    found = list(whole)
    assert found[1]["x"].tolist() == [2.0, 3.0]
    assert found[2]["y"][0].tolist() == 3
    assert found[0]["x"].dtype.name == "float64"
    assert values(Dataset.from_tensor_slices([1, 2])) == [1, 2]
    assert values(Dataset.from_tensors([1, 2])) == [[1, 2]]
    assert values(Dataset.range(5)) == [0, 1, 2, 3, 4]
    assert values(Dataset.range(2, 8, 3)) == [2, 5]
    assert next(iter(Dataset.range(1))).dtype.name == "int64"
    with pytest.raises(ShapeError, match=r"one number of rows, got \['2', '3'\]"):
        Dataset.from_tensor_slices((np.ones(2), np.ones(3)))
    with pytest.raises(ShapeError, match="one number of rows"):
        Dataset.from_tensor_slices(1.0)


def test_generators():
    def count(n):
        for i in range(int(n)):
            yield i, [i, i]

    dataset = Dataset.from_generator(count, ("int32", "float32"), args=(3,))
    for _ in range(2):
        found = list(dataset)
        assert [e[0].tolist() for e in found] == [0, 1, 2]
        assert found[1][1].dtype.name == "float32"
    with pytest.raises(TypeError, match="unknown size has no length"):
        len(dataset)


def test_map_and_filter():
    pairs = Dataset.zip((Dataset.range(5), Dataset.range(10, 15)))
    assert values(pairs.map(lambda a, b: a + b)) == [10, 12, 14, 16, 18]
    assert [[a.tolist(), b.tolist()] for a, b in pairs.map(lambda a, b: [b, a]).take(1)] == [[10, 0]]
    assert values(Dataset.range(6).filter(lambda n: n % 2 == 0)) == [0, 2, 4]
    assert values(Dataset.range(20).map(lambda n: n * n, num_parallel_calls=3)) == [n * n for n in range(20)]
    assert values(Dataset.range(3).map(lambda n: n + 1, ow.data.AUTOTUNE)) == [1, 2, 3]
    assert values(Dataset.range(3).flat_map(lambda n: Dataset.range(n))) == [0, 0, 1]
    found = values(Dataset.range(1, 4).interleave(lambda n: Dataset.from_tensors(n).repeat(3), 2, 2))
    assert found == [1, 1, 2, 2, 1, 2, 3, 3, 3]
    assert [(int(n), int(e)) for n, e in Dataset.range(7, 9).enumerate(1)] == [(1, 7), (2, 8)]
    assert int(Dataset.range(5).reduce(np.int64(0), lambda s, n: s + n)) == 10
    assert values(Dataset.range(4).scan(np.int64(0), lambda s, n: (s + n, s + n))) == [0, 1, 3, 6]
    assert values(Dataset.range(3).apply(lambda d: d.skip(1))) == [1, 2]


def test_order_and_number():
    d = Dataset.range(7)
    assert values(d.take(3)) == [0, 1, 2]
    assert values(d.skip(5)) == [5, 6]
    assert values(d.take(-1)) == list(range(7))
    assert values(d.shard(3, 1)) == [1, 4]
    assert values(d.take(2).repeat(3)) == [0, 1] * 3
    assert values(d.take(2).repeat().take(5)) == [0, 1, 0, 1, 0]
    assert values(d.take_while(lambda n: n < 2)) == [0, 1]
    assert values(d.take(1).concatenate(d.skip(6))) == [0, 6]
    assert values(d.take(0).repeat()) == []
    for dataset, n in (
        (d.shard(3, 1), 2),
        (d.batch(2), 4),
        (d.batch(2, drop_remainder=True), 3),
        (d.repeat(2).skip(3), 11),
        (d.concatenate(d), 14),
        (Dataset.zip((d, d.take(2))), 2),
        (Dataset.zip((d, d.repeat())), 7),
    ):
        assert len(dataset) == n == len(list(dataset)) == int(dataset.cardinality())
    assert int(d.repeat().cardinality()) == -1
    assert int(d.filter(lambda n: True).cardinality()) == -2
    with pytest.raises(TypeError, match="infinite size"):
        len(d.repeat())
    with pytest.raises(ArgumentError, match=r"index must lie in \[0, 2\), got 2"):
        d.shard(2, 2)


def test_shuffle():
    d = Dataset.range(20)
    shuffled = d.shuffle(20, seed=3)
    first, second = values(shuffled), values(shuffled)
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert first != list(range(20))
    assert values(d.shuffle(20, seed=3)) == first
    fixed = d.shuffle(20, seed=3, reshuffle_each_iteration=False)
    assert values(fixed) == values(fixed)
    near = values(d.shuffle(3, seed=1))
    assert sorted(near) == list(range(20))
    assert all(n <= place + 2 for place, n in enumerate(near))
    with pytest.raises(ArgumentError, match="buffer_size must be positive, got 0"):
        d.shuffle(0)
    ow.random.set_seed(5)
    a = values(d.shuffle(20))
    ow.random.set_seed(5)
    assert values(d.shuffle(20)) == a


def test_batches():
    d = Dataset.from_tensor_slices((np.arange(5), np.arange(10.0).reshape(5, 2)))
    found = [(a.tolist(), b.shape.as_list()) for a, b in d.batch(2)]
    assert found == [([0, 1], [2, 2]), ([2, 3], [2, 2]), ([4], [1, 2])]
    assert values(d.batch(2).unbatch().map(lambda a, b: a)) == [0, 1, 2, 3, 4]
    ragged = Dataset.range(1, 4).map(lambda n: ow.ones([int(n)], "int32"))
    assert values(ragged.padded_batch(3)) == [[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]
    assert values(ragged.padded_batch(2, padded_shapes=[4], padding_values=-1)) == [
        [[1, -1, -1, -1], [1, 1, -1, -1]],
        [[1, 1, 1, -1]],
    ]
    with pytest.raises(ShapeError, match=r"one shape, got \(1,\) and \(2,\); use padded_batch"):
        list(ragged.batch(2))
    with pytest.raises(ShapeError, match=r"must fit in the shape \(2,\), got \(3,\)"):
        list(ragged.padded_batch(3, padded_shapes=[2]))
    with pytest.raises(ArgumentError, match="batch_size must be positive, got 0"):
        d.batch(0)
    windows = Dataset.range(7).window(3, shift=2, stride=2)
    assert [values(w) for w in windows] == [[0, 2, 4], [2, 4, 6], [4, 6], [6]]
    assert [values(w) for w in Dataset.range(7).window(2, shift=3, drop_remainder=True)] == [[0, 1], [3, 4]]


def test_reading_ahead():
    read = []

    def source():
        for i in range(10):
            read.append(i)
            yield i

    made = iter(Dataset.from_generator(source, "int32").prefetch(3))
    assert int(next(made)) == 0
    del made
    assert len(read) <= 6
    assert values(Dataset.range(5).prefetch(2).prefetch(ow.data.AUTOTUNE)) == [0, 1, 2, 3, 4]
    before = threading.active_count()
    list(Dataset.range(5).prefetch(2))
    assert threading.active_count() == before

    def broken():
        yield 1
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        list(Dataset.from_generator(broken, "int32").prefetch(2))
    with pytest.raises(RuntimeError, match="the disk is gone"):
        list(Dataset.from_generator(broken, "int32").map(lambda n: n, num_parallel_calls=2))


def test_cache():
    calls = []

    def noted(n):
        calls.append(int(n))
        return n

    cached = Dataset.range(3).map(noted).cache()
    assert values(cached) == values(cached) == [0, 1, 2]
    assert calls == [0, 1, 2]
    with pytest.raises(ArgumentError, match="kept in memory"):
        Dataset.range(1).cache("file")


def test_iterators():
    made = iter(Dataset.range(1))
    assert int(made.get_next()) == 0
    with pytest.raises(OutOfRangeError, match="at its end"):
        made.get_next()
    assert made.get_next_as_optional() is None
    spec = Dataset.from_tensor_slices((np.ones((2, 3), np.float32), np.ones(2))).element_spec
    assert [(shape.as_list(), dtype.name) for shape, dtype in spec] == [([3], "float32"), ([], "float64")]
    assert [type(a) for a in Dataset.range(1).as_numpy_iterator()] == [np.int64]


def test_elements_have_values_while_a_graph_is_built():
    with ow.Graph().as_default():
        found = [float(x) for x in Dataset.from_tensor_slices([1.0, 2.0]).map(lambda x: x * 2.0)]
    assert found == [2.0, 4.0]


def test_csv(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("a,b,c\n1,2.5,x\n3,,y\n")
    dataset = ow.data.experimental.CsvDataset(str(file), ["int32", [7.0]], header=True, select_cols=[0, 1])
    assert [(a.tolist(), b.tolist()) for a, b in dataset] == [(1, 2.5), (3, 7.0)]
    with pytest.raises(InvalidArgumentError, match=r"rows.csv:2 must have 2 fields, got 3"):
        list(ow.data.experimental.CsvDataset([file], ["int32", "float32"], header=True))
    with pytest.raises(InvalidArgumentError, match="must hold a int32, got 'x'"):
        list(ow.data.experimental.CsvDataset([file], ["int32"], header=True, select_cols=[2]))
    with pytest.raises(InvalidArgumentError, match="a value in each column"):
        list(ow.data.experimental.CsvDataset([file], ["float32"], header=True, select_cols=[1]))

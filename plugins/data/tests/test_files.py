"""Datasets of the lines and records of files."""

import gzip

import numpy as np
import opwright as ow
import pytest
from opwright.errors import ArgumentError, DataLossError, NotFoundError


def values(dataset):
    return [element.numpy() for element in dataset]


def test_lines_of_files_in_order(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\n\nlast")
    with gzip.open(tmp_path / "b.gz", "wb") as file:
        file.write("käse\n".encode())
    paths = [str(tmp_path / "a.txt")]
    dataset = ow.data.TextLineDataset(paths)
    assert values(dataset) == values(dataset) == [b"one", b"two", b"", b"last"]
    assert values(ow.data.TextLineDataset(ow.constant(paths[0])).skip(1).take(1)) == [b"two"]
    assert values(ow.data.TextLineDataset(tmp_path / "b.gz", "GZIP")) == ["käse".encode()]
    assert values(ow.data.TextLineDataset([]).batch(2)) == []
    lengths = ow.data.TextLineDataset(paths).map(ow.strings.length).batch(4)
    np.testing.assert_array_equal(values(lengths)[0], [3, 3, 0, 4])
    missing = ow.data.TextLineDataset("nowhere.txt")
    with pytest.raises(NotFoundError, match=r"\[TextLineDataset\] filenames must be files, got 'nowhere.txt'"):
        values(missing)
    with pytest.raises(ArgumentError, match="compression_type must be '' or 'GZIP', got 'ZIP'"):
        ow.data.TextLineDataset(paths, "ZIP")


@pytest.mark.parametrize("compression", [None, "", "GZIP", "ZLIB"])
def test_records_of_files(tmp_path, compression):
    path = str(tmp_path / "a.tfrecord")
    with ow.io.TFRecordWriter(path, compression) as writer:
        for i in range(3):
            feature = ow.train.Feature(int64_list=ow.train.Int64List(value=[i, i * i]))
            example = ow.train.Example(features=ow.train.Features(feature={"x": feature}))
            writer.write(example.SerializeToString())
    parse = lambda record: ow.io.parse_single_example(record, {"x": ow.io.FixedLenFeature([2], ow.int64)})["x"]  # noqa: E731
    (found,) = values(ow.data.TFRecordDataset([path], compression).map(parse).batch(3))
    np.testing.assert_array_equal(found, [[0, 0], [1, 1], [2, 4]])


def test_a_damaged_record_is_told(tmp_path):
    path = tmp_path / "a.tfrecord"
    with ow.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"hello")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataLossError):
        values(ow.data.TFRecordDataset(str(path)))

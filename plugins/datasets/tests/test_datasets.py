"""Data sets: the shipped digits, IDX files, batches."""

import gzip
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest
from opwright_datasets import DataSet, cifar10, digits, mnist, one_hot, read_data_sets, read_idx


def test_the_digits_are_there():
    data = digits(one_hot=True)
    assert data.train.images.shape == (8000, 784)
    assert data.train.images.dtype == np.float32
    assert data.train.images.min() == 0
    assert data.train.images.max() == 1
    assert data.test.labels.shape == (2000, 10)
    assert (data.test.labels.sum(1) == 1).all()
    assert digits().train.labels[:3].dtype == np.int64
    assert digits(reshape=False).test.images.shape == (2000, 28, 28, 1)
    counts = np.bincount(np.concatenate([digits().train.labels, digits().test.labels]))
    assert counts.tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]


def test_batches_walk_through_every_example_once_an_epoch():
    data = DataSet(np.arange(10), np.arange(10) * 2, seed=3)
    seen = [data.next_batch(4) for _ in range(5)]
    assert sorted(np.concatenate([x for x, _ in seen])) == sorted(list(range(10)) * 2)
    assert all((2 * x == y).all() for x, y in seen)
    assert data.epochs_completed == 1
    again = DataSet(np.arange(10), np.arange(10) * 2, seed=3)
    np.testing.assert_array_equal(again.next_batch(4)[0], seen[0][0])
    np.testing.assert_array_equal(DataSet(np.arange(5), np.arange(5)).next_batch(3, shuffle=False)[0], [0, 1, 2])
    with pytest.raises(ValueError, match=r"batch_size must lie in \[1, 10\], got 11"):
        data.next_batch(11)


def test_one_hot():
    np.testing.assert_array_equal(one_hot(np.array([1, 0]), 3), [[0, 1, 0], [1, 0, 0]])
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 2\), got 0 to 2"):
        one_hot(np.array([0, 2]), 2)


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def test_idx_files(tmp_path, rng):
    array = rng.integers(0, 255, size=(3, 4, 2))
    (tmp_path / "plain").write_bytes(idx(array))
    (tmp_path / "packed.gz").write_bytes(gzip.compress(idx(array)))
    np.testing.assert_array_equal(read_idx(tmp_path / "plain"), array)
    np.testing.assert_array_equal(read_idx(tmp_path / "packed.gz"), array)
    (tmp_path / "short").write_bytes(idx(array)[:-1])
    with pytest.raises(ValueError, match="fetch it again"):
        read_idx(tmp_path / "short")
    (tmp_path / "other").write_bytes(b"text")
    with pytest.raises(ValueError, match="must be an IDX file"):
        read_idx(tmp_path / "other")


def test_mnist_is_read_from_a_folder(tmp_path, rng):
    for part, n in (("train", 20), ("t10k", 6)):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(idx(rng.integers(0, 255, size=(n, 28, 28))))
        )
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(n) % 10))
    data = mnist(tmp_path, validation_size=5, one_hot=True)
    assert [part.num_examples for part in data] == [15, 5, 6]
    np.testing.assert_array_equal(data.test.labels.argmax(1), np.arange(6))
    same = read_data_sets(str(tmp_path), validation_size=5)
    np.testing.assert_array_equal(same.train.images, data.train.images)


def test_without_the_files_or_a_network_the_digits_serve(tmp_path, monkeypatch):
    monkeypatch.setattr("opwright_datasets.loaders.fetch", lambda *_: (_ for _ in ()).throw(OSError("no network")))
    with pytest.warns(UserWarning, match="no network.*10,000 digits"):
        data = read_data_sets(str(tmp_path), one_hot=True)
    assert data.train.num_examples == 8000


def test_cifar_is_read_from_its_archive_and_nothing_else_is(tmp_path, rng):
    def archive(content):
        with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as tar:
            for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
                info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))

    images = rng.integers(0, 255, size=(4, 3, 32, 32)).astype(np.uint8)
    archive(pickle.dumps({b"data": images.reshape(4, -1), b"labels": [1, 2, 3, 4]}, protocol=2))
    data = cifar10(tmp_path, dtype="uint8", validation_size=2)
    np.testing.assert_array_equal(data.test.images, images.transpose(0, 2, 3, 1))
    assert data.train.num_examples == 18
    archive(pickle.dumps({b"data": pytest.raises}))
    with pytest.raises(pickle.UnpicklingError, match="must hold arrays, got"):
        cifar10(tmp_path)

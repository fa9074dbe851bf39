"""The loaders: each returns Datasets (train, validation, test)."""

from __future__ import annotations

import importlib.resources
import pickle
import tarfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from opwright_datasets.dataset import Datasets, split
from opwright_datasets.files import fetch, read_idx

_PARTS = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
# SHA-256 as published with the files' mirrors.
_MNIST_SHA256 = (
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
)
_FASHION_SHA256 = (
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
)
_MNIST_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_FASHION_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
_CIFAR_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


def digits(one_hot: bool = False, reshape: bool = True, dtype: str = "float32", seed: int | None = 0) -> Datasets:
    """10,000 real MNIST digits that come with the package: 8,000 to train, none to validate, 2,000 to test."""
    with importlib.resources.files("opwright_datasets").joinpath("data/mnist10k.npz").open("rb") as file:
        data = np.load(file)
        x, y = data["x"], data["y"].astype(np.int64)
    test = x[8000:], y[8000:]
    return split(x[:8000], y[:8000], test, 0, one_hot_labels=one_hot, reshape=reshape, dtype=dtype, seed=seed)


def mnist(folder: str | Path | None = None, **options: Any) -> Datasets:
    """MNIST (LeCun, Cortes, Burges): 60,000 and 10,000 digits, 28 x 28. Options as for read_data_sets."""
    return _from_idx(_MNIST_URL, _MNIST_SHA256, folder, **options)


def fashion_mnist(folder: str | Path | None = None, **options: Any) -> Datasets:
    """Fashion-MNIST (Zalando): 60,000 and 10,000 pieces of clothing, 28 x 28. Options as for read_data_sets."""
    return _from_idx(_FASHION_URL, _FASHION_SHA256, folder, **options)


def _from_idx(
    url: str,
    checksums: tuple[str, ...],
    folder: str | Path | None,
    *,
    one_hot: bool = False,
    dtype: str = "float32",
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
) -> Datasets:
    paths = [
        _local(folder, part) or fetch(url + part, sha, folder) for part, sha in zip(_PARTS, checksums, strict=True)
    ]
    train_x, train_y, test_x, test_y = (read_idx(path) for path in paths)
    labels = train_y.astype(np.int64), test_y.astype(np.int64)
    return split(
        train_x,
        labels[0],
        (test_x, labels[1]),
        validation_size,
        one_hot_labels=one_hot,
        reshape=reshape,
        dtype=dtype,
        seed=seed,
    )


def _local(folder: str | Path | None, part: str) -> Path | None:
    """The file if it lies in the folder already, gzipped or not."""
    if folder is None:
        return None
    candidates = (Path(folder) / part, Path(folder) / part.removesuffix(".gz"))
    return next((path for path in candidates if path.is_file()), None)


def cifar10(
    folder: str | Path | None = None,
    one_hot: bool = False,
    dtype: str = "float32",
    validation_size: int = 5000,
    seed: int | None = None,
) -> Datasets:
    """CIFAR-10 (Krizhevsky): 50,000 and 10,000 images [32, 32, 3] of ten classes, NHWC."""
    archive = _local(folder, _CIFAR_URL.rpartition("/")[2]) or fetch(_CIFAR_URL, _CIFAR_SHA256, folder)
    with tarfile.open(archive) as tar:
        batches = [_cifar_batch(tar, f"data_batch_{i}") for i in range(1, 6)]
        test = _cifar_batch(tar, "test_batch")
    x, y = (np.concatenate(part) for part in zip(*batches, strict=True))
    return split(x, y, test, validation_size, one_hot_labels=one_hot, reshape=False, dtype=dtype, seed=seed)


def _cifar_batch(tar: tarfile.TarFile, name: str) -> tuple[Any, Any]:
    file = tar.extractfile(f"cifar-10-batches-py/{name}")
    if file is None:
        raise ValueError(f"[cifar10] the archive must hold {name}; fetch it again")
    batch = _Arrays(file, encoding="bytes").load()
    images = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, np.asarray(batch[b"labels"], np.int64)


class _Arrays(pickle.Unpickler):
    """Unpickles arrays and plain values, and refuses everything else: the archive comes from outside."""

    ALLOWED = frozenset(
        {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"[cifar10] the archive must hold arrays, got {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_data_sets(
    train_dir: str,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = "float32",
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str | None = None,
) -> Datasets:
    """The function of TensorFlow 1's tutorials: MNIST from the files in `train_dir`, downloaded if they are missing.

    Where they cannot be had, the digits that come with the package serve, with a warning.
    """
    name = np.dtype(getattr(dtype, "as_numpy_dtype", dtype)).name
    options = {"one_hot": one_hot, "dtype": name, "reshape": reshape, "validation_size": validation_size, "seed": seed}
    try:
        return mnist(train_dir, **options)
    except (ImportError, OSError, ValueError) as e:
        warnings.warn(
            f"MNIST could not be had in full ({e}); going on with the 10,000 digits that come with the package",
            stacklevel=2,
        )
        return digits(one_hot=one_hot, reshape=reshape, dtype=name, seed=seed)

"""Data sets: real digits that come with the package, and loaders for MNIST, Fashion-MNIST and CIFAR-10."""

from opwright_datasets.dataset import DataSet, Datasets, one_hot
from opwright_datasets.files import cache_folder, fetch, read_idx
from opwright_datasets.loaders import cifar10, digits, fashion_mnist, mnist, read_data_sets

__all__ = [
    "DataSet",
    "Datasets",
    "cache_folder",
    "cifar10",
    "digits",
    "fashion_mnist",
    "fetch",
    "mnist",
    "one_hot",
    "read_data_sets",
    "read_idx",
]

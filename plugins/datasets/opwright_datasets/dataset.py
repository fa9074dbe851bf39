"""DataSet: images and labels, served in shuffled batches."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class DataSet:
    """Images [n, ...] and labels [n, ...] of one part of a data set.

    `next_batch` walks through them in an order shuffled anew for each epoch, by a generator seeded with `seed`.
    """

    def __init__(self, images: Array, labels: Array, seed: int | None = None) -> None:
        if len(images) != len(labels):
            raise ValueError(f"[DataSet] images and labels must be equally many, got {len(images)} and {len(labels)}")
        self.images = images
        self.labels = labels
        self.epochs_completed = 0
        self._rng = np.random.default_rng(seed)
        self._order = np.arange(len(images))
        self._next = len(images)  # the first batch starts an epoch
        self._started = False

    @property
    def num_examples(self) -> int:
        return len(self.images)

    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> tuple[Array, Array]:
        """The next `batch_size` images and labels; a batch may reach into the next epoch. Raises ValueError if it is
        larger than the set."""
        if not 0 < batch_size <= self.num_examples:
            raise ValueError(f"[next_batch] batch_size must lie in [1, {self.num_examples}], got {batch_size}")
        picked = self._order[self._next : self._next + batch_size]
        self._next += batch_size
        if len(picked) < batch_size:
            missing = batch_size - len(picked)
            self._start_epoch(shuffle)
            picked = np.concatenate([picked, self._order[:missing]])
            self._next = missing
        return self.images[picked], self.labels[picked]

    def _start_epoch(self, shuffle: bool) -> None:
        self.epochs_completed += self._started
        self._started = True
        self._order = self._rng.permutation(self.num_examples) if shuffle else np.arange(self.num_examples)


class Datasets(NamedTuple):
    """The parts of a data set."""

    train: DataSet
    validation: DataSet
    test: DataSet


def one_hot(labels: Array, num_classes: int) -> Array:
    """Rows with a 1 at the label: float64 [n, num_classes]. Raises ValueError for a label outside [0, num_classes)."""
    labels = np.asarray(labels)
    if labels.size and not (labels.min() >= 0 and labels.max() < num_classes):
        raise ValueError(f"[one_hot] labels must lie in [0, {num_classes}), got {labels.min()} to {labels.max()}")
    return np.eye(num_classes)[labels]


def split(
    images: Array,
    labels: Array,
    test: tuple[Array, Array],
    validation_size: int,
    *,
    one_hot_labels: bool,
    reshape: bool,
    dtype: str,
    num_classes: int = 10,
    seed: int | None = None,
) -> Datasets:
    """Training, validation and test sets; images as float32 in [0, 1] unless dtype is uint8, flat if `reshape`."""
    if not 0 <= validation_size <= len(images):
        raise ValueError(f"[split] validation_size must lie in [0, {len(images)}], got {validation_size}")
    parts = [
        (images[validation_size:], labels[validation_size:]),
        (images[:validation_size], labels[:validation_size]),
        test,
    ]
    made = []
    for x, y in parts:
        x = x.reshape(len(x), math.prod(x.shape[1:])) if reshape else x.reshape(*x.shape[:3], *(x.shape[3:] or (1,)))
        x = x if np.dtype(dtype) == np.uint8 else x.astype(np.float32) / 255
        made.append(DataSet(x, one_hot(y, num_classes) if one_hot_labels else y, seed))
    return Datasets(*made)

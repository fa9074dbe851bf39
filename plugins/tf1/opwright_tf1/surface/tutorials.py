"""tf.examples.tutorials: the data of the tutorials."""

from __future__ import annotations

from typing import Any

import opwright_datasets

API: dict[str, Any] = {
    "examples.tutorials.mnist.input_data.read_data_sets": opwright_datasets.read_data_sets,
    "contrib.learn.datasets.mnist.read_data_sets": opwright_datasets.read_data_sets,
}

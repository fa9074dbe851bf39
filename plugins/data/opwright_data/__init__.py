"""Datasets, pipelines of examples; and queues that threads fill, with readers, as TensorFlow 1 had them."""

from collections.abc import Callable

from opwright import hookimpl

from opwright_data import csv, dataset, files, producers, queues, readers, runners, steps


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(dataset, csv, files, steps)
    register(queues, runners, producers, readers)

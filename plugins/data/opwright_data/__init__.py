"""Datasets: pipelines that read, change, shuffle and batch examples."""

from collections.abc import Callable

from opwright import hookimpl

from opwright_data import csv, dataset


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(dataset, csv)

"""CsvDataset: rows of numbers from files of comma-separated values."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from opwright import DType, as_dtype, export, ops
from opwright.errors import DTypeError, InvalidArgumentError

from opwright_data.dataset import Dataset
from opwright_data.files import names_of


@export("data.experimental.CsvDataset")
class CsvDataset(Dataset):
    """Tuples of scalars, one for each row of the files. `record_defaults` holds for each column its dtype, or the value
    that an empty field stands for. Raises InvalidArgumentError where a row does not fit, with file and line."""

    def __init__(
        self,
        filenames: Any,
        record_defaults: Sequence[Any],
        compression_type: str | None = None,
        buffer_size: int | None = None,
        header: bool = False,
        field_delim: str = ",",
        use_quote_delim: bool = True,
        na_value: str = "",
        select_cols: Sequence[int] | None = None,
    ) -> None:
        names = names_of(filenames)
        columns = [_column(default) for default in record_defaults]
        quoting = csv.QUOTE_MINIMAL if use_quote_delim else csv.QUOTE_NONE

        def make() -> Iterator[Any]:
            for name in names:
                with open(name, newline="", encoding="utf-8") as file:
                    reader = csv.reader(file, delimiter=field_delim, quoting=quoting)
                    if header:
                        next(reader, None)
                    for row in reader:
                        chosen = row if select_cols is None else [row[i] for i in select_cols]
                        yield _parsed(chosen, columns, na_value, f"{name}:{reader.line_num}")

        super().__init__(make)


def _column(default: Any) -> tuple[DType, Any]:
    if isinstance(default, (DType, str, type)):
        return as_dtype(default), None
    value = ops.constant(default)
    if value.dtype.is_bool:
        raise DTypeError(f"[CsvDataset] a column holds numbers, got {default!r}")
    return value.dtype, value.numpy().reshape(-1)[0].item()


def _parsed(row: list[str], columns: list[tuple[DType, Any]], na_value: str, where: str) -> tuple[Any, ...]:
    if len(row) != len(columns):
        raise InvalidArgumentError(f"[CsvDataset] {where} must have {len(columns)} fields, got {len(row)}")
    made = []
    for text, (dtype, default) in zip(row, columns, strict=True):
        value = default if text == na_value else text
        if value is None:
            raise InvalidArgumentError(f"[CsvDataset] {where} must have a value in each column, got an empty one")
        try:
            made.append(ops.constant(float(value) if dtype.is_floating else int(value), dtype))
        except ValueError:
            raise InvalidArgumentError(f"[CsvDataset] {where} must hold a {dtype.name}, got {text!r}") from None
    return tuple(made)

"""decode_csv: rows of comma-separated values as one tensor for each column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

import numpy as np
from opwright import DType, OpDef, as_dtype, convert_to_tensor, export, ops
from opwright.errors import ArgumentError

csv_fields = OpDef(
    "csv_fields(records: string['*s'], columns: ints, count: int = 0, delimiter: str = ',', quotes: bool = True) ->"
    " (fields: list[string])",
    gradient=None,
)


@csv_fields.shape
def _fields_shape(c):
    c.require(len(c.attr.columns) > 0, "columns must not be empty", c.attr.columns)
    return [c.shape("records")] * len(c.attr.columns)


@csv_fields.kernel("cpu")
def _fields(records, columns, count, delimiter, quotes):
    """The fields of some columns; with `count`, rows must have so many."""
    quoting = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    made = np.empty((len(columns), records.size), object)
    for i, record in enumerate(records.flat):
        row = next(csv.reader([record.decode()], delimiter=delimiter, quoting=quoting), [""])
        if (count and len(row) != count) or len(row) <= max(columns):
            raise ValueError(f"record {i} must have {count or max(columns) + 1} fields, got {len(row)}: {record!r}")
        made[:, i] = [row[column].encode() for column in columns]
    return [column.reshape(records.shape) for column in made]


csv_fields.examples(lambda rng: [{"records": np.array(["1,a", '2,"b,c"']), "columns": (0, 1), "count": 2}])


@export("io.decode_csv", "decode_csv")
def decode_csv(
    records: Any,
    record_defaults: Sequence[Any],
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    select_cols: Sequence[int] | None = None,
    name: str | None = None,
) -> list[Any]:
    """A tensor of the records' shape for each column.

    `record_defaults` holds for each column its dtype, or the value that an empty field (or `na_value`) stands for; with
    select_cols, for those columns of the file. The step fails where a row does not fit.
    """
    records = convert_to_tensor(records, "string")
    columns = [_column(default) for default in record_defaults]
    if select_cols is not None and len(select_cols) != len(columns):
        raise ArgumentError(
            f"[decode_csv] record_defaults must have an item for each of {len(select_cols)} columns, got {len(columns)}"
        )
    chosen, count = (range(len(columns)), len(columns)) if select_cols is None else (select_cols, 0)
    fields = csv_fields(records, tuple(chosen), count, field_delim, use_quote_delim, name=name)
    return [_values(field, dtype, default, na_value) for field, (dtype, default) in zip(fields, columns, strict=True)]


def _column(default: Any) -> tuple[DType, Any]:
    """A column's dtype, and its default as the text that a field would hold."""
    if isinstance(default, (DType, type)):
        return as_dtype(default), None
    value = convert_to_tensor(default)
    if value.shape.num_elements() == 0:
        return value.dtype, None
    item = np.asarray(value.static_value() if value.dtype != "string" else default).reshape(-1)[0]
    return value.dtype, item if isinstance(item, (bytes, str)) else str(item)


def _values(field: Any, dtype: DType, default: Any, na_value: str) -> Any:
    if default is not None:
        field = ops.where(field == na_value, default, field)
    return field if dtype == "string" else ops.strings.to_number(field, dtype)

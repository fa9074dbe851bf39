"""parse_example: records of train.Example as tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from opwright import as_dtype, convert_to_tensor, export, ops
from opwright.errors import ArgumentError, ShapeError

from opwright_io.examples import Example


@export("io.FixedLenFeature", "FixedLenFeature")
class FixedLenFeature:
    """A feature of one shape: float32, int64 or string. Records without it take the default; without one they fail."""

    def __init__(self, shape: Any, dtype: Any, default_value: Any = None) -> None:
        self.shape = tuple(int(d) for d in ([shape] if isinstance(shape, int) else shape))
        self.dtype = as_dtype(dtype)
        if self.dtype.name not in ("float32", "int64", "string"):
            raise ArgumentError(f"[FixedLenFeature] dtype must be float32, int64 or string, got {self.dtype.name}")
        self.default_value = default_value


def _value(key: str, spec: FixedLenFeature, record: Example) -> Any:
    kind = {"float32": "float_list", "int64": "int64_list", "string": "bytes_list"}[spec.dtype.name]
    feature = record.features.feature.get(key)
    if feature is None or feature.WhichOneof("kind") is None:
        if spec.default_value is None:
            raise ValueError(f"a record must have the feature {key!r}, which has no default")
        filled = np.asarray(spec.default_value, spec.dtype.as_numpy_dtype)
        return np.broadcast_to(filled.reshape(spec.shape) if filled.size > 1 else filled.reshape(()), spec.shape)
    if feature.WhichOneof("kind") != kind:
        raise ValueError(f"feature {key!r} must be a {kind}, got a {feature.WhichOneof('kind')}")
    if len(feature.values) != int(np.prod(spec.shape)):
        raise ValueError(f"feature {key!r} must have shape {spec.shape}, got {len(feature.values)} values")
    made = np.empty(len(feature.values), spec.dtype.as_numpy_dtype)
    made[:] = feature.values
    return made.reshape(spec.shape)


def _parsed(op: str, serialized: Any, features: Mapping[str, Any], single: bool, name: str | None) -> dict[str, Any]:
    for key, spec in features.items():
        if not isinstance(spec, FixedLenFeature):
            raise ArgumentError(f"[{op}] feature {key!r} must be a FixedLenFeature, got {spec!r}: tensors are dense")
    text = convert_to_tensor(serialized, "string")
    if text.shape.rank not in (None, 0 if single else 1):
        wanted = "one string" if single else "a vector of strings"
        raise ShapeError(f"[{op}] serialized must be {wanted}, got shape {text.shape}")

    def parse(records: Any) -> list[Any]:
        found = [Example.FromString(record) for record in records.flat]
        rows = ([_value(key, spec, record) for record in found] for key, spec in features.items())
        return [
            np.array(row[0])
            if single
            else np.stack(row)
            if row
            else np.zeros((0, *spec.shape), spec.dtype.as_numpy_dtype)
            for row, spec in zip(rows, features.values(), strict=True)
        ]

    made = ops.py_func(parse, [text], [spec.dtype for spec in features.values()], name=name)
    lead = [] if single else [text.shape[0] if text.shape.rank else None]
    shaped = [ops.ensure_shape(t, [*lead, *s.shape]) for t, s in zip(made, features.values(), strict=True)]
    return dict(zip(features, shaped, strict=True))


@export("io.parse_single_example", "parse_single_example")
def parse_single_example(serialized: Any, features: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
    """The features of one record, by name, in the shapes of their FixedLenFeatures. Records that do not fit fail."""
    return _parsed("parse_single_example", serialized, features, True, name)


@export("io.parse_example", "parse_example")
def parse_example(serialized: Any, features: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
    """The features of a vector of records, stacked."""
    return _parsed("parse_example", serialized, features, False, name)

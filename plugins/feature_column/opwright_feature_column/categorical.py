"""Columns that are one of several categories; indicator_column and embedding_column make numbers of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from opwright import DType, as_dtype, export, ops
from opwright.errors import ArgumentError

from opwright_feature_column.dense import DenseColumn, NumericColumn, feature


class CategoricalColumn:
    """A column whose values are categories 0 to num_buckets - 1; -1: none, which counts nowhere."""

    name: str
    num_buckets: int

    def ids(self, features: Mapping[str, Any]) -> Any:
        """The categories of a batch: int64 [batch, values]."""
        raise NotImplementedError


def _rows(x: Any) -> Any:
    return ops.reshape(x, [-1, 1]) if x.shape.rank == 1 else x


@dataclass(frozen=True)
class _Keyed(CategoricalColumn):
    key: str
    dtype: DType

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.key

    def parsed(self) -> Any:
        """What io.parse_example is told of the feature."""
        return ops.io.FixedLenFeature([1], self.dtype, "" if self.dtype == "string" else -1)


@dataclass(frozen=True)
class _Identity(_Keyed):
    num_buckets: int
    default_value: int | None

    def ids(self, features: Mapping[str, Any]) -> Any:
        x = ops.cast(_rows(feature(features, self.key)), "int64")
        if self.default_value is None:
            ops.debugging.assert_non_negative(x + 1)
            ops.debugging.assert_less(x, np.int64(self.num_buckets))
            return x
        inside = ops.logical_and(x >= 0, x < self.num_buckets)
        return ops.where(inside, x, ops.constant(self.default_value, "int64"))


@export("feature_column.categorical_column_with_identity")
def categorical_column_with_identity(key: str, num_buckets: int, default_value: int | None = None) -> CategoricalColumn:
    """Integers that are categories already; others are `default_value`, or fail without one."""
    if num_buckets < 1:
        raise ArgumentError(f"[categorical_column_with_identity] num_buckets must be positive, got {num_buckets}")
    return _Identity(key, as_dtype("int64"), num_buckets, default_value)


@dataclass(frozen=True)
class _Hashed(_Keyed):
    num_buckets: int

    def ids(self, features: Mapping[str, Any]) -> Any:
        x = _rows(feature(features, self.key))
        text = x if x.dtype == "string" else ops.strings.as_string(x)
        found = ops.strings.to_hash_bucket_fast(text, self.num_buckets)
        missing = text == "" if x.dtype == "string" else x == -1
        return ops.where(missing, ops.constant(-1, "int64"), found)


@export("feature_column.categorical_column_with_hash_bucket")
def categorical_column_with_hash_bucket(key: str, hash_bucket_size: int, dtype: Any = "string") -> CategoricalColumn:
    """Strings or integers by their hash; "" and -1 are none."""
    if hash_bucket_size < 1:
        raise ArgumentError(
            f"[categorical_column_with_hash_bucket] hash_bucket_size must be positive, got {hash_bucket_size}"
        )
    return _Hashed(key, as_dtype(dtype), hash_bucket_size)


@dataclass(frozen=True)
class _Vocabulary(_Keyed):
    words: tuple[Any, ...]
    default_value: int
    num_oov_buckets: int

    @property
    def num_buckets(self) -> int:  # type: ignore[override]
        return len(self.words) + self.num_oov_buckets

    def ids(self, features: Mapping[str, Any]) -> Any:
        x = _rows(feature(features, self.key))
        hits = ops.equal(ops.expand_dims(x, -1), ops.constant(list(self.words), x.dtype))
        found = ops.argmax(ops.cast(hits, "int32"), -1)
        other = ops.constant(self.default_value, "int64")
        if self.num_oov_buckets:
            text = x if x.dtype == "string" else ops.strings.as_string(x)
            other = ops.strings.to_hash_bucket_fast(text, self.num_oov_buckets) + len(self.words)
            missing = x == ("" if x.dtype == "string" else -1)
            other = ops.where(missing, ops.constant(-1, "int64"), other)
        return ops.where(ops.reduce_any(hits, -1), found, other)


@export("feature_column.categorical_column_with_vocabulary_list")
def categorical_column_with_vocabulary_list(
    key: str, vocabulary_list: Sequence[Any], dtype: Any = None, default_value: int = -1, num_oov_buckets: int = 0
) -> CategoricalColumn:
    """Strings or integers by their place in a list; others are `default_value`, or hashed into num_oov_buckets more."""
    words = tuple(vocabulary_list)
    if not words or len(set(words)) < len(words):
        raise ArgumentError(
            f"[categorical_column_with_vocabulary_list] vocabulary_list must hold different words, got {list(words)}"
        )
    if num_oov_buckets and default_value != -1:
        raise ArgumentError(
            "[categorical_column_with_vocabulary_list] one of default_value and num_oov_buckets may be given, got both"
        )
    kind = (
        as_dtype(dtype) if dtype is not None else as_dtype("string" if isinstance(words[0], (str, bytes)) else "int64")
    )
    return _Vocabulary(key, kind, words, default_value, num_oov_buckets)


@dataclass(frozen=True)
class BucketizedColumn(DenseColumn, CategoricalColumn):
    """Numbers by the interval that they lie in; dense: one-hot."""

    source: NumericColumn
    boundaries: tuple[float, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.source.name}_bucketized"

    @property
    def num_buckets(self) -> int:  # type: ignore[override]
        return (len(self.boundaries) + 1) * math.prod(self.source.shape)

    def _intervals(self, features: Mapping[str, Any]) -> Any:
        x = ops.reshape(self.source.numbers(features), [-1, math.prod(self.source.shape)])
        beyond = ops.expand_dims(x, -1) >= ops.constant(self.boundaries, "float32")
        return ops.reduce_sum(ops.cast(beyond, "int64"), -1)

    def ids(self, features: Mapping[str, Any]) -> Any:
        width = math.prod(self.source.shape)
        return self._intervals(features) + (len(self.boundaries) + 1) * ops.range(width, dtype="int64")

    def dense(self, features: Mapping[str, Any], variables: Callable[..., Any]) -> Any:
        hot = ops.one_hot(self._intervals(features), len(self.boundaries) + 1)
        return ops.reshape(hot, [-1, self.num_buckets])

    def parse_spec(self) -> dict[str, Any]:
        """What io.parse_example is told of the feature."""
        return {self.source.key: self.source.parsed()}


@export("feature_column.bucketized_column")
def bucketized_column(source_column: NumericColumn, boundaries: Sequence[float]) -> BucketizedColumn:
    """Numbers by interval: below the first boundary, from each to the next, from the last on."""
    if not isinstance(source_column, NumericColumn):
        raise ArgumentError(f"[bucketized_column] source_column must be a numeric_column, got {source_column!r}")
    if not boundaries or any(a >= b for a, b in zip(boundaries, list(boundaries)[1:], strict=False)):
        raise ArgumentError(f"[bucketized_column] boundaries must increase, got {boundaries}")
    return BucketizedColumn(source_column, tuple(float(b) for b in boundaries))


@dataclass(frozen=True)
class _Crossed(CategoricalColumn):
    keys: tuple[Any, ...]
    num_buckets: int

    @property
    def name(self) -> str:  # type: ignore[override]
        return "_X_".join(sorted(k if isinstance(k, str) else k.name for k in self.keys))

    def ids(self, features: Mapping[str, Any]) -> Any:
        parts = []
        for key in self.keys:
            x = _rows(feature(features, key)) if isinstance(key, str) else key.ids(features)
            if x.shape[-1] != 1:
                raise ArgumentError(f"[crossed_column] features must have one value each, got shape {x.shape}")
            parts.append(x if x.dtype == "string" else ops.strings.as_string(x))
        return ops.strings.to_hash_bucket_fast(ops.strings.join(parts, "_X_"), self.num_buckets)


@export("feature_column.crossed_column")
def crossed_column(keys: Sequence[Any], hash_bucket_size: int) -> CategoricalColumn:
    """Combinations of categories, by the hash of their values joined: features' names, or categorical columns."""
    if len(keys) < 2 or hash_bucket_size < 1:
        raise ArgumentError(
            f"[crossed_column] two or more keys and a positive size are needed, got {keys} and {hash_bucket_size}"
        )
    return _Crossed(tuple(keys), hash_bucket_size)


@dataclass(frozen=True)
class _Indicator(DenseColumn):
    column: CategoricalColumn

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.column.name}_indicator"

    def dense(self, features: Mapping[str, Any], variables: Callable[..., Any]) -> Any:
        return ops.reduce_sum(ops.one_hot(self.column.ids(features), self.column.num_buckets), 1)

    def parse_spec(self) -> dict[str, Any]:
        """What io.parse_example is told of the features."""
        return ops.feature_column.make_parse_example_spec([self.column])  # type: ignore[no-any-return]


@export("feature_column.indicator_column")
def indicator_column(categorical_column: CategoricalColumn) -> DenseColumn:
    """How often each category occurs."""
    return _Indicator(_categorical("indicator_column", categorical_column))


def _categorical(op: str, column: Any) -> CategoricalColumn:
    if not isinstance(column, CategoricalColumn):
        raise ArgumentError(f"[{op}] categorical_column must be a categorical column, got {column!r}")
    return column


@dataclass(frozen=True)
class _Embedding(DenseColumn):
    column: CategoricalColumn
    dimension: int
    combiner: str
    initializer: Any = field(compare=False)

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.column.name}_embedding"

    def dense(self, features: Mapping[str, Any], variables: Callable[..., Any]) -> Any:
        table = variables(f"{self.name}_weights", [self.column.num_buckets, self.dimension], self.initializer)
        ids = self.column.ids(features)
        there = ops.cast(ops.expand_dims(ids >= 0, -1), "float32")
        total = ops.reduce_sum(ops.gather(table, ops.maximum(ids, ops.constant(0, "int64"))) * there, 1)
        count = ops.maximum(ops.reduce_sum(there, 1), 1.0)
        return total / {"sum": 1.0, "mean": count, "sqrtn": ops.sqrt(count)}[self.combiner]

    def parse_spec(self) -> dict[str, Any]:
        """What io.parse_example is told of the features."""
        return ops.feature_column.make_parse_example_spec([self.column])  # type: ignore[no-any-return]


@export("feature_column.embedding_column")
def embedding_column(
    categorical_column: CategoricalColumn, dimension: int, combiner: str = "mean", initializer: Any = None
) -> DenseColumn:
    """For each category a learnt vector; several are combined by "mean", "sum" or "sqrtn" (sum / √count)."""
    if dimension < 1:
        raise ArgumentError(f"[embedding_column] dimension must be positive, got {dimension}")
    if combiner not in ("mean", "sum", "sqrtn"):
        raise ArgumentError(f"[embedding_column] combiner must be mean, sum or sqrtn, got {combiner!r}")
    first = initializer or ops.truncated_normal_initializer(0.0, 1 / math.sqrt(dimension))
    return _Embedding(_categorical("embedding_column", categorical_column), dimension, combiner, first)

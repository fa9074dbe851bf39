"""Columns that are numbers, and input_layer, which puts columns side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from opwright import DType, as_dtype, convert_to_tensor, export, ops
from opwright.errors import ArgumentError


class DenseColumn:
    """A column that `input_layer` takes."""

    name: str

    def dense(self, features: Mapping[str, Any], variables: Callable[..., Any]) -> Any:
        """The column of a batch: float32 [batch, width]. `variables(name, shape, initializer)` makes what is learnt."""
        raise NotImplementedError


def feature(features: Mapping[str, Any], key: str) -> Any:
    """A feature as a tensor. Raises ArgumentError where it is missing."""
    if key not in features:
        raise ArgumentError(f"[feature_column] features must have {key!r}, got {sorted(features)}")
    return convert_to_tensor(features[key])


@dataclass(frozen=True)
class NumericColumn(DenseColumn):
    """Numbers as they are, or normalised."""

    key: str
    shape: tuple[int, ...]
    default_value: Any
    dtype: DType
    normalizer_fn: Callable[[Any], Any] | None

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.key

    def numbers(self, features: Mapping[str, Any]) -> Any:
        """The feature: float32 [batch, *shape]."""
        x = feature(features, self.key)
        if self.normalizer_fn is not None:
            x = self.normalizer_fn(x)
        return ops.cast(ops.reshape(x, [-1, *self.shape]), "float32")

    def dense(self, features: Mapping[str, Any], variables: Callable[..., Any]) -> Any:
        return ops.reshape(self.numbers(features), [-1, int(np.prod(self.shape))])

    def parsed(self) -> Any:
        """What io.parse_example is told of the feature."""
        return ops.io.FixedLenFeature(self.shape, self.dtype, self.default_value)


@export("feature_column.numeric_column")
def numeric_column(
    key: str, shape: Any = (1,), default_value: Any = None, dtype: Any = "float32", normalizer_fn: Any = None
) -> NumericColumn:
    """The numbers of feature `key`, of `shape` for each example."""
    sizes = (shape,) if isinstance(shape, int) else tuple(int(d) for d in shape)
    if not sizes or min(sizes) < 1:
        raise ArgumentError(f"[numeric_column] shape must hold positive sizes, got {shape}")
    kind = as_dtype(dtype)
    if not (kind.is_floating or kind.is_integer):
        raise ArgumentError(f"[numeric_column] dtype must be a number, got {kind.name}")
    if normalizer_fn is not None and not callable(normalizer_fn):
        raise ArgumentError(f"[numeric_column] normalizer_fn must be a function, got {normalizer_fn!r}")
    return NumericColumn(key, sizes, default_value, kind, normalizer_fn)


@export("feature_column.make_parse_example_spec")
def make_parse_example_spec(feature_columns: Sequence[Any]) -> dict[str, Any]:
    """What io.parse_example is told of the features that columns take."""
    made: dict[str, Any] = {}
    for column in feature_columns:
        made.update(column.parse_spec() if hasattr(column, "parse_spec") else {column.key: column.parsed()})
    return made


@export("feature_column.input_layer")
def input_layer(features: Mapping[str, Any], feature_columns: Any, trainable: bool = True) -> Any:
    """The columns of a batch side by side, in the order of their names: float32 [batch, width].

    Embeddings get variables of their own in each call: build it once, in a graph. DenseFeatures keeps them.
    """
    return DenseFeatures(feature_columns, trainable)(features)


@export("feature_column.DenseFeatures")
class DenseFeatures:
    """The columns of batches side by side, in the order of their names; called with features, keeps its variables."""

    def __init__(self, feature_columns: Any, trainable: bool = True) -> None:
        columns = [feature_columns] if isinstance(feature_columns, DenseColumn) else list(feature_columns)
        for column in columns:
            if not isinstance(column, DenseColumn):
                raise ArgumentError(
                    f"[input_layer] columns must be dense, got {column!r}; wrap it in indicator_column or "
                    "embedding_column"
                )
        self.columns = sorted(columns, key=lambda column: column.name)
        self.trainable = trainable
        self._made: dict[str, Any] = {}

    @property
    def variables(self) -> list[Any]:
        """What the columns learn."""
        return list(self._made.values())

    trainable_variables = variables

    def __call__(self, features: Mapping[str, Any]) -> Any:
        return ops.concat([column.dense(features, self._variable) for column in self.columns], 1)

    def _variable(self, name: str, shape: Any, initializer: Any) -> Any:
        if name not in self._made:
            self._made[name] = ops.Variable(initializer(shape), trainable=self.trainable, name=name.replace("/", "_"))
        return self._made[name]

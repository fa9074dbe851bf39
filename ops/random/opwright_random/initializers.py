"""Initializers: objects that make a variable's initial value when called with its shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import as_dtype, export, ops
from opwright.errors import ArgumentError, DTypeError


class Initializer:
    """Called with a shape, and perhaps a dtype, it returns a tensor of them.

    `partition_info` is of partitioned variables: its full_shape counts where a scale depends on the shape.
    """

    dtype: Any

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
        wanted = self.dtype if dtype is None else as_dtype(dtype)
        return self._made(shape, wanted, shape if partition_info is None else partition_info.full_shape)

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal initializer; dtypes by name."""
        return {name: getattr(value, "name", value) for name, value in vars(self).items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """The initializer that get_config described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


def floating(dtype: Any, who: str) -> Any:
    """The dtype; raises DTypeError unless it is floating."""
    wanted = as_dtype(dtype)
    if not wanted.is_floating:
        raise DTypeError(f"[{who}] dtype must be floating, got {wanted.name}")
    return wanted


@export("zeros_initializer", "initializers.zeros", "initializers.Zeros")
class Zeros(Initializer):
    """Zeros, of any dtype."""

    def __init__(self, dtype: Any = "float32") -> None:
        self.dtype = as_dtype(dtype)

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        return ops.zeros(shape, dtype)


@export("ones_initializer", "initializers.ones", "initializers.Ones")
class Ones(Initializer):
    """Ones, of any dtype."""

    def __init__(self, dtype: Any = "float32") -> None:
        self.dtype = as_dtype(dtype)

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        return ops.ones(shape, dtype)


@export("constant_initializer", "initializers.constant", "initializers.Constant")
class Constant(Initializer):
    """A number, or an array that fills the shape in row-major order; its last element fills what remains.

    Raises ArgumentError for a value that is neither, and with verify_shape for one of another shape.
    """

    def __init__(self, value: Any = 0, dtype: Any = None, verify_shape: bool = False) -> None:
        if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray))):
            raise ArgumentError(f"[constant_initializer] value must be a number, list or array, got {value!r}")
        self.value = value
        self.dtype = None if dtype is None else as_dtype(dtype)
        self.verify_shape = verify_shape

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        if self.verify_shape and np.shape(self.value) != tuple(shape):
            raise ArgumentError(
                f"[constant_initializer] value must have shape {tuple(shape)}, got shape {np.shape(self.value)}"
            )
        if np.ndim(self.value) == 0:
            return ops.fill(shape, ops.constant(self.value, dtype))
        return ops.constant(self.value, dtype, shape=shape)


@export("random_uniform_initializer", "initializers.random_uniform")
class RandomUniform(Initializer):
    """Numbers drawn evenly from [minval, maxval); of floats by default from [0, 1)."""

    def __init__(self, minval: Any = 0, maxval: Any = None, seed: int | None = None, dtype: Any = "float32") -> None:
        self.minval = minval
        self.maxval = maxval
        self.seed = seed
        self.dtype = as_dtype(dtype)

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        return ops.random_uniform(shape, self.minval, self.maxval, dtype, seed=self.seed)


@export("random_normal_initializer", "initializers.random_normal")
class RandomNormal(Initializer):
    """Numbers of a normal distribution."""

    def __init__(self, mean: Any = 0.0, stddev: Any = 1.0, seed: int | None = None, dtype: Any = "float32") -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed
        self.dtype = floating(dtype, "random_normal_initializer")

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        return ops.random_normal(shape, self.mean, self.stddev, dtype, seed=self.seed)


@export("truncated_normal_initializer", "initializers.truncated_normal")
class TruncatedNormal(Initializer):
    """Numbers of a normal distribution, none more than two deviations from the mean."""

    def __init__(self, mean: Any = 0.0, stddev: Any = 1.0, seed: int | None = None, dtype: Any = "float32") -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed
        self.dtype = floating(dtype, "truncated_normal_initializer")

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        return ops.truncated_normal(shape, self.mean, self.stddev, dtype, seed=self.seed)


# TensorFlow 2's classes: smaller defaults.


@export("initializers.RandomUniform")
class SmallRandomUniform(RandomUniform):
    """Numbers drawn evenly from [minval, maxval), by default from [-0.05, 0.05)."""

    def __init__(
        self, minval: Any = -0.05, maxval: Any = 0.05, seed: int | None = None, dtype: Any = "float32"
    ) -> None:
        super().__init__(minval, maxval, seed, dtype)


@export("initializers.RandomNormal")
class SmallRandomNormal(RandomNormal):
    """Numbers of a normal distribution, by default of deviation 0.05."""

    def __init__(self, mean: Any = 0.0, stddev: Any = 0.05, seed: int | None = None, dtype: Any = "float32") -> None:
        super().__init__(mean, stddev, seed, dtype)


@export("initializers.TruncatedNormal")
class SmallTruncatedNormal(TruncatedNormal):
    """Numbers of a normal distribution, by default of deviation 0.05, none more than two deviations from the mean."""

    def __init__(self, mean: Any = 0.0, stddev: Any = 0.05, seed: int | None = None, dtype: Any = "float32") -> None:
        super().__init__(mean, stddev, seed, dtype)

"""Initializers whose scale follows from the shape of the weights, and matrices of a kind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from opwright import OpDef, export, ops
from opwright.errors import ArgumentError, ShapeError
from opwright.shapes import as_shape

from opwright_random.initializers import Initializer, floating

MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("normal", "uniform", "truncated_normal", "untruncated_normal")
TRUNCATED_DEVIATION = 0.87962566103423978  # of the standard normal distribution between -2 and 2


def fans(shape: Any) -> tuple[float, float]:
    """How many inputs and outputs a unit of weights of this shape has: the last two dimensions, times the others."""
    dims = as_shape(shape).known()
    if len(dims) < 2:
        return (float(dims[0]),) * 2 if dims else (1.0, 1.0)
    field = math.prod(dims[:-2])
    return float(dims[-2] * field), float(dims[-1] * field)


@export("variance_scaling_initializer", "initializers.variance_scaling", "initializers.VarianceScaling")
class VarianceScaling(Initializer):
    """Numbers of variance scale / n, n a unit's inputs, its outputs ("fan_out") or their mean ("fan_avg").

    Raises ArgumentError for another mode or distribution, or a scale that is not positive.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        dtype: Any = "float32",
    ) -> None:
        if scale <= 0:
            raise ArgumentError(f"[variance_scaling_initializer] scale must be positive, got {scale}")
        if mode not in MODES:
            raise ArgumentError(f"[variance_scaling_initializer] mode must be one of {', '.join(MODES)}, got {mode!r}")
        if distribution.lower() not in DISTRIBUTIONS:
            allowed = ", ".join(DISTRIBUTIONS)
            raise ArgumentError(
                f"[variance_scaling_initializer] distribution must be one of {allowed}, got {distribution!r}"
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution.lower()
        self.seed = seed
        self.dtype = floating(dtype, "variance_scaling_initializer")

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        inputs, outputs = fans(full_shape)
        n = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return ops.random_uniform(shape, -limit, limit, dtype, seed=self.seed)
        if self.distribution == "untruncated_normal":
            return ops.random_normal(shape, 0.0, math.sqrt(variance), dtype, seed=self.seed)
        deviation = math.sqrt(variance) / TRUNCATED_DEVIATION
        return ops.truncated_normal(shape, 0.0, deviation, dtype, seed=self.seed)


class _Named(VarianceScaling):
    """A variance scaling that has a name of its own."""

    arguments: tuple[float, str, str]

    def __init__(self, seed: int | None = None, dtype: Any = "float32") -> None:
        super().__init__(*self.arguments, seed, dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal initializer."""
        return {"seed": self.seed, "dtype": self.dtype.name}


@export(
    "glorot_uniform_initializer",
    "initializers.glorot_uniform",
    "initializers.GlorotUniform",
    "xavier_initializer",
)
class GlorotUniform(_Named):
    """Even within sqrt(6 / (inputs + outputs)): X. Glorot, Y. Bengio, "Understanding the difficulty of training deep
    feedforward neural networks" (AISTATS 2010)."""

    arguments = (1.0, "fan_avg", "uniform")


@export("glorot_normal_initializer", "initializers.glorot_normal", "initializers.GlorotNormal")
class GlorotNormal(_Named):
    """Truncated normal of variance 2 / (inputs + outputs)."""

    arguments = (1.0, "fan_avg", "truncated_normal")


@export("he_uniform_initializer", "initializers.he_uniform", "initializers.HeUniform")
class HeUniform(_Named):
    """Even within sqrt(6 / inputs)."""

    arguments = (2.0, "fan_in", "uniform")


@export("he_normal_initializer", "initializers.he_normal", "initializers.HeNormal")
class HeNormal(_Named):
    """Truncated normal of variance 2 / inputs: K. He et al., "Delving deep into rectifiers" (ICCV 2015)."""

    arguments = (2.0, "fan_in", "truncated_normal")


@export("lecun_uniform_initializer", "initializers.lecun_uniform", "initializers.LecunUniform")
class LecunUniform(_Named):
    """Even within sqrt(3 / inputs)."""

    arguments = (1.0, "fan_in", "uniform")


@export("lecun_normal_initializer", "initializers.lecun_normal", "initializers.LecunNormal")
class LecunNormal(_Named):
    """Truncated normal of variance 1 / inputs: Y. LeCun et al., "Efficient backprop" (1998)."""

    arguments = (1.0, "fan_in", "truncated_normal")


@export("uniform_unit_scaling_initializer", "initializers.uniform_unit_scaling")
class UniformUnitScaling(Initializer):
    """Even within factor * sqrt(3 / inputs), the inputs all dimensions but the last: a random walk keeps its scale."""

    def __init__(self, factor: float = 1.0, seed: int | None = None, dtype: Any = "float32") -> None:
        self.factor = factor
        self.seed = seed
        self.dtype = floating(dtype, "uniform_unit_scaling_initializer")

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        limit = math.sqrt(3 / max(1.0, math.prod(as_shape(full_shape).known()[:-1]))) * self.factor
        return ops.random_uniform(shape, -limit, limit, dtype, seed=self.seed)


orthonormal = OpDef("orthonormal(a: T['m n']) -> (q: T['m n'])", T=("float32", "float64"), gradient=None)


@orthonormal.kernel("cpu")
def _orthonormal(a: Any) -> Any:
    # Signs as if R's diagonal were positive make Q uniform: F. Mezzadri, "How to generate random matrices from the
    # classical compact groups" (2007).
    q, r = np.linalg.qr(a)
    return q * np.where(np.diag(r) < 0, -1, 1)


@export("orthogonal_initializer", "initializers.orthogonal", "initializers.Orthogonal")
class Orthogonal(Initializer):
    """A random matrix with orthonormal rows or columns, whichever are fewer; leading dimensions count as rows.

    Raises ShapeError for shapes of fewer than two dimensions.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None, dtype: Any = "float32") -> None:
        self.gain = gain
        self.seed = seed
        self.dtype = floating(dtype, "orthogonal_initializer")

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        dims = as_shape(shape).known()
        if len(dims) < 2:
            raise ShapeError(f"[orthogonal_initializer] shape must have at least 2 dimensions, got {as_shape(shape)}")
        rows, columns = math.prod(dims[:-1]), dims[-1]
        wide = dtype.name in ("float32", "float64")
        flat = ops.random_normal(
            [max(rows, columns), min(rows, columns)], dtype=dtype if wide else "float32", seed=self.seed
        )
        q = orthonormal(flat)
        if rows < columns:
            q = ops.transpose(q)
        made = ops.reshape(q * self.gain, dims)
        return made if wide else ops.cast(made, dtype)


@export("identity_initializer", "initializers.identity", "initializers.Identity")
class Identity(Initializer):
    """The identity matrix times gain, cut or filled with zeros to the shape. Raises ShapeError unless that has 2
    dimensions."""

    def __init__(self, gain: float = 1.0, dtype: Any = "float32") -> None:
        self.gain = gain
        self.dtype = floating(dtype, "identity_initializer")

    def _made(self, shape: Any, dtype: Any, full_shape: Any) -> Any:
        dims = as_shape(full_shape).known()
        if len(dims) != 2:
            raise ShapeError(f"[identity_initializer] shape must have 2 dimensions, got {as_shape(full_shape)}")
        return ops.constant(np.eye(*dims) * self.gain, dtype)

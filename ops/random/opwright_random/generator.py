"""Generator: random numbers from a state of one's own, that a checkpoint keeps; shuffle."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import Any

from opwright import as_dtype, convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError

from opwright_random.stateless import (
    stateless_random_normal,
    stateless_random_uniform,
    stateless_truncated_normal,
)


@export("random.Generator", "random.experimental.Generator")
class Generator:
    """Draws numbers that follow from its state alone, an int64 variable: a key, and how often it has been used.

        g = ow.random.Generator.from_seed(1)
        x = g.normal([2, 3])

    The same seed gives the same numbers; each draw gives others. In a graph each run of a draw goes on with the state,
    and draws of one step are made in the order in which they were built.
    """

    def __init__(self, state: Any) -> None:
        tensor = convert_to_tensor(state, "int64") if not hasattr(state, "assign") else state
        if tensor.shape != (2,):
            raise ArgumentError(f"[Generator] state must hold two int64, got shape {tensor.shape}; use from_seed")
        self.state = tensor if hasattr(tensor, "assign") else ops.Variable(tensor, trainable=False, name="StateVar")
        self._last: Any = None  # in a graph: what the next draw waits for

    @classmethod
    def from_seed(cls, seed: int, alg: Any = None) -> Generator:
        """A generator whose numbers follow from a number."""
        return cls(ops.constant([_wrapped(seed), 0], "int64"))

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> Generator:
        """A generator that no other equals: its key comes from the system."""
        return cls.from_seed(int.from_bytes(os.urandom(8), "little"))

    @classmethod
    def from_state(cls, state: Any, alg: Any = None) -> Generator:
        """A generator that goes on from another one's state."""
        return cls(state.read_value() if hasattr(state, "read_value") else state)

    def reset_from_seed(self, seed: int) -> None:
        """Starts as from_seed(seed) would."""
        self.state.assign(ops.constant([_wrapped(seed), 0], "int64"))

    def reset(self, state: Any) -> None:
        """Starts from a state."""
        self.state.assign(state)

    def skip(self, delta: int) -> None:
        """Passes over `delta` draws."""
        self.state.assign_add(ops.constant([0, int(delta)], "int64"))

    def split(self, count: int = 1) -> list[Generator]:
        """Generators that are independent of this one, and of each other."""
        keys = ops.unstack(self.uniform_full_int([count], "int64"))
        return [type(self)(ops.stack([key, ops.zeros_like(key)])) for key in keys]

    def make_seeds(self, count: int = 1) -> Any:
        """Seeds for stateless ops: an int64 tensor of shape (2, count)."""
        return self.uniform_full_int([2, count], "int64")

    def normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", name: str | None = None
    ) -> Any:
        """Numbers of a normal distribution."""
        return stateless_random_normal(shape, self._seed(), mean, stddev, dtype, name)

    def truncated_normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", name: str | None = None
    ) -> Any:
        """Numbers of a normal distribution within two deviations of the mean."""
        return stateless_truncated_normal(shape, self._seed(), mean, stddev, dtype, name)

    def uniform(
        self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", name: str | None = None
    ) -> Any:
        """Numbers drawn evenly from [minval, maxval)."""
        return stateless_random_uniform(shape, self._seed(), minval, maxval, dtype, name)

    def uniform_full_int(self, shape: Any, dtype: Any = "int64", name: str | None = None) -> Any:
        """Integers drawn evenly from all that the dtype has."""
        return stateless_random_uniform(shape, self._seed(), None, None, as_dtype(dtype), name)

    def _seed(self) -> Any:
        """The state now, which has then been used once more."""
        graph = scopes.current_graph()
        with nullcontext() if graph is None or self._last is None else graph.control_dependencies([self._last]):
            seed = self.state.assign_add(_USED) - _USED
        self._last = None if graph is None else seed
        return seed


_USED = [0, 1]


def _wrapped(seed: int) -> int:
    """A seed of any size as an int64."""
    return (int(seed) + 2**63) % 2**64 - 2**63


_global: list[Generator] = []


@export("random.get_global_generator", "random.experimental.get_global_generator")
def get_global_generator() -> Generator:
    """The generator of the whole program, from the system unless it has been set."""
    if not _global:
        _global.append(Generator.from_non_deterministic_state())
    return _global[0]


@export("random.set_global_generator", "random.experimental.set_global_generator")
def set_global_generator(generator: Generator) -> None:
    """Sets the generator of the whole program."""
    _global[:] = [generator]


@export("random.shuffle", "random_shuffle")
def shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Any:
    """The rows of a tensor in random order."""
    tensor = convert_to_tensor(value)
    drawn = ops.random_uniform(ops.shape(tensor)[:1], dtype="float64", seed=seed)
    return ops.gather(tensor, ops.argsort(drawn), name=name)


@export("random.stateless_shuffle", "random.experimental.stateless_shuffle")
def stateless_shuffle(value: Any, seed: Any, axis: int = 0, name: str | None = None) -> Any:
    """The parts of a tensor along an axis, in an order that follows from the seed."""
    tensor = convert_to_tensor(value)
    drawn = stateless_random_uniform(ops.shape(tensor)[axis : axis + 1 or None], seed, dtype="float64")
    return ops.gather(tensor, ops.argsort(drawn), axis=axis, name=name)

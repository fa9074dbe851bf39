"""Learning rates that change from step to step, as functions of a step's tensor, by TensorFlow 1's names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from opwright import export, ops

from opwright_train import schedules


@export("train.exponential_decay")
def exponential_decay(
    learning_rate: float,
    global_step: Any,
    decay_steps: int,
    decay_rate: float,
    staircase: bool = False,
    name: str | None = None,
) -> Any:
    """learning_rate decay_rate^(global_step / decay_steps); with staircase the exponent is rounded down."""
    made = schedules.ExponentialDecay(learning_rate, decay_steps, decay_rate, staircase)(global_step)
    return ops.identity(made, name=name)


@export("train.natural_exp_decay")
def natural_exp_decay(
    learning_rate: float,
    global_step: Any,
    decay_steps: int,
    decay_rate: float,
    staircase: bool = False,
    name: str | None = None,
) -> Any:
    """learning_rate exp(-decay_rate global_step / decay_steps); with staircase the quotient is rounded down."""
    return exponential_decay(learning_rate, global_step, decay_steps, math.exp(-decay_rate), staircase, name)


@export("train.inverse_time_decay")
def inverse_time_decay(
    learning_rate: float,
    global_step: Any,
    decay_steps: int,
    decay_rate: float,
    staircase: bool = False,
    name: str | None = None,
) -> Any:
    """learning_rate / (1 + decay_rate global_step / decay_steps); with staircase the quotient is rounded down."""
    made = schedules.InverseTimeDecay(learning_rate, decay_steps, decay_rate, staircase)(global_step)
    return ops.identity(made, name=name)


@export("train.piecewise_constant", "train.piecewise_constant_decay")
def piecewise_constant(x: Any, boundaries: Sequence[float], values: Sequence[float], name: str | None = None) -> Any:
    """values[0] up to x = boundaries[0], then values[1] up to boundaries[1], and so on.

    Raises ArgumentError unless there is one value more than there are boundaries.
    """
    return ops.identity(schedules.PiecewiseConstantDecay(boundaries, values)(x), name=name)


@export("train.polynomial_decay")
def polynomial_decay(
    learning_rate: float,
    global_step: Any,
    decay_steps: int,
    end_learning_rate: float = 0.0001,
    power: float = 1.0,
    cycle: bool = False,
    name: str | None = None,
) -> Any:
    """(learning_rate - end) (1 - min(global_step, decay_steps) / decay_steps)^power + end; with cycle decay_steps grows
    to the next multiple that is at least global_step."""
    made = schedules.PolynomialDecay(learning_rate, decay_steps, end_learning_rate, power, cycle)(global_step)
    return ops.identity(made, name=name)


@export("train.cosine_decay")
def cosine_decay(
    learning_rate: float, global_step: Any, decay_steps: int, alpha: float = 0.0, name: str | None = None
) -> Any:
    """learning_rate ((1 - alpha) (1 + cos(π min(global_step, decay_steps) / decay_steps)) / 2 + alpha)."""
    return ops.identity(schedules.CosineDecay(learning_rate, decay_steps, alpha)(global_step), name=name)

"""Learning rates that change from step to step, for TensorFlow 2's optimizers: functions of the step's number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError


@export("optimizers.schedules.LearningRateSchedule")
class LearningRateSchedule:
    """The base of schedules: one of your own defines __call__(step), which returns the rate."""

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")


def _float(step: Any) -> Any:
    return ops.cast(convert_to_tensor(step), "float32")


@export("optimizers.schedules.ExponentialDecay")
class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate decay_rate^(step / decay_steps); with staircase the exponent is rounded down."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        self._rates = initial_learning_rate, decay_rate
        self._steps = decay_steps
        self._staircase = staircase

    def __call__(self, step: Any) -> Any:
        initial, rate = self._rates
        part = _float(step) / float(self._steps)
        return initial * ops.pow(ops.constant(rate, "float32"), ops.floor(part) if self._staircase else part)


@export("optimizers.schedules.InverseTimeDecay")
class InverseTimeDecay(ExponentialDecay):
    """initial_learning_rate / (1 + decay_rate step / decay_steps); with staircase the quotient is rounded down."""

    def __call__(self, step: Any) -> Any:
        initial, rate = self._rates
        part = _float(step) / float(self._steps)
        return initial / (1.0 + rate * (ops.floor(part) if self._staircase else part))


@export("optimizers.schedules.PiecewiseConstantDecay")
class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to step boundaries[0], then values[1] up to boundaries[1], and so on.

    Raises ArgumentError unless there is one value more than there are boundaries.
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str | None = None) -> None:
        if len(values) != len(boundaries) + 1:
            raise ArgumentError(
                f"[PiecewiseConstantDecay] values must have {len(boundaries) + 1} items, got {len(values)}"
            )
        self._boundaries = list(boundaries)
        self._values = list(values)

    def __call__(self, step: Any) -> Any:
        rate = ops.constant(self._values[-1], "float32")
        for boundary, value in zip(reversed(self._boundaries), reversed(self._values[:-1]), strict=True):
            rate = ops.where(_float(step) <= float(boundary), ops.constant(value, "float32"), rate)
        return rate


@export("optimizers.schedules.PolynomialDecay")
class PolynomialDecay(LearningRateSchedule):
    """(initial - end) (1 - min(step, decay_steps) / decay_steps)^power + end; with cycle decay_steps grows to the next
    multiple that is at least step."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str | None = None,
    ) -> None:
        self._rates = initial_learning_rate, end_learning_rate
        self._steps = float(decay_steps)
        self._power = power
        self._cycle = cycle

    def __call__(self, step: Any) -> Any:
        initial, end = self._rates
        now = _float(step)
        steps: Any = self._steps
        if self._cycle:
            steps = steps * ops.maximum(ops.ceil(now / steps), 1.0)
        else:
            now = ops.minimum(now, steps)
        left = ops.pow(1.0 - now / steps, ops.constant(self._power, "float32"))
        return (initial - end) * left + end


@export("optimizers.schedules.CosineDecay")
class CosineDecay(LearningRateSchedule):
    """initial ((1 - alpha) (1 + cos(π min(step, decay_steps) / decay_steps)) / 2 + alpha), after warmup_steps that lead
    evenly from the initial rate to warmup_target, if these are given."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str | None = None,
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self._initial = initial_learning_rate
        self._steps = float(decay_steps)
        self._alpha = alpha
        self._target = warmup_target
        self._warmup = float(warmup_steps)

    def __call__(self, step: Any) -> Any:
        now = _float(step)
        if self._target is None:
            return self._decayed(self._initial, now)
        rising = self._initial + (self._target - self._initial) * now / max(self._warmup, 1.0)
        return ops.where(now < self._warmup, rising, self._decayed(self._target, now - self._warmup))

    def _decayed(self, initial: float, now: Any) -> Any:
        part = ops.clip_by_value(now, 0.0, self._steps) / self._steps
        return initial * ((1.0 - self._alpha) * 0.5 * (1.0 + ops.cos(math.pi * part)) + self._alpha)

"""Optimizers, learning rates, clipping, moving averages."""

from opwright import hookimpl

from opwright_train import (
    adagrad,
    adam,
    adam_variants,
    adaptive,
    clipping,
    decays,
    ftrl,
    gradient_descent,
    moving_average,
    optimizer,
    optimizers,
    schedules,
)


@hookimpl
def opwright_register_ops(register):
    register(optimizer, gradient_descent, adagrad, adaptive, adam, ftrl, optimizers, adam_variants, schedules, clipping)
    register(decays, moving_average)

"""Optimizers, learning rates, clipping."""

from opwright import hookimpl

from opwright_train import (
    adagrad,
    adam,
    adaptive,
    clipping,
    ftrl,
    gradient_descent,
    optimizer,
    optimizers,
    schedules,
)


@hookimpl
def opwright_register_ops(register):
    register(optimizer, gradient_descent, adagrad, adaptive, adam, ftrl, optimizers, schedules, clipping)

"""Optimizers, learning rates, clipping."""

from opwright import hookimpl

from opwright_train import adagrad, adam, adaptive, ftrl, gradient_descent, optimizer


@hookimpl
def opwright_register_ops(register):
    register(optimizer, gradient_descent, adagrad, adaptive, adam, ftrl)

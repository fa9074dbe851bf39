"""Modules, checkpoints, losses and metrics: what models are written with."""

from collections.abc import Callable

from opwright import hookimpl

from opwright_modules import checkpoint, curves, losses, metrics, module


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(module, checkpoint, losses, metrics, curves)

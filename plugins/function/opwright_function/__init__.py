"""ow.function: Python functions that run as one step."""

from __future__ import annotations

from collections.abc import Callable

from opwright import hookimpl

from opwright_function import function, signature, traced
from opwright_function.autograph import convert


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(function, signature, traced, convert)

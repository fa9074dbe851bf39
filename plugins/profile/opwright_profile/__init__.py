"""ow.profile: what each node of the steps that run meanwhile takes, beside what the machine can do."""

from __future__ import annotations

from collections.abc import Callable

from opwright import hookimpl

from opwright_profile import recording


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(recording)

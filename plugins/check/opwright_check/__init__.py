"""`opwright check` and its kin: checks of ops made from their registration, and commands that look into ops."""

from collections.abc import Callable

from opwright import hookimpl


@hookimpl
def opwright_register_commands(register: Callable[..., None]) -> None:
    from opwright_check.commands import audit, bench, check, explain, stubs  # click, only where commands are asked for

    register(audit, bench, check, explain, stubs)

"""`opwright demo`: networks learn to read digits."""

from collections.abc import Callable

from opwright import hookimpl


@hookimpl
def opwright_register_commands(register: Callable[..., None]) -> None:
    from opwright_demo.command import demo

    register(demo)

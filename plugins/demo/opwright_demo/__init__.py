"""`opwright demo`: networks learn to read digits."""

from collections.abc import Callable

from opwright import hookimpl

from opwright_demo.command import demo


@hookimpl
def opwright_register_commands(register: Callable[..., None]) -> None:
    register(demo)

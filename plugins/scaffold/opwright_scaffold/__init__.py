"""`opwright new` and `opwright update`: an op's project, made from a template and kept up to date with it."""

from collections.abc import Callable

from opwright import hookimpl


@hookimpl
def opwright_register_commands(register: Callable[..., None]) -> None:
    from opwright_scaffold.commands import new, update

    register(new, update)

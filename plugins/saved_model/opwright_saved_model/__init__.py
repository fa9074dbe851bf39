"""saved_model: modules and functions written to a folder, and called again without their source."""

from collections.abc import Callable

from opwright import hookimpl

from opwright_saved_model import constants, loading, saving


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(constants, saving, loading)

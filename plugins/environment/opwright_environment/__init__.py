"""What programs ask of their surroundings: devices, scopes, versions, in TensorFlow 2's names."""

from collections.abc import Callable

from opwright import hookimpl

from opwright_environment import compat, config, scopes


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(config, scopes, compat)

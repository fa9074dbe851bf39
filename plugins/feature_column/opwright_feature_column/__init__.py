"""feature_column: how named features become the input of a model."""

from collections.abc import Callable

from opwright import hookimpl

from opwright_feature_column import categorical, dense


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(dense, categorical)

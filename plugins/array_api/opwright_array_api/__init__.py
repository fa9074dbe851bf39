"""Python's array API standard (https://data-apis.org/array-api), as far as Opwright's ops go."""

from collections.abc import Callable

from opwright import hookimpl

from opwright_array_api import creation, elementwise, manipulation, reductions, types


@hookimpl
def opwright_register_ops(register: Callable[..., None]) -> None:
    register(types, creation, elementwise, manipulation, reductions, *types.NAMED_DTYPES, *elementwise.FUNCTIONS)

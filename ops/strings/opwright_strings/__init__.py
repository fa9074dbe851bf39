"""Strings: where they are kept, and the ops that compute with them."""

from opwright import hookimpl

from opwright_strings import joining, numbers, patterns, pool, splitting, texts


@hookimpl
def opwright_register_ops(register):
    register(pool, texts, joining, numbers, patterns, splitting)

"""Variables, and the ops that write them."""

from opwright import hookimpl

from opwright_state import assign, collected, grouping, scatter, variable


@hookimpl
def opwright_register_ops(register):
    register(variable, collected, assign, scatter, grouping)

"""running::moments, an op for Opwright."""

from opwright import hookimpl

from running_moments import moments


@hookimpl
def opwright_register_ops(register):
    register(moments)

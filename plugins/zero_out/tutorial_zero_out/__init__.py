"""tutorial::zero_out, an op for Opwright."""

from opwright import hookimpl

from tutorial_zero_out import zero_out


@hookimpl
def opwright_register_ops(register):
    register(zero_out)

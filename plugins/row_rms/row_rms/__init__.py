"""row::rms, an op for Opwright."""

from opwright import hookimpl

from row_rms import rms


@hookimpl
def opwright_register_ops(register):
    register(rms)

"""acme::softplus, an op for Opwright."""

from opwright import hookimpl

from acme_softplus import softplus


@hookimpl
def opwright_register_ops(register):
    register(softplus)

"""Softmax and cross-entropies."""

from opwright import hookimpl

from opwright_softmax import cross_entropy, elementwise, softmax


@hookimpl
def opwright_register_ops(register):
    register(softmax, elementwise, prefix="nn")
    register(cross_entropy)  # the ops behind functions of the same names in nn

"""Batch, layer, group, instance and local response normalisation."""

from opwright import hookimpl

from opwright_norm import batch_norm, layer_norm, lrn, norms


@hookimpl
def opwright_register_ops(register):
    register(batch_norm, layer_norm)  # the ops behind the functions of nn
    register(lrn, prefix="nn")
    register(norms)

"""Activations and what neural networks are made of."""

from opwright import hookimpl

from opwright_nn import (
    bias,
    candidates,
    dropout,
    embedding,
    exponential,
    losses,
    moments,
    norms,
    rectified,
    sampling,
    shrink,
    silu,
    smooth,
    top_k,
)


@hookimpl
def opwright_register_ops(register):
    register(rectified, exponential, smooth, shrink, bias, norms, top_k, prefix="nn")
    register(candidates, silu, dropout, moments)  # ops behind functions of the same names in nn
    register(embedding, sampling, losses)

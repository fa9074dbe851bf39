"""Convolutions of one to three dimensions, forwards and backwards."""

from opwright import hookimpl

from opwright_conv import backprop, conv, convolution, depthwise, transpose


@hookimpl
def opwright_register_ops(register):
    register(conv, convolution, depthwise, transpose, backprop)

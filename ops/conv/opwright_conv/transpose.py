"""Transposed convolutions: the derivative of a convolution by its input, as an op of its own right.

y[i, c] = sum over the pixels p and taps k with p * stride + k * dilation - padding = i, and over o, of
x[p, o] w[k, c, o].
"""

from __future__ import annotations

from typing import Any

from opwright import export

from opwright_conv.arguments import arguments
from opwright_conv.conv import conv_backprop_input
from opwright_conv.convolution import spatial_rank


def convolve_back(
    op: str,
    rank: int,
    sizes: Any,
    w: Any,
    dy: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    dilations: Any,
    name: Any,
    depthwise: bool = False,
) -> Any:
    """What a convolution's input of the given sizes gets from its output, in the caller's data format."""
    how = arguments(op, rank, strides, padding, data_format, dilations, depthwise)
    found = conv_backprop_input(how.sizes(sizes), w, how.inwards(dy), **how.attributes, name=name or op)
    return how.outwards(found)


@export("nn.conv1d_transpose")
def conv1d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str | None = "NWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """conv1d backwards: [n, width, in_channels] to output_shape, by filters [width, out_channels, in_channels].

    Raises ShapeError unless conv1d takes output_shape to the input's shape.
    """
    op = "conv1d_transpose"
    return convolve_back(op, 1, output_shape, filters, input, strides, padding, data_format, dilations, name)


@export("nn.conv2d_transpose")
def conv2d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str | None = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """conv2d backwards: images to output_shape, by filters [height, width, out_channels, in_channels].

    Raises ShapeError unless conv2d takes output_shape to the input's shape.
    """
    op = "conv2d_transpose"
    return convolve_back(op, 2, output_shape, filters, input, strides, padding, data_format, dilations, name)


@export("nn.conv3d_transpose")
def conv3d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str | None = "NDHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """conv3d backwards: volumes to output_shape, by filters [depth, height, width, out_channels, in_channels].

    Raises ShapeError unless conv3d takes output_shape to the input's shape.
    """
    op = "conv3d_transpose"
    return convolve_back(op, 3, output_shape, filters, input, strides, padding, data_format, dilations, name)


@export("nn.conv_transpose")
def conv_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """conv1d_transpose, conv2d_transpose or conv3d_transpose, by the number of the filters' dimensions."""
    rank = spatial_rank("conv_transpose", filters)
    op = f"conv{rank}d_transpose"
    return convolve_back(op, rank, output_shape, filters, input, strides, padding, data_format, dilations, name)


@export("nn.atrous_conv2d_transpose")
def atrous_conv2d_transpose(
    value: Any, filters: Any, output_shape: Any, rate: Any, padding: Any, name: str | None = None
) -> Any:
    """atrous_conv2d backwards: images to output_shape."""
    op = "atrous_conv2d_transpose"
    return convolve_back(op, 2, output_shape, filters, value, 1, padding, "NHWC", rate, name)

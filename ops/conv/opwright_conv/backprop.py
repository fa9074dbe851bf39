"""The derivatives of convolutions under TensorFlow's names."""

from __future__ import annotations

from typing import Any

from opwright import export

from opwright_conv.arguments import arguments
from opwright_conv.conv import conv_backprop_filter
from opwright_conv.transpose import convolve_back


@export("nn.conv2d_backprop_input")
def conv2d_backprop_input(
    input_sizes: Any,
    filter: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The derivative of conv2d by its input, whose shape is input_sizes, from that of its output."""
    op = "conv2d_backprop_input"
    return convolve_back(op, 2, input_sizes, filter, out_backprop, strides, padding, data_format, dilations, name)


@export("nn.conv3d_backprop_input", "nn.conv3d_backprop_input_v2")
def conv3d_backprop_input(
    input_sizes: Any,
    filter: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NDHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The derivative of conv3d by its input, whose shape is input_sizes, from that of its output."""
    op = "conv3d_backprop_input"
    return convolve_back(op, 3, input_sizes, filter, out_backprop, strides, padding, data_format, dilations, name)


@export("nn.depthwise_conv2d_native_backprop_input", "nn.depthwise_conv2d_backprop_input")
def depthwise_conv2d_backprop_input(
    input_sizes: Any,
    filter: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The derivative of depthwise_conv2d by its input, whose shape is input_sizes, from that of its output."""
    op = "depthwise_conv2d_backprop_input"
    return convolve_back(op, 2, input_sizes, filter, out_backprop, strides, padding, data_format, dilations, name, True)


def _by_filter(
    op: str,
    rank: int,
    x: Any,
    sizes: Any,
    dy: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    dilations: Any,
    name: Any,
    depthwise: bool = False,
) -> Any:
    how = arguments(op, rank, strides, padding, data_format, dilations, depthwise)
    return conv_backprop_filter(how.inwards(x), sizes, how.inwards(dy), **how.attributes, name=name or op)


@export("nn.conv2d_backprop_filter")
def conv2d_backprop_filter(
    input: Any,
    filter_sizes: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The derivative of conv2d by its filters, whose shape is filter_sizes, from that of its output."""
    op = "conv2d_backprop_filter"
    return _by_filter(op, 2, input, filter_sizes, out_backprop, strides, padding, data_format, dilations, name)


@export("nn.conv3d_backprop_filter", "nn.conv3d_backprop_filter_v2")
def conv3d_backprop_filter(
    input: Any,
    filter_sizes: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NDHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The derivative of conv3d by its filters, whose shape is filter_sizes, from that of its output."""
    op = "conv3d_backprop_filter"
    return _by_filter(op, 3, input, filter_sizes, out_backprop, strides, padding, data_format, dilations, name)


@export("nn.depthwise_conv2d_native_backprop_filter", "nn.depthwise_conv2d_backprop_filter")
def depthwise_conv2d_backprop_filter(
    input: Any,
    filter_sizes: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The derivative of depthwise_conv2d by its filters, whose shape is filter_sizes, from that of its output."""
    op = "depthwise_conv2d_backprop_filter"
    return _by_filter(op, 2, input, filter_sizes, out_backprop, strides, padding, data_format, dilations, name, True)

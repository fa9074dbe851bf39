"""Convolutions that treat each channel on its own, and mix channels afterwards or not at all."""

from __future__ import annotations

from typing import Any

from opwright import convert_to_tensor, export
from opwright.errors import ArgumentError

from opwright_conv.arguments import arguments
from opwright_conv.conv import conv
from opwright_conv.convolution import convolve


@export("nn.depthwise_conv2d", "nn.depthwise_conv2d_native")
def depthwise_conv2d(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Convolves each channel with filters of its own, [height, width, channels, times]: channel c gives the channels
    c * times to c * times + times - 1 of the result. See conv2d for the rest."""
    how = arguments("depthwise_conv2d", 2, strides, padding, data_format, dilations, depthwise=True)
    return how.outwards(conv(how.inwards(input), filter, **how.attributes, name=name or "depthwise_conv2d"))


@export("nn.separable_conv2d")
def separable_conv2d(
    input: Any,
    depthwise_filter: Any,
    pointwise_filter: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """depthwise_conv2d, then conv2d with a pointwise filter [1, 1, channels * times, out_channels].

    Raises ArgumentError if that filter is larger than a pixel.
    """
    pointwise_filter = convert_to_tensor(pointwise_filter)
    if not pointwise_filter.shape.is_compatible_with([1, 1, None, None]):
        shape = pointwise_filter.shape
        raise ArgumentError(f"[separable_conv2d] pointwise_filter must have the shape (1, 1, ?, ?), got {shape}")
    apart = depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations)
    return convolve("separable_conv2d", 2, apart, pointwise_filter, 1, "VALID", data_format, 1, name)

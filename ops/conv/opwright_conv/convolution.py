"""conv1d, conv2d, conv3d, convolution, and the forms with a rate."""

from __future__ import annotations

from typing import Any

from opwright import convert_to_tensor, export
from opwright.errors import ArgumentError

from opwright_conv.arguments import arguments
from opwright_conv.conv import conv


def convolve(
    op: str, rank: int, x: Any, w: Any, strides: Any, padding: Any, data_format: Any, dilations: Any, name: Any
) -> Any:
    """A convolution in the caller's data format."""
    how = arguments(op, rank, strides, padding, data_format, dilations)
    return how.outwards(conv(how.inwards(x), w, **how.attributes, name=name or op))


@export("nn.conv1d")
def conv1d(
    input: Any,
    filters: Any,
    stride: Any,
    padding: Any,
    data_format: str | None = "NWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Convolves [n, width, channels] (NCW: [n, channels, width]) with filters [width, in_channels, out_channels].

    See conv2d for the rest.
    """
    return convolve("conv1d", 1, input, filters, stride, padding, data_format, dilations, name)


@export("nn.conv2d")
def conv2d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Convolves images [n, height, width, channels] (NCHW: [n, channels, height, width]) with filters
    [height, width, in_channels, out_channels].

    Strides and dilations are 1, 2 or 4 numbers. padding: "VALID", floor((size - span) / stride) + 1 positions, where
    span = (filter size - 1) dilation + 1; "SAME", ceil(size / stride) positions, with zeros around as they need, the
    odd one behind; or a pair (before, after) for each dimension. If in_channels is 1/g of the input's channels, each
    g-th of the filters sees a g-th of the channels.

    Raises ArgumentError for bad names and numbers, ShapeError where filters do not fit the input.
    """
    return convolve("conv2d", 2, input, filters, strides, padding, data_format, dilations, name)


@export("nn.conv3d")
def conv3d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NDHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Convolves [n, depth, height, width, channels] (NCDHW: the channels second) with filters
    [depth, height, width, in_channels, out_channels].

    See conv2d for the rest.
    """
    return convolve("conv3d", 3, input, filters, strides, padding, data_format, dilations, name)


@export("nn.convolution")
def convolution(
    input: Any,
    filters: Any,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """conv1d, conv2d or conv3d, by the number of the filters' dimensions.

    Raises ArgumentError if that is unknown or none of theirs.
    """
    rank = spatial_rank("convolution", filters)
    return convolve(f"conv{rank}d", rank, input, filters, strides, padding, data_format, dilations, name)


def spatial_rank(op: str, filters: Any) -> int:
    """How many dimensions filters move along. Raises ArgumentError unless there are 1, 2 or 3."""
    shape = convert_to_tensor(filters).shape
    if shape.rank not in (3, 4, 5):
        raise ArgumentError(f"[{op}] filters must have 3, 4 or 5 dimensions, got shape {shape}")
    return shape.rank - 2


@export("nn.atrous_conv2d")
def atrous_conv2d(value: Any, filters: Any, rate: Any, padding: Any, name: str | None = None) -> Any:
    """conv2d of stride 1 whose filters' elements lie `rate` pixels apart."""
    return convolve("atrous_conv2d", 2, value, filters, 1, padding, "NHWC", rate, name)

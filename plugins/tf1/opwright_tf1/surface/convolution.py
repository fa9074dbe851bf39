"""Convolutions with the arguments they had in TensorFlow 1: `filter`, `value`, `rate`, `use_cudnn_on_gpu`."""

from __future__ import annotations

from typing import Any

from opwright import ops
from opwright.errors import ArgumentError


def _given(op: str, **either: Any) -> Any:
    """The one argument that was given of several names for it. Raises ArgumentError unless it is one."""
    found = [value for value in either.values() if value is not None]
    if len(found) != 1:
        raise ArgumentError(f"[{op}] one of {' and '.join(either)} must be given, got {len(found)}")
    return found[0]


def conv1d(
    value: Any = None,
    filters: Any = None,
    stride: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: Any = None,
    data_format: str | None = None,
    name: str | None = None,
    input: Any = None,
    dilations: Any = None,
) -> Any:
    """Convolution along one dimension."""
    x = _given("conv1d", value=value, input=input)
    return ops.nn.conv1d(x, filters, stride, padding, data_format, dilations, name)


def conv2d(
    input: Any,
    filter: Any = None,
    strides: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: Any = True,
    data_format: str | None = "NHWC",
    dilations: Any = None,
    name: str | None = None,
    filters: Any = None,
) -> Any:
    """Convolution of images."""
    w = _given("conv2d", filter=filter, filters=filters)
    return ops.nn.conv2d(input, w, strides, padding, data_format, dilations, name)


def conv3d(
    input: Any,
    filter: Any = None,
    strides: Any = None,
    padding: Any = None,
    data_format: str | None = "NDHWC",
    dilations: Any = None,
    name: str | None = None,
    filters: Any = None,
) -> Any:
    """Convolution of volumes."""
    w = _given("conv3d", filter=filter, filters=filters)
    return ops.nn.conv3d(input, w, strides, padding, data_format, dilations, name)


def convolution(
    input: Any,
    filter: Any = None,
    padding: Any = None,
    strides: Any = None,
    dilation_rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    filters: Any = None,
    dilations: Any = None,
) -> Any:
    """Convolution along as many dimensions as the filters have, less two."""
    w = _given("convolution", filter=filter, filters=filters)
    rate = dilation_rate if dilations is None else dilations
    return ops.nn.convolution(input, w, strides, padding, data_format, rate, name)


def depthwise_conv2d(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Any:
    """Convolution of each channel on its own."""
    rate = rate if dilations is None else dilations
    return ops.nn.depthwise_conv2d(input, filter, strides, padding, data_format, rate, name)


def separable_conv2d(
    input: Any,
    depthwise_filter: Any,
    pointwise_filter: Any,
    strides: Any,
    padding: Any,
    rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Any:
    """Convolution of each channel on its own, then of single pixels."""
    rate = rate if dilations is None else dilations
    return ops.nn.separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, data_format, rate, name)


def conv2d_transpose(
    value: Any = None,
    filter: Any = None,
    output_shape: Any = None,
    strides: Any = None,
    padding: Any = "SAME",
    data_format: str | None = "NHWC",
    name: str | None = None,
    input: Any = None,
    filters: Any = None,
    dilations: Any = None,
) -> Any:
    """conv2d backwards."""
    x, w = (
        _given("conv2d_transpose", value=value, input=input),
        _given("conv2d_transpose", filter=filter, filters=filters),
    )
    return ops.nn.conv2d_transpose(x, w, output_shape, strides, padding, data_format, dilations, name)


def conv3d_transpose(
    value: Any = None,
    filter: Any = None,
    output_shape: Any = None,
    strides: Any = None,
    padding: Any = "SAME",
    data_format: str | None = "NDHWC",
    name: str | None = None,
    input: Any = None,
    filters: Any = None,
    dilations: Any = None,
) -> Any:
    """conv3d backwards."""
    x, w = (
        _given("conv3d_transpose", value=value, input=input),
        _given("conv3d_transpose", filter=filter, filters=filters),
    )
    return ops.nn.conv3d_transpose(x, w, output_shape, strides, padding, data_format, dilations, name)


def conv2d_backprop_input(
    input_sizes: Any,
    filter: Any = None,
    out_backprop: Any = None,
    strides: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: Any = True,
    data_format: str | None = "NHWC",
    dilations: Any = None,
    name: str | None = None,
    filters: Any = None,
) -> Any:
    """The derivative of conv2d by its input."""
    w = _given("conv2d_backprop_input", filter=filter, filters=filters)
    return ops.nn.conv2d_backprop_input(input_sizes, w, out_backprop, strides, padding, data_format, dilations, name)


def conv2d_backprop_filter(
    input: Any,
    filter_sizes: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    use_cudnn_on_gpu: Any = True,
    data_format: str | None = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The derivative of conv2d by its filters."""
    return ops.nn.conv2d_backprop_filter(
        input, filter_sizes, out_backprop, strides, padding, data_format, dilations, name
    )


API: dict[str, Any] = {
    "nn.conv1d": conv1d,
    "nn.conv2d": conv2d,
    "nn.conv2d_backprop_filter": conv2d_backprop_filter,
    "nn.conv2d_backprop_input": conv2d_backprop_input,
    "nn.conv2d_transpose": conv2d_transpose,
    "nn.conv3d": conv3d,
    "nn.conv3d_transpose": conv3d_transpose,
    "nn.convolution": convolution,
    "nn.depthwise_conv2d": depthwise_conv2d,
    "nn.separable_conv2d": separable_conv2d,
}

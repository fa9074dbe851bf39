"""Adding a bias, and layers that are a product and a bias."""

from __future__ import annotations

from typing import Any

from opwright import OpDef, convert_to_tensor, dtypes, export, ops
from opwright.errors import ShapeError

from opwright_nn.rectified import relu

bias_add = OpDef(
    "bias_add(value: T, bias: T['c'], data_format: str | None = None) -> (y: T)",
    T=dtypes.numbers,
)


def channels_first(op: str, data_format: str | None) -> bool:
    """Whether the channels come second (NCHW, NCW, NC...) rather than last. Raises ShapeError for other formats."""
    if data_format is None or (data_format[0] == "N" and data_format[-1] == "C"):
        return False
    if data_format.startswith("NC"):
        return True
    raise ShapeError(f"[{op}] data_format must be N...C or NC..., got {data_format!r}")


@bias_add.shape
def _bias_add_shape(c):
    value, bias = c.shape("value"), c.shape("bias")
    first = channels_first("bias_add", c.attr.data_format)
    if value.dims is None:
        return value
    c.require(len(value) >= 2, "value must have at least 2 dimensions", f"shape {value}")
    channels = value[1 if first else -1]
    size = None if bias.dims is None else bias[0]
    c.require(None in (size, channels) or size == channels, f"bias must have value's {channels} channels", size)
    return value


@bias_add.ref
def _bias_add_ref(value, bias, data_format):
    return ops.add(value, _aligned(bias, value, data_format))


@bias_add.gradient
def _bias_add_gradient(node, dy):
    bias, data_format = node.input("bias"), node.attr.data_format
    summed = ops.sum_like(dy, _aligned(bias, dy, data_format))
    return dy, ops.reshape_like(summed, bias)


def _aligned(bias, value, data_format):
    """The bias in a shape that broadcasts against the value's."""
    if not channels_first("bias_add", data_format):
        return bias
    return ops.reshape(bias, [-1] + [1] * (len(value.shape.known_rank()) - 2))


@export("xw_plus_b")
def xw_plus_b(x: Any, weights: Any, biases: Any, name: str | None = "xw_plus_b") -> Any:
    """x @ weights + biases."""
    return bias_add(ops.matmul(convert_to_tensor(x), weights), biases, name=name)


@export("relu_layer")
def relu_layer(x: Any, weights: Any, biases: Any, name: str | None = "relu_layer") -> Any:
    """relu(x @ weights + biases)."""
    return relu(bias_add(ops.matmul(convert_to_tensor(x), weights), biases), name=name)

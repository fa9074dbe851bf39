"""tf.layers, and what tf.contrib.layers has of it: layers whose variables get_variable makes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from opwright import convert_to_tensor, ops
from opwright.errors import ArgumentError, ShapeError

from opwright_tf1.surface.framework import GraphKeys, add_to_collection
from opwright_tf1.surface.variables import get_variable, variable_scope


def _size(op: str, x: Any, axis: int) -> int:
    size = None if x.shape.rank is None else x.shape[axis]
    if size is None:
        raise ShapeError(f"[{op}] the last dimension of inputs must be known, got shape {x.shape}; use set_shape")
    return int(size)


def _finished(y: Any, bias: Any, activation: Any, activity: Any) -> Any:
    y = y if bias is None else ops.nn.bias_add(y, bias)
    y = y if activation is None else activation(y)
    if activity is not None:
        add_to_collection(GraphKeys.REGULARIZATION_LOSSES, activity(y))
    return y


def _bias(name: str, size: int, dtype: Any, initializer: Any, regularizer: Any, trainable: bool) -> Any:
    return get_variable(name, [size], dtype, initializer or ops.zeros_initializer(), regularizer, trainable)


def dense(
    inputs: Any,
    units: int,
    activation: Callable[[Any], Any] | None = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = None,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Any:
    """activation(inputs kernel + bias) over the last dimension; the variables are `<name>/kernel` and `<name>/bias`."""
    x = convert_to_tensor(inputs)
    width = _size("dense", x, -1)
    with variable_scope(name, "dense", reuse=reuse):
        w = get_variable("kernel", [width, units], x.dtype, kernel_initializer, kernel_regularizer, trainable)
        b = _bias("bias", units, x.dtype, bias_initializer, bias_regularizer, trainable) if use_bias else None
        flat = ops.matmul(x, w) if x.shape.rank == 2 else ops.tensordot(x, w, [[x.shape.rank - 1], [0]])
        return _finished(flat, b, activation, activity_regularizer)


def _pair(value: Any) -> list[int]:
    return [int(value)] * 2 if isinstance(value, int) else [int(v) for v in value]


def conv2d(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = (1, 1),
    activation: Callable[[Any], Any] | None = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = None,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Any:
    """activation(conv2d(inputs, kernel) + bias) of images [n, height, width, channels]."""
    _last("conv2d", data_format)
    x = convert_to_tensor(inputs)
    shape = [*_pair(kernel_size), _size("conv2d", x, -1), filters]
    with variable_scope(name, "conv2d", reuse=reuse):
        w = get_variable("kernel", shape, x.dtype, kernel_initializer, kernel_regularizer, trainable)
        b = _bias("bias", filters, x.dtype, bias_initializer, bias_regularizer, trainable) if use_bias else None
        y = ops.nn.conv2d(
            x, w, strides=[1, *_pair(strides), 1], padding=padding.upper(), dilations=[1, *_pair(dilation_rate), 1]
        )
        return _finished(y, b, activation, activity_regularizer)


def _last(op: str, data_format: str) -> None:
    if data_format != "channels_last":
        raise ArgumentError(f"[{op}] data_format must be channels_last, got {data_format!r}; transpose the inputs")


def _pool(name: str, pooled: str) -> Callable[..., Any]:
    def pool(
        inputs: Any,
        pool_size: Any,
        strides: Any,
        padding: str = "valid",
        data_format: str = "channels_last",
        name: str | None = None,
    ) -> Any:
        _last(pool.__name__, data_format)
        window, steps = [1, *_pair(pool_size), 1], [1, *_pair(strides), 1]
        return getattr(ops.nn, pooled)(inputs, ksize=window, strides=steps, padding=padding.upper(), name=name)

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"nn.{pooled} of images [n, height, width, channels], with sizes in two dimensions."
    return pool


max_pooling2d = _pool("max_pooling2d", "max_pool")
average_pooling2d = _pool("average_pooling2d", "avg_pool")


def dropout(
    inputs: Any,
    rate: Any = 0.5,
    noise_shape: Any = None,
    seed: Any = None,
    training: Any = False,
    name: str | None = None,
) -> Any:
    """nn.dropout while `training`, a bool or a tensor, holds; else the inputs."""
    x = convert_to_tensor(inputs)

    def dropped() -> Any:
        return ops.nn.dropout(x, rate=rate, noise_shape=noise_shape, seed=seed, name=name)

    if isinstance(training, (bool, int)):
        return dropped() if training else ops.identity(x, name=name)
    return ops.cond(training, dropped, lambda: ops.identity(x))


def flatten(inputs: Any, name: str | None = None, **_: Any) -> Any:
    """The inputs as [n, all the rest]."""
    x = convert_to_tensor(inputs)
    rest = None if x.shape.rank is None or None in x.shape.dims[1:] else math.prod(x.shape.dims[1:])
    if rest is None:
        rows = ops.shape(x)[0]
        return ops.reshape(x, ops.stack([rows, ops.size(x) // ops.maximum(rows, 1)]), name=name)
    return ops.reshape(x, [x.shape[0] if x.shape[0] is not None else -1, rest], name=name)


def fully_connected(
    inputs: Any,
    num_outputs: int,
    activation_fn: Any = "relu",
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Any = None,
    weights_regularizer: Any = None,
    biases_initializer: Any = None,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Any:
    """activation_fn(inputs weights + biases); the variables are `<scope>/weights` and `<scope>/biases`."""
    if normalizer_fn is not None:
        raise ArgumentError(
            f"[fully_connected] normalizer_fn must be None, got {normalizer_fn!r}; call it on the result"
        )
    x = convert_to_tensor(inputs)
    shape = [_size("fully_connected", x, -1), num_outputs]
    with variable_scope(scope, "fully_connected", reuse=reuse):
        start = weights_initializer or ops.glorot_uniform_initializer()
        w = get_variable("weights", shape, x.dtype, start, weights_regularizer, trainable)
        b = _bias("biases", num_outputs, x.dtype, biases_initializer, biases_regularizer, trainable)
        return _finished(ops.matmul(x, w), b, ops.nn.relu if activation_fn == "relu" else activation_fn, None)


_LAYERS = {
    "average_pooling2d": average_pooling2d,
    "conv2d": conv2d,
    "dense": dense,
    "dropout": dropout,
    "flatten": flatten,
    "max_pooling2d": max_pooling2d,
}
API: dict[str, Any] = {
    **{f"layers.{name}": made for name, made in _LAYERS.items()},
    "contrib.layers.flatten": flatten,
    "contrib.layers.fully_connected": fully_connected,
}

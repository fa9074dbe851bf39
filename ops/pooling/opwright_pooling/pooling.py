"""nn.max_pool, nn.avg_pool and their kin, by TensorFlow's arguments."""

from __future__ import annotations

from typing import Any

from opwright import convert_to_tensor, export, ops
from opwright.errors import ArgumentError

from opwright_pooling.avg_pool import avg_pool as avg_pool_op
from opwright_pooling.max_pool import max_pool as max_pool_op
from opwright_pooling.max_pool import max_pool_with_argmax as argmax_op
from opwright_pooling.windows import attributes, extents


def _pooled(op: Any, input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any, name: Any) -> Any:
    input = convert_to_tensor(input)
    return op(input, **attributes(op.name, input.shape.rank, ksize, strides, padding, data_format), name=name)


@export("nn.max_pool")
def max_pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None, name: str | None = None
) -> Any:
    """The largest element of each window of a tensor of 1 to 3 dimensions besides batch and channels.

    ksize and strides: one number, one for each of these dimensions, or one for each dimension of the tensor. padding:
    "VALID", "SAME" (output size ceil(size / stride), as many elements added before as after, or one less), or pairs of
    numbers. nan counts as largest. data_format: N...C (the default) or NC.... The gradient goes to the first of equal
    elements. Raises ShapeError where a window does not fit, ArgumentError for what describes none.
    """
    return _pooled(max_pool_op, input, ksize, strides, padding, data_format, name)


@export("nn.avg_pool")
def avg_pool(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None, name: str | None = None
) -> Any:
    """The mean of each window; elements outside the input do not count. For the arguments see nn.max_pool."""
    return _pooled(avg_pool_op, input, ksize, strides, padding, data_format, name)


@export("nn.max_pool1d")
def max_pool1d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC", name: str | None = None
) -> Any:
    """nn.max_pool of a tensor of 3 dimensions."""
    return _pooled(max_pool_op, input, ksize, strides, padding, data_format, name)


@export("nn.max_pool2d")
def max_pool2d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC", name: str | None = None
) -> Any:
    """nn.max_pool of a tensor of 4 dimensions."""
    return _pooled(max_pool_op, input, ksize, strides, padding, data_format, name)


@export("nn.max_pool3d")
def max_pool3d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC", name: str | None = None
) -> Any:
    """nn.max_pool of a tensor of 5 dimensions."""
    return _pooled(max_pool_op, input, ksize, strides, padding, data_format, name)


@export("nn.avg_pool1d")
def avg_pool1d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC", name: str | None = None
) -> Any:
    """nn.avg_pool of a tensor of 3 dimensions."""
    return _pooled(avg_pool_op, input, ksize, strides, padding, data_format, name)


@export("nn.avg_pool2d")
def avg_pool2d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC", name: str | None = None
) -> Any:
    """nn.avg_pool of a tensor of 4 dimensions."""
    return _pooled(avg_pool_op, input, ksize, strides, padding, data_format, name)


@export("nn.avg_pool3d")
def avg_pool3d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC", name: str | None = None
) -> Any:
    """nn.avg_pool of a tensor of 5 dimensions."""
    return _pooled(avg_pool_op, input, ksize, strides, padding, data_format, name)


@export("nn.max_pool_with_argmax")
def max_pool_with_argmax(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    output_dtype: Any = "int64",
    include_batch_in_index: bool = False,
    name: str | None = None,
) -> tuple[Any, Any]:
    """The largest element of each window, and where it was: its index in the flattened image, or with
    `include_batch_in_index` in the flattened batch. The first of equal elements counts."""
    input = convert_to_tensor(input)
    windows = attributes(argmax_op.name, input.shape.rank, ksize, strides, padding, data_format)
    largest, at = argmax_op(input, **windows, include_batch_in_index=include_batch_in_index, name=name)
    return largest, at if at.dtype == output_dtype else ops.cast(at, output_dtype)


@export("nn.pool")
def pool(
    input: Any,
    window_shape: Any,
    pooling_type: str,
    strides: Any = None,
    padding: str = "VALID",
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """nn.max_pool ("MAX") or nn.avg_pool ("AVG") with windows whose elements may lie `dilations` apart.

    Dilated windows exclude strides; their SAME padding is of zeros that take part, as in TensorFlow, and the input's
    sizes must be known when the graph is built.
    """
    kinds = {"MAX": max_pool, "AVG": avg_pool}
    if pooling_type.upper() not in kinds:
        raise ArgumentError(f"[pool] pooling_type must be MAX or AVG, got {pooling_type!r}")
    pooled, strides = kinds[pooling_type.upper()], 1 if strides is None else strides
    input = convert_to_tensor(input)
    described = attributes("pool", input.shape.rank, window_shape, strides, padding, data_format)
    n, first = len(described["ksize"]), described["channels_first"]
    rates = extents("pool", "dilations", 1 if dilations is None else dilations, n, first)
    if max(rates) == 1:
        return pooled(input, window_shape, strides, padding, data_format, name)
    if max(described["strides"]) > 1:
        raise ArgumentError(f"[pool] strides must be 1 where dilations are {rates}, got {described['strides']}")
    last = ops.transpose(input, [0, *range(2, n + 2), 1]) if first else input
    cells = _dilated(pooled, last, described, rates)
    return ops.transpose(cells, [0, n + 1, *range(1, n + 1)], name=name) if first else ops.identity(cells, name=name)


def _dilated(pooled: Any, input: Any, described: dict[str, Any], rates: list[int]) -> Any:
    """Pooling of the cells that elements `rates` apart form: space to batch, VALID, and back."""
    ksize, sizes = described["ksize"], input.shape.known()[1:-1]
    spans = [(k - 1) * r if described["padding"] == "SAME" else 0 for k, r in zip(ksize, rates)]
    before = [span // 2 for span in spans]
    ends = [-(size + span) % r for size, span, r in zip(sizes, spans, rates)]  # fills the last cell
    pads = [(b, span - b + e) for b, span, e in zip(before, spans, ends)]
    cells = pooled(ops.space_to_batch_nd(input, rates, pads), ksize, 1, "VALID")
    return ops.batch_to_space_nd(cells, rates, [(0, e) for e in ends])

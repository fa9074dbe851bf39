"""conv: y[p, o] = sum over taps k and channels c of x[p * stride + k * dilation - padding, c] w[k, c, o], and the two
ops that are its derivatives.

All take images [n, *spatial, channels] and filters [*spatial, in_channels, out_channels]. The convolution is linear in
each argument, so the derivatives of all three are among the three.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from opwright import OpDef, Shape, dtypes, ops
from opwright.inference import shape_from

conv = OpDef(
    "conv(input: T, filters: T, strides: ints, padding: str, explicit_paddings: ints, dilations: ints, "
    "depthwise: bool = False) -> (y: T)",
    T=dtypes.floats,
)
conv_backprop_input = OpDef(
    "conv_backprop_input(input_sizes: I['rank'], filters: T, dy: T, strides: ints, padding: str, "
    "explicit_paddings: ints, dilations: ints, depthwise: bool = False) -> (dx: T)",
    T=dtypes.floats,
    I=dtypes.indices,
)
conv_backprop_filter = OpDef(
    "conv_backprop_filter(input: T, filter_sizes: I['rank'], dy: T, strides: ints, padding: str, "
    "explicit_paddings: ints, dilations: ints, depthwise: bool = False) -> (dw: T)",
    T=dtypes.floats,
    I=dtypes.indices,
)


class Window:
    """One dimension of a convolution: how the filter moves."""

    def __init__(self, c: Any, i: int) -> None:
        self.stride, self.dilation = c.attr.strides[i], c.attr.dilations[i]
        self.same = c.attr.padding == "SAME"
        explicit = c.attr.padding == "EXPLICIT"
        self.padding = sum(c.attr.explicit_paddings[2 * i : 2 * i + 2]) if explicit else 0

    def room(self, size: int | None, taps: int | None) -> int | None:
        """How far the filter can move over a dimension of that size; negative if it does not fit."""
        if size is None or (taps is None and not self.same):
            return None
        return size - 1 if self.same else size + self.padding - ((taps - 1) * self.dilation + 1)

    def output(self, size: int | None, taps: int | None) -> int | None:
        room = self.room(size, taps)
        return None if room is None else room // self.stride + 1


def _ranked(c: Any, name: str, shape: Shape) -> list[int | None]:
    """The dimensions, as many as the convolution has; None for those that are unknown."""
    rank = len(c.attr.strides) + 2
    if shape.dims is None:
        return [None] * rank
    c.require(len(shape) == rank, f"{name} must have {rank} dimensions", f"shape {shape}")
    return list(shape)


def _check_attributes(c: Any) -> None:
    """Raises ShapeError unless there is a stride, a dilation (and a pair of paddings) for each of 1 to 3 dimensions."""
    a = c.attr
    rank = len(a.strides)
    c.require(1 <= rank <= 3 and min(a.strides) > 0, "strides must be 1 to 3 positive numbers", a.strides)
    c.require(
        len(a.dilations) == rank and min(a.dilations) > 0, f"dilations must be {rank} positive numbers", a.dilations
    )
    c.require(a.padding in ("SAME", "VALID", "EXPLICIT"), "padding must be SAME, VALID or EXPLICIT", repr(a.padding))
    given = a.explicit_paddings
    fits = a.padding != "EXPLICIT" or (len(given) == 2 * rank and min(given) >= 0)
    c.require(fits, f"explicit_paddings must be {rank} pairs of numbers that are not negative", given)


def _output_shape(c: Any, x: Shape, w: Shape) -> Shape:
    """The shape of y from those of input and filters, which are checked against each other."""
    _check_attributes(c)
    images, *size, channels = _ranked(c, "input", x)
    *taps, group, out = _ranked(c, "filters", w)
    c.require(all(k is None or k > 0 for k in taps), "filters must have at least one element in each dimension", w)
    if c.attr.depthwise:
        c.require(None in (group, channels) or group == channels, f"filters must have in_channels = {channels}", w)
        out = None if None in (group, out) else group * out
    elif group is not None:
        c.require(group > 0, "filters must have at least one input channel", f"shape {w}")
        fits = channels is None or channels % group == 0
        c.require(fits, f"filters must have in_channels = {channels}, or a divisor of it", f"shape {w}")
        groups = 1 if channels is None else max(channels // group, 1)
        c.require(
            out is None or out % groups == 0, f"out_channels must be a multiple of the {groups} groups", f"shape {w}"
        )
    windows = [Window(c, i) for i in range(len(size))]
    for window, n, k in zip(windows, size, taps):
        room = window.room(n, k)
        c.require(
            room is None or room >= 0 or n == 0 == room + 1,
            "filters, dilated, must not be larger than the padded input",
            f"filters {w} over input {x} with padding {c.attr.padding}",
        )
    return Shape([images, *[m.output(n, k) for m, n, k in zip(windows, size, taps)], out])


def _agree(c: Any, want: Shape) -> None:
    dy = Shape(_ranked(c, "dy", c.shape("dy")))
    c.require(want.is_compatible_with(dy), f"dy must have the shape {want} of the convolution's output", f"shape {dy}")


@conv.shape
def _conv_shape(c):
    return _output_shape(c, c.shape("input"), c.shape("filters"))


@conv_backprop_input.shape
def _backprop_input_shape(c):
    x = _sizes(c, "input_sizes")
    _agree(c, _output_shape(c, x, c.shape("filters")))
    return x


@conv_backprop_filter.shape
def _backprop_filter_shape(c):
    w = _sizes(c, "filter_sizes")
    _agree(c, _output_shape(c, c.shape("input"), w))
    return w


def _sizes(c: Any, name: str) -> Shape:
    sizes = c.partial(name)
    if sizes is not None:
        sizes = [None if n is None else int(n) for n in sizes]
        c.require(all(n is None or n >= 0 for n in sizes), f"{name} must not be negative", sizes)
    return Shape(_ranked(c, name, shape_from(sizes, len(c.attr.strides) + 2)))


# Shapes of input, filters and output; strides, dilations, padding (pairs: EXPLICIT), depthwise.
_EXAMPLES: Any = (
    ((1, 3, 3, 1), (2, 2, 1, 2), (1, 3, 3, 2), (1, 1), (1, 1), "SAME", False),
    ((2, 4, 2), (3, 2, 1), (2, 1, 1), (2,), (1,), "VALID", False),
    ((1, 4, 3, 2), (3, 2, 2, 2), (1, 2, 2, 2), (1, 1), (2, 1), (1, 1, 0, 0), False),
    ((1, 3, 3, 2), (2, 2, 2, 2), (1, 2, 2, 4), (1, 1), (1, 1), "VALID", True),
    ((1, 4, 4), (3, 2, 2), (1, 2, 2), (2,), (1,), "SAME", False),  # two groups
    ((1, 2, 2, 2, 1), (1, 2, 2, 1, 2), (1, 2, 1, 1, 2), (1, 1, 1), (1, 1, 1), "VALID", False),
    ((0, 3, 3, 1), (2, 2, 1, 1), (0, 3, 3, 1), (1, 1), (1, 1), "SAME", False),
    ((2, 17, 16, 7), (3, 3, 7, 17), (2, 9, 8, 17), (2, 2), (1, 1), "SAME", False),
)


def _examples(names: tuple[str, str, str]) -> Any:
    """Examples whose arguments are what `names` say of the convolution's three tensors: one, or the sizes of one."""

    def examples(rng: Any) -> list[dict[str, Any]]:
        found = []
        for *shapes, strides, dilations, padding, depthwise in _EXAMPLES:
            given = {
                name: np.array(s, np.int32) if name.endswith("sizes") else rng.normal(size=s)
                for name, s in zip(names, shapes)
                if name
            }
            explicit = () if isinstance(padding, str) else padding
            how = {"padding": "EXPLICIT" if explicit else padding, "explicit_paddings": explicit}
            found.append({**given, "strides": strides, "dilations": dilations, "depthwise": depthwise, **how})
        return found

    return examples


conv.examples(_examples(("input", "filters", "")))
conv_backprop_input.examples(_examples(("input_sizes", "filters", "dy")))
conv_backprop_filter.examples(_examples(("input", "filter_sizes", "dy")))


def attributes_of(node: Any) -> dict[str, Any]:
    """The attributes that the three ops share."""
    names = ("strides", "padding", "explicit_paddings", "dilations", "depthwise")
    return {name: getattr(node.attr, name) for name in names}


def sizes_of(x: Any) -> Any:
    """A tensor's shape, as numbers where it is known."""
    return x.shape.known() if x.shape.is_known else ops.shape(x)


@conv.gradient
def _conv_gradient(node, dy):
    x, w, how = node.input("input"), node.input("filters"), attributes_of(node)
    return conv_backprop_input(sizes_of(x), w, dy, **how), conv_backprop_filter(x, sizes_of(w), dy, **how)


@conv_backprop_input.gradient
def _backprop_input_gradient(node, ddx):
    w, dy, how = node.input("filters"), node.input("dy"), attributes_of(node)
    return None, conv_backprop_filter(ddx, sizes_of(w), dy, **how), conv(ddx, w, **how)


@conv_backprop_filter.gradient
def _backprop_filter_gradient(node, ddw):
    x, dy, how = node.input("input"), node.input("dy"), attributes_of(node)
    return conv_backprop_input(sizes_of(x), ddw, dy, **how), None, conv(x, ddw, **how)

"""zero_out(to_zero, preserve_index): all elements 0 but one, counted flat. The op of TensorFlow's tutorial on ops."""

from opwright import OpDef

zero_out = OpDef(
    "tutorial::zero_out(to_zero: T['*s'], preserve_index: int = 0) -> (zeroed: T['*s'])",
    T=("int32", "int64", "float32", "float64"),
)


@zero_out.shape
def _shape(c):
    shape, index = c.shape("to_zero"), c.attr.preserve_index
    c.require(index >= 0, "preserve_index must not be negative", index)
    size = shape.num_elements()  # None while a graph is built of unknown sizes; known when it runs
    c.require(size is None or index < size, f"preserve_index must be below the {size} elements of to_zero", index)
    return shape


@zero_out.gradient
def _gradient(node, dy):
    return zero_out(dy, node.attr.preserve_index)

"""Shapes, dtypes and values that are known before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np

from opwright import dims
from opwright.dtypes import BY_NAME, DType, to_storage
from opwright.errors import SchemaError, ShapeError
from opwright.opdef import OpDef
from opwright.schema import TensorArg
from opwright.shapes import Shape, as_shape

T = TypeVar("T")
LARGEST_KNOWN_VALUE = 4096  # elements; larger values are not computed while a graph is built


class Context:
    """What a shape function sees of a node: shapes, attributes, and the values that are known."""

    def __init__(
        self,
        definition: OpDef,
        groups: Sequence[Sequence[Any]],
        attributes: dict[str, Any],
        value_of: Callable[[Any], Any],
        partial_of: Callable[[Any], Any] | None = None,
        known_of: Callable[[Any], Any] | None = None,
        final: bool = False,
    ) -> None:
        """`groups` holds the tensors or planned values of each argument, `value_of(tensor)` is what is known of one."""
        self.definition = definition
        self.final = final  # a plan is being made: shapes are concrete
        self.results: list[tuple[int, ...]] = []  # for view functions: the outputs' shapes
        self.asked = False  # whether a value was asked for, known or not: shapes may then follow from more than shapes
        self.attr = SimpleNamespace(**attributes)
        self.attributes = attributes
        self.groups = groups
        self._shapes = [[as_shape(tensor.shape) for tensor in group] for group in groups]
        self._value_of = value_of
        self._partial_of = partial_of or self._elements
        self._known_of = known_of or value_of

    def shape(self, name: str) -> Shape:
        return self._shapes[self.definition.arg_index(name)][0]

    def shapes(self, name: str) -> list[Shape]:
        """The shapes of a list argument."""
        return list(self._shapes[self.definition.arg_index(name)])

    def has(self, name: str) -> bool:
        """Whether an optional argument is there."""
        return bool(self._shapes[self.definition.arg_index(name)])

    def dtype(self, name: str) -> DType:
        return self.groups[self.definition.arg_index(name)][0].dtype  # type: ignore[no-any-return]

    def value(self, name: str) -> Any:
        """The argument's value as an array, or None if it is not known yet."""
        self.definition.value_args.add(name)
        return self._told(self._value_of, name, 0)

    def partial(self, name: str, item: int = 0) -> Any:
        """What is known of the argument's elements: an object array with None where nothing is, or None."""
        self.definition.value_args.add(name)
        return self._told(self._partial_of, name, item)

    def known(self, name: str, item: int = 0) -> Any:
        """The argument's value if it does not depend on what is fed, else None: asking makes no plan for each value."""
        return self._told(self._known_of, name, item)

    def _told(self, about: Callable[[Any], Any], name: str, item: int) -> Any:
        self.asked = True
        group = self.groups[self.definition.arg_index(name)]
        return about(group[item]) if group else None

    def _elements(self, tensor: Any) -> Any:
        value = self._value_of(tensor)
        return None if value is None else value.astype(object)

    def require(self, ok: bool, requirement: str, got: Any) -> None:
        """Raises ShapeError "[op] requirement, got ..." unless ok."""
        if not ok:
            raise ShapeError(f"[{self.definition.name}] {requirement}, got {got}")

    def output_shapes(self) -> list[Shape]:
        """The outputs' shapes, by the signature's named dimensions and the op's shape function."""
        schema = self.definition.schema
        by_name = {arg.name: group for arg, group in zip(schema.tensors, self._shapes, strict=True)}
        sizes = dims.match(schema, by_name, self.attributes)
        signed = [dims.output_shape(schema, out, sizes) for out in schema.outputs]
        if self.definition.shape_function is None:
            return signed
        made = _shapes(self.definition, self.definition.shape_function(self))
        if schema.outputs and schema.outputs[0].is_list:
            return [shape.merge(signed[0]) for shape in made]
        if len(made) != len(signed):
            raise SchemaError(
                f"[{self.definition.name}] the shape function must give {len(signed)} shapes, got {len(made)}"
            )
        return [a.merge(b) for a, b in zip(made, signed, strict=True)]

    def outputs(self, shapes: list[Shape] | None = None) -> list[tuple[DType, Shape]]:
        """The outputs' dtypes and shapes; other shapes than inferred, if given."""
        shapes = self.output_shapes() if shapes is None else shapes
        dtypes = output_dtypes(self.definition, self.groups, self.attributes, len(shapes))
        return list(zip(dtypes, shapes, strict=True))

    def bounds(self) -> list[Shape]:
        """The largest shapes outputs of data-dependent size can have."""
        assert self.definition.bound_function is not None
        return _shapes(self.definition, self.definition.bound_function(self))


def _shapes(definition: OpDef, made: Any) -> list[Shape]:
    if isinstance(made, Shape):
        return [made]
    if isinstance(made, (list, tuple)) and all(isinstance(s, Shape) for s in made):
        return list(made)
    if isinstance(made, (list, tuple)) and len(definition.schema.outputs) == 1:
        return [as_shape(made)]
    raise SchemaError(f"[{definition.name}] the shape function must return Shapes, got {made!r}")


def output_dtypes(
    definition: OpDef, groups: Sequence[Sequence[Any]], attributes: dict[str, Any], n: int
) -> list[DType]:
    """The dtypes of n outputs, from those of what `groups` holds for each tensor argument."""
    if definition.dtypes_function is not None:
        return list(definition.dtypes_function(attributes))
    schema = definition.schema
    bound = {arg.dtype: group[0].dtype for arg, group in zip(schema.tensors, groups, strict=True) if group}
    outs = schema.outputs * n if schema.outputs and schema.outputs[0].is_list else schema.outputs
    return [_output_dtype(out, bound, attributes) for out in outs]


def _output_dtype(out: TensorArg, bound: dict[str, DType], attributes: dict[str, Any]) -> DType:
    if out.dtype in bound:
        return bound[out.dtype]
    if out.dtype in BY_NAME:
        return BY_NAME[out.dtype]
    dtype: DType = attributes[out.dtype]
    return dtype


class Kinds:
    """What follows from ops, attributes and kinds of inputs, computed once for nodes that are alike in these."""

    def __init__(self) -> None:
        self._found: dict[Any, Any] = {}

    def of(
        self,
        definition: OpDef,
        groups: Sequence[Sequence[Any]],
        attributes: dict[str, Any],
        context: Callable[[], Context],
        work: Callable[[Context], T],
    ) -> T:
        """work(context()), kept if that asks for no input's value and no attribute is an object, which may change."""
        kinds = tuple([tuple([(tensor.shape, tensor.dtype) for tensor in group]) for group in groups])
        key: Any = definition, tuple(attributes.items()), kinds
        try:
            found = self._found.get(key)
        except TypeError:  # an array among the attributes
            return work(context())
        if found is None:
            asked = context()
            found = work(asked)
            if not asked.asked and not any(a.kind == "object" for a in definition.schema.attributes):
                self._found[key] = found
        return found


def infer(node: Any, kinds: Kinds) -> list[tuple[DType, Shape]]:
    """The dtype and static shape of each output of a graph's operation. Raises ShapeError."""
    return kinds.of(node.definition, node.groups, node.attributes, lambda: graph_context(node), Context.outputs)


def graph_context(node: Any) -> Context:
    """The context of an operation whose inputs are a graph's tensors."""
    return Context(node.definition, node.groups, node.attributes, lambda t: t.static_value(), partial_value)


def constant_value(tensor: Any) -> Any:
    """The value of a graph's tensor if it follows from constants alone and is small; else None."""
    node = tensor.op
    definition = node.definition
    if definition.role == "constant":
        return node.attributes["value"]
    if definition.value_function is not None:
        partial = definition.value_function(graph_context(node))
        if partial is not None:
            known = not any(v is None for v in np.asarray(partial, object).flat)
            return stored(partial, tensor.dtype) if known else None
    if definition.role != "kernel" or definition.stateful or not _small(node):
        return None
    values = [t.static_value() for t in node.inputs]
    if any(v is None for v in values):
        return None
    from opwright.eager import evaluate

    return evaluate(definition, node.groups, values, node.attributes)[tensor.index]


def stored(elements: Any, dtype: DType) -> np.ndarray[Any, Any]:
    """Known elements in the dtype's storage. Integers wrap around, as they do in kernels."""
    array = np.asarray(elements)
    if array.dtype.kind == "O" and dtype.is_integer:
        array = np.array([int(v) % 2**64 for v in array.flat], np.uint64).reshape(array.shape)
    return to_storage(array, dtype)


def _small(node: Any) -> bool:
    tensors = [*node.inputs, *node.outputs]
    return all(t.shape.is_known and t.shape.num_elements() <= LARGEST_KNOWN_VALUE for t in tensors)


def partial_value(tensor: Any) -> Any:
    """What is known of a tensor's elements, as an object array with None for the rest; None if nothing is."""
    value = tensor.static_value()
    if value is not None:
        return value.astype(object)
    if tensor.op.definition.value_function is None:
        return None
    known = tensor.op.definition.value_function(graph_context(tensor.op))
    return None if known is None else np.asarray(known, object)


def shape_from(elements: Any, length: int | None) -> Shape:
    """The Shape that a 1-D tensor of sizes describes, from what is known of its elements and of its length.

    -1 among the elements means unknown.
    """
    if elements is not None:
        return Shape(None if v is None or v == -1 else int(v) for v in elements)
    return Shape(None if length is None else [None] * length)

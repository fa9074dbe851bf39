"""TensorArray: tensors of one shape, written and read one by one; in a graph the rows of one, written in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opwright import as_dtype, convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError, ShapeError
from opwright.shapes import Shape, as_shape


@export("TensorArray")
class TensorArray:
    """`size` tensors of a dtype, zeros at first. Each writing method returns the array to go on with.

    In a graph all have the shape of element_shape or of what is first written; as a loop variable an array takes its
    shape from what the body writes. Eagerly a dynamic_size=True array grows. Raises ShapeError where shapes differ.
    """

    def __init__(
        self,
        dtype: Any,
        size: Any = None,
        dynamic_size: bool | None = None,
        clear_after_read: bool | None = None,
        tensor_array_name: str | None = None,
        handle: Any = None,
        flow: Any = None,
        infer_shape: bool = True,
        element_shape: Any = None,
        colocate_with_first_write_call: bool = True,
        name: str | None = None,
    ) -> None:
        self.dtype = as_dtype(dtype)
        self.dynamic_size = bool(dynamic_size)
        self.element_shape = as_shape(element_shape)
        self._size = 0 if size is None else size
        self._rows: Any = None  # in a graph, once the shape is known: a tensor [size, *element_shape]
        self._items: list[Any] | None = None  # eagerly
        self._graph: Any = None  # the loop's body that it waits in for the shape of its elements
        if scopes.current_graph() is None:
            self._items = [None] * int(self._size)
        elif self.dynamic_size:
            raise ArgumentError(
                "[TensorArray] in a graph the size must be fixed, got dynamic_size=True; give it the size"
            )
        elif self.element_shape.is_known:
            self.settle(self.element_shape)

    # -- as a nest: what loops carry on --------------------------------------------------------------------------------

    def __opwright_nest__(self) -> tuple[list[Any], Callable[[list[Any]], Any]] | None:
        """The tensor that holds it (none while its elements' shape is not known), and how to make it of another one.
        None eagerly: there it is a leaf."""
        if self._items is not None:
            return None
        return ([] if self._rows is None else [self._rows]), lambda made: self._with(rows=made[0] if made else None)

    def _with(self, rows: Any = None, items: list[Any] | None = None) -> TensorArray:
        made = object.__new__(TensorArray)
        made.__dict__.update(self.__dict__)
        made._rows, made._items = rows, items
        if rows is not None and rows.shape.rank:
            made.element_shape = rows.shape[1:]
        return made

    @property
    def is_settled(self) -> bool:
        """Whether the shape of the elements is known."""
        return self._items is not None or self._rows is not None

    def settle(self, element_shape: Shape) -> None:
        """Gives the elements a shape. Raises ShapeError if it is not fully known."""
        self._rows = self._zeros(element_shape)
        self.element_shape = element_shape

    def _zeros(self, element_shape: Shape) -> Any:
        if not element_shape.is_known:
            raise ShapeError(
                f"[TensorArray] the shape of the elements must be known, got {element_shape}; pass element_shape"
            )
        size = ops.reshape(ops.cast(convert_to_tensor(self._size), "int32"), [1])
        dims = ops.concat([size, ops.constant(list(element_shape.known()), dtype="int32")], 0)
        return ops.fill(dims, ops.zeros([], self.dtype))

    # -- reading and writing -------------------------------------------------------------------------------------------

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with an element replaced."""
        value = self._element(value)
        if self._items is not None:
            at = int(index)
            if at >= len(self._items) and self.dynamic_size:
                self._items += [None] * (at + 1 - len(self._items))
            if not 0 <= at < len(self._items):
                raise ArgumentError(f"[TensorArray] index must lie in [0, {len(self._items)}), got {at}")
            self._items[at] = value
            return self
        rows = self._settled(value.shape)
        index = ops.reshape(convert_to_tensor(index), [1, 1])
        return self._with(rows=ops.tensor_scatter_nd_update(rows, index, ops.expand_dims(value, 0)))

    def _element(self, value: Any) -> Any:
        known = hasattr(value, "dtype")
        value = convert_to_tensor(value, None if known else self.dtype)
        if value.dtype is not self.dtype:
            raise ArgumentError(f"[TensorArray] elements must be {self.dtype.name}, got {value.dtype.name}; cast it")
        if not value.shape.is_compatible_with(self.element_shape):
            raise ShapeError(f"[TensorArray] elements must have shape {self.element_shape}, got {value.shape}")
        if self._items is not None and self.element_shape.rank is None:
            self.element_shape = value.shape
        return value

    def wait_in(self, body: Any) -> None:
        """Makes an array that a loop carries on an input of its body, once the shape of the elements is known."""
        self._graph = body

    def _settled(self, shape: Shape) -> Any:
        if self._rows is None and self._graph is not None and shape.is_known:
            size = self._size if isinstance(self._size, int) else None
            self._rows = self._graph.argument(self.dtype, Shape([size]).concatenate(shape))
            self.element_shape = shape
        return self._zeros(shape.merge(self.element_shape)) if self._rows is None else self._rows

    def read(self, index: Any, name: str | None = None) -> Any:
        """An element."""
        if self._items is None:
            return ops.gather(self._settled(self.element_shape), index)
        at = int(index)
        if not 0 <= at < len(self._items):
            raise ArgumentError(f"[TensorArray] index must lie in [0, {len(self._items)}), got {at}")
        return self._zero() if self._items[at] is None else self._items[at]

    def _zero(self) -> Any:
        return ops.zeros(self.element_shape.known(), self.dtype)

    def stack(self, name: str | None = None) -> Any:
        """All elements as one tensor."""
        if self._items is None:
            return self._settled(self.element_shape)
        if not self._items:
            return ops.zeros([0, *self.element_shape.known()], self.dtype)
        return ops.stack([self._zero() if item is None else item for item in self._items])

    def gather(self, indices: Any, name: str | None = None) -> Any:
        """Some elements as one tensor."""
        return ops.gather(self.stack(), indices)

    def concat(self, name: str | None = None) -> Any:
        """All elements one after another along their first dimension."""
        stacked = self.stack()
        return ops.reshape(stacked, [-1, *stacked.shape.known_rank()[2:]])

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """The array of a tensor's rows."""
        value = convert_to_tensor(value, None if hasattr(value, "dtype") else self.dtype)
        if self._items is not None:
            return self._with(items=[self._element(value[i]) for i in range(len(value))])
        return self._with(rows=value)

    def scatter(self, indices: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with the rows of a tensor written where `indices` say."""
        value = convert_to_tensor(value, None if hasattr(value, "dtype") else self.dtype)
        if self._items is not None:
            for at, item in zip(convert_to_tensor(indices).numpy(), value, strict=True):
                self.write(int(at), item)
            return self
        rows = self._settled(value.shape[1:])
        return self._with(rows=ops.tensor_scatter_nd_update(rows, ops.expand_dims(indices, -1), value))

    def split(self, value: Any, lengths: Any, name: str | None = None) -> TensorArray:
        """The array of a tensor cut into pieces of these lengths, which must be equal in a graph."""
        sizes = [int(n) for n in convert_to_tensor(lengths).static_value()]
        pieces = ops.split(convert_to_tensor(value), sizes)
        return self.unstack(ops.stack(pieces)) if self._items is None else self._with(items=list(pieces))

    def size(self, name: str | None = None) -> Any:
        """How many elements there are, as a tensor."""
        if self._items is not None:
            return ops.constant(len(self._items))
        return convert_to_tensor(self._size) if self._rows is None else ops.shape(self._rows)[0]

    def identity(self) -> TensorArray:
        return self

    def close(self, name: str | None = None) -> None:
        """Nothing has to be closed."""

    @property
    def flow(self) -> Any:
        """The tensor that holds the elements."""
        return self._rows

    def __repr__(self) -> str:
        return f"<TensorArray of {self.dtype.name}{self.element_shape}>"


def settle_like(before: Any, after: Any) -> bool:
    """Gives arrays in a nest whose elements have no shape yet that of their counterparts; whether there were any."""
    if isinstance(before, TensorArray):
        waiting = isinstance(after, TensorArray) and not before.is_settled and after.is_settled
        if waiting:
            before.settle(after.element_shape)
        return waiting
    if isinstance(before, dict) and isinstance(after, dict):
        return any([settle_like(before[k], after[k]) for k in before if k in after])
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        return any([settle_like(b, a) for b, a in zip(before, after, strict=False)])
    return False


def arrays(nest: Any) -> list[TensorArray]:
    """The arrays in a nest."""
    if isinstance(nest, TensorArray):
        return [nest]
    parts = nest.values() if isinstance(nest, dict) else nest if isinstance(nest, (list, tuple)) else ()
    return [array for part in parts for array in arrays(part)]


def unsettled(nest: Any) -> bool:
    """Whether a nest holds an array whose elements have no shape yet."""
    return any(not array.is_settled for array in arrays(nest))

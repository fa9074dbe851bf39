"""EagerTensor: a tensor with a value, held as its dtype is stored; EagerRef: the memory of a variable."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from opwright import ops
from opwright.dtypes import DType, from_storage, to_storage
from opwright.errors import ArgumentError, DTypeError, ShapeError
from opwright.operators import Operators
from opwright.runtime import aligned
from opwright.shapes import Shape


class Kind:
    """A dtype and a shape, and whether it is a variable's memory. There is one object for each combination, so that
    looking up what is known for a kind costs a comparison of addresses."""

    __slots__ = ("dtype", "is_ref", "shape")

    def __init__(self, dtype: DType, shape: Shape, is_ref: bool) -> None:
        self.dtype = dtype
        self.shape = shape
        self.is_ref = is_ref


_kinds: dict[tuple[str, tuple[int, ...], bool], Kind] = {}


def kind_of(dtype: DType, shape: tuple[int, ...], is_ref: bool = False) -> Kind:
    """The Kind of that dtype and shape."""
    key = dtype.name, shape, is_ref
    found = _kinds.get(key)
    return _kinds.setdefault(key, Kind(dtype, Shape(shape), is_ref)) if found is None else found


class EagerTensor(Operators):
    """A tensor with a value, which never changes. Mixes with NumPy's arrays, and shares memory with them.

    `==` and `!=` compare elements, as in TensorFlow 2 and NumPy; as a key of a dict a tensor stands for itself.
    """

    __slots__ = ("__weakref__", "kind", "storage")
    is_ref = False

    def __init__(self, storage: np.ndarray[Any, Any], dtype: DType) -> None:
        self.storage = storage
        self.kind = kind_of(dtype, storage.shape)

    @property
    def dtype(self) -> DType:
        return self.kind.dtype

    @property
    def shape(self) -> Shape:
        return self.kind.shape

    @property
    def ndim(self) -> int:
        return self.storage.ndim

    @property
    def device(self) -> str:
        return "cpu:0"

    @property
    def size(self) -> int:
        return self.storage.size

    def get_shape(self) -> Shape:
        return self.kind.shape

    def set_shape(self, shape: Any) -> None:
        """Raises ShapeError unless the tensor has a shape like this."""
        self.shape.merge(shape)

    def static_value(self) -> Any:
        return self.storage

    def ref(self) -> EagerTensor:
        """The tensor as a key of a dict, for programs written for TensorFlow: itself."""
        return self

    deref = ref

    # -- as a value ----------------------------------------------------------------------------------------------------

    def numpy(self) -> Any:
        """The value as a NumPy array of its own or, without dimensions, a NumPy scalar."""
        found = from_storage(self.storage, self.dtype)
        return found.copy() if found.shape else found[()]

    def tolist(self) -> Any:
        """The value as nested lists of Python numbers."""
        return from_storage(self.storage, self.dtype).tolist()

    def item(self) -> Any:
        """The value of a tensor of one element as a Python number."""
        return from_storage(self.storage, self.dtype).item()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The value as an array that cannot be written: the tensor's memory, unless dtype or copy ask for another."""
        found = from_storage(self.storage, self.dtype)
        if copy or (dtype is not None and found.dtype != dtype):
            if copy is False:
                raise ValueError(f"an array of {dtype} needs a copy of a {self.dtype.name} tensor; pass copy=None")
            return np.array(found, dtype=dtype)
        view = found.view()
        view.flags.writeable = False
        return view

    def __dlpack__(self, **options: Any) -> Any:
        """The tensor's memory for other frameworks (torch.from_dlpack, cupy.from_dlpack, numpy.from_dlpack)."""
        if self.dtype.is_coded:
            raise BufferError(f"{self.dtype.name} tensors cannot be exported; cast bfloat16 to float32 first")
        return self.storage.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # DLPack's kDLCPU

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        """The functions of Python's array API standard."""
        return ops.array_api

    def __bool__(self) -> bool:
        if self.storage.size != 1:
            raise ValueError(
                f"the truth value of a tensor of shape {self.shape} is not defined; use reduce_any or reduce_all"
            )
        return bool(from_storage(self.storage, self.dtype))

    def __float__(self) -> float:
        return float(self._scalar("float"))

    def __int__(self) -> int:
        return int(self._scalar("int"))

    def __complex__(self) -> complex:
        return complex(self._scalar("complex"))

    def __index__(self) -> int:
        if not self.dtype.is_integer:
            raise TypeError(f"only an integer tensor can be an index, got {self.dtype.name}; cast it")
        return int(self._scalar("index"))

    def _scalar(self, what: str) -> Any:
        if self.storage.size != 1:
            raise TypeError(f"only a tensor of one element converts to {what}, got shape {self.shape}")
        return self.item()

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.storage.ndim == 0 else format(str(self), spec)

    def __len__(self) -> int:
        if self.storage.ndim == 0:
            raise TypeError("a tensor without dimensions has no length; its shape is ()")
        return len(self.storage)

    def __iter__(self) -> Any:
        if self.storage.ndim == 0:
            raise TypeError("a tensor without dimensions cannot be iterated over; its shape is ()")
        return (self[i] for i in range(len(self.storage)))

    def __setitem__(self, key: Any, value: Any) -> None:
        raise ArgumentError(
            "a tensor cannot be written, got an assignment to its elements; use tensor_scatter_nd_update, or a Variable"
        )

    def __copy__(self) -> EagerTensor:
        return self

    def __deepcopy__(self, memo: Any) -> EagerTensor:
        return EagerTensor(self.storage.copy(), self.dtype)

    def __reduce__(self) -> Any:
        return _restored, (from_storage(self.storage, self.dtype), self.dtype)

    # -- comparing -----------------------------------------------------------------------------------------------------

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        return equal_elements(self, other)

    def __ne__(self, other: object) -> Any:
        found = equal_elements(self, other)
        return not found if isinstance(found, bool) else ops.logical_not(found)

    # -- printing ------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<ow.Tensor: shape={self.shape}, dtype={self.dtype.name}, numpy={value_text(self)}>"

    def __str__(self) -> str:
        return f"ow.Tensor({np.asarray(self)!s}, shape={self.shape}, dtype={self.dtype.name})"


class EagerRef(EagerTensor):
    """A variable's memory, which ops write in place."""

    __slots__ = ("_snapshot", "trainable", "variable")
    is_ref = True

    def __init__(self, value: EagerTensor, variable: Any, trainable: bool) -> None:
        self.move(value)
        self.variable = weakref.ref(variable)
        self.trainable = trainable

    def move(self, value: EagerTensor) -> None:
        """Takes memory of its own for a value, which may have another shape; starts where kernels like it."""
        memory = aligned(value.storage.nbytes).view(value.storage.dtype).reshape(value.storage.shape)
        memory[...] = value.storage
        self.storage = memory
        self.kind = kind_of(value.dtype, memory.shape, is_ref=True)
        self._snapshot: Any = None

    def snapshot(self) -> EagerTensor:
        """The value it has now. No copy is made until the variable is written while the snapshot is alive."""
        found = self._snapshot and self._snapshot()
        if found is None:
            found = EagerTensor(self.storage, self.dtype)
            self._snapshot = weakref.ref(found)
        return found  # type: ignore[no-any-return]

    def release(self) -> None:
        """To be called before it is written: leaves its memory to a snapshot that is alive."""
        if self._snapshot is not None:
            alive, self._snapshot = self._snapshot(), None
            if alive is not None:
                self.move(alive)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(from_storage(self.storage, self.dtype), dtype=dtype)

    def __dlpack__(self, **options: Any) -> Any:
        return EagerTensor(self.storage.copy(), self.dtype).__dlpack__(**options)

    def __reduce__(self) -> Any:
        return _restored, (from_storage(self.storage.copy(), self.dtype), self.dtype)


def _restored(values: Any, dtype: DType) -> EagerTensor:
    return EagerTensor(to_storage(values, dtype), dtype)


def equal_elements(a: Any, b: Any) -> Any:
    """Which elements are equal; False for what cannot be compared: None, shapes that do not broadcast."""
    if b is None or isinstance(b, type) or (isinstance(b, str) and a.dtype.name != "string"):
        return False
    try:
        return ops.equal(a, b)
    except (ShapeError, DTypeError):
        return False


def value_text(tensor: Any) -> str:
    """A value as TensorFlow 2 shows it inside a tensor's repr."""
    value = np.asarray(tensor)
    if value.ndim == 0:
        return str(value[()])
    return ("\n" if value.ndim > 1 else "") + repr(value)

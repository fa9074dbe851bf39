"""Eager execution: each op runs at once, as a plan of one node, cached by op, attributes and shapes."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from opwright import tape
from opwright._abi import ffi
from opwright.binding import as_array, natural_dtype
from opwright.dtypes import DType, from_storage
from opwright.errors import GraphError
from opwright.graph import Graph
from opwright.opdef import OpDef
from opwright.operators import Operators
from opwright.plan import flags
from opwright.plan.reference import fed
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.runtime import Lanes
from opwright.shapes import Shape


class EagerTensor(Operators):
    """A tensor with a value. `storage` holds it as the dtype is stored."""

    __slots__ = ("__weakref__", "dtype", "is_ref", "storage")

    def __init__(self, storage: np.ndarray[Any, Any], dtype: DType, is_ref: bool = False) -> None:
        self.storage = storage
        self.dtype = dtype
        self.is_ref = is_ref

    @property
    def shape(self) -> Shape:
        return Shape(self.storage.shape)

    @property
    def ndim(self) -> int:
        return self.storage.ndim

    def get_shape(self) -> Shape:
        return self.shape

    def numpy(self) -> Any:
        """The value as a NumPy array or, without dimensions, a NumPy scalar."""
        found = from_storage(self.storage, self.dtype)
        return found.copy() if found.shape else found[()]

    def static_value(self) -> Any:
        return self.storage

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        found = from_storage(self.storage, self.dtype)
        return np.array(found, dtype=dtype) if copy or dtype is not None else found.view()

    def __bool__(self) -> bool:
        return bool(self.storage)

    def __float__(self) -> float:
        return float(from_storage(self.storage, self.dtype))

    def __int__(self) -> int:
        return int(from_storage(self.storage, self.dtype))

    def __index__(self) -> int:
        return int(self.storage.item().__index__())

    def __len__(self) -> int:
        return len(self.storage)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self.storage)))

    def __repr__(self) -> str:
        value = np.array2string(np.asarray(self), separator=", ")
        return f"<ow.Tensor: shape={self.shape}, dtype={self.dtype.name}, numpy={value}>"


class World:
    """The home of eager steps."""

    default_device = "cpu"
    soft_placement = True
    raw = True

    def __init__(self) -> None:
        self.lanes = Lanes()
        self.steps: dict[Any, Step] = {}
        self.seed: int | None = None
        self._streams: dict[Any, tuple[dict[str, int], Any]] = {}  # op and its seeds -> key, counter of runs

    def variables(self, op: Any, shape: Any) -> Any:
        raise GraphError(f"[{op.type}] a variable op needs a graph")

    def set_seed(self, seed: int) -> None:
        """Starts the random ops of eager execution anew."""
        self.seed = seed
        self.steps = {key: step for key, step in self.steps.items() if not key[0].random}
        self._streams.clear()

    def rng(self, node: Any) -> tuple[Any, Any]:
        """One stream for each op and seed, whatever the shapes; its runs are counted from the last set_seed.

        Without a seed of the op's or the world's the system gives the key.
        """
        seed, stream = int(node.attributes.get("seed", 0)), int(node.attributes.get("seed2", 0))
        name = node.definition.name
        found = self._streams.get((name, seed, stream))
        if found is None:
            unseeded = seed == 0 and stream == 0 and self.seed is None
            first = int.from_bytes(os.urandom(8), "little") if unseeded else seed or self.seed or 0
            key = {"seed": first % 2**64, "stream": (stream ^ zlib.crc32(name.encode())) % 2**64}
            found = self._streams.setdefault((name, seed, stream), (key, ffi.new("uint64_t *")))
        return ffi.new("ow_rng *", found[0]), found[1]


world = World()


def as_eager(value: Any, dtype: DType | None) -> EagerTensor:
    """The value as an EagerTensor. Raises DTypeError where the dtype cannot hold it."""
    if isinstance(value, EagerTensor):
        return value
    if isinstance(value, (list, tuple)) and any(isinstance(v, EagerTensor) for v in value):
        value = np.stack([np.asarray(as_eager(v, dtype)) for v in value])
    return EagerTensor(as_array(value, dtype), dtype or natural_dtype(value))


def execute(definition: OpDef, groups: Sequence[Sequence[EagerTensor]], attributes: dict[str, Any]) -> Any:
    """Runs an op on eager tensors and records it on the open tapes."""
    if definition.role == "constant":
        return EagerTensor(attributes["value"], attributes["dtype"])
    if definition.role == "nothing":
        return None  # what it would wait for is done
    if definition.role != "kernel":
        raise GraphError(f"[{definition.name}] needs a graph; build it inside `with Graph().as_default():`")
    arrays = [t.storage for group in groups for t in group]
    made = run(definition, groups, arrays, attributes)
    schema = definition.schema
    refs = iter([t for arg, group in zip(schema.tensors, groups, strict=True) if arg.is_ref for t in group])
    arrays_made = iter(made)
    outputs = [
        next(refs) if is_ref else EagerTensor(*next(arrays_made)) for is_ref in _ref_flags(definition, len(made))
    ]
    tape.record(definition, groups, attributes, outputs)
    if not schema.outputs:
        return None
    return outputs[0] if len(schema.outputs) == 1 and not schema.outputs[0].is_list else outputs


def evaluate(definition: OpDef, groups: Any, arrays: Sequence[Any], attributes: dict[str, Any]) -> list[Any]:
    """The outputs of an op as arrays, for inputs given as arrays. `groups` gives their dtypes."""
    return [array for array, _ in run(definition, groups, arrays, attributes)]


def run(definition: OpDef, groups: Any, arrays: Sequence[Any], attributes: dict[str, Any]) -> list[tuple[Any, DType]]:
    """The outputs of an op on stored arrays, with their dtypes."""
    key: Any = (
        definition,
        tuple(attributes.items()) if definition.schema.attributes else (),
        tuple([tuple([(t.dtype, a.shape) for t, a in pairs]) for pairs in _paired(groups, arrays)]),
    )
    try:
        step = world.steps.get(key)
    except TypeError:
        key = step = None
    if step is None:
        step = _step(definition, groups, arrays, attributes)
        if key is not None:
            world.steps[key] = step
    found = step.run(list(arrays))
    return [(array, t.dtype) for array, t in zip(found, step.spec.fetches, strict=True)]


def _paired(groups: Any, arrays: Sequence[Any]) -> list[list[tuple[Any, Any]]]:
    flat = iter(arrays)
    return [[(t, next(flat)) for t in group] for group in groups]


def _step(definition: OpDef, groups: Any, arrays: Sequence[Any], attributes: dict[str, Any]) -> Step:
    graph = Graph()
    with graph.as_default():
        refs = [arg.is_ref for arg in definition.schema.tensors]
        tensors = [
            [fed(graph, t.dtype, Shape(a.shape), ref) for t, a in pairs]
            for pairs, ref in zip(_paired(groups, arrays), refs, strict=True)
        ]
        op = graph.create(definition, tensors, attributes)
    feeds = [t for group in tensors for t in group]
    flags_of = _ref_flags(definition, len(op.outputs))
    fetches = [t for t, is_ref in zip(op.outputs, flags_of, strict=True) if not is_ref]
    return Step(Spec(fetches, feeds, [op]), world, flags.current() - {"fold"})


def _ref_flags(definition: OpDef, n: int) -> list[bool]:
    """For each output, whether it is the memory of a ref argument; n is their number where the output is a list."""
    outs = definition.schema.outputs
    return [False] * n if outs and outs[0].is_list else [out.is_ref for out in outs]

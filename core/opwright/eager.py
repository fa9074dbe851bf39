"""Eager execution: each op runs at once, as a plan of one node, cached by op, attributes and shapes."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from typing import Any

from opwright import ops
from opwright._abi import ffi
from opwright.binding import first_tensor, natural_dtype, owned_array
from opwright.dtypes import DType
from opwright.eagertensor import EagerRef, EagerTensor
from opwright.errors import GraphError
from opwright.graph import Graph
from opwright.opdef import OpDef
from opwright.plan import flags
from opwright.plan.reference import fed
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.runtime import Lanes
from opwright.scopes import thread

KEPT = 1 << 12  # steps, and learnt calls of a lane; one has an op's plan for the shapes it was called with


class World:
    """The home of eager steps."""

    default_device = "cpu"
    soft_placement = True
    raw = True

    def __init__(self) -> None:
        self.lanes = Lanes()
        self.changes = ffi.new("uint64_t *", 1)
        self.steps: dict[Any, Step] = {}  # by op, attributes, kinds of the inputs
        self.seed: int | None = None
        self._streams: dict[Any, tuple[dict[str, int], Any]] = {}  # op and its seeds -> key, counter of runs

    def variables(self, op: Any, shape: Any) -> Any:
        raise GraphError(f"[{op.type}] a variable op needs a graph")

    def set_seed(self, seed: int) -> None:
        """Starts the random ops of eager execution anew."""
        self.seed = seed
        self._streams.clear()
        self.steps = {key: step for key, step in self.steps.items() if not key[0].random}
        self.lanes.clear()

    def remember(self, key: Any, step: Step) -> Step:
        """Keeps a step; if there are too many, forgets all others first."""
        if len(self.steps) >= KEPT:
            self.steps.clear()
            self.lanes.clear()
        self.steps[key] = step
        return step

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
    if hasattr(value, "__opwright_tensor__"):
        return value.__opwright_tensor__()  # type: ignore[no-any-return]
    if isinstance(value, (list, tuple)) and (held := first_tensor(value)) is not None:
        return ops.stack([as_eager(v, dtype or held.dtype) for v in value])  # type: ignore[no-any-return]
    return EagerTensor(owned_array(value, dtype), dtype or natural_dtype(value))


def execute(definition: OpDef, groups: Sequence[Sequence[EagerTensor]], attributes: dict[str, Any]) -> Any:
    """Runs an op on eager tensors and records it on the open tapes."""
    if definition.role == "constant":
        return EagerTensor(attributes["value"], attributes["dtype"])
    if definition.role == "nothing":
        return None  # what it would wait for is done
    if definition.role != "kernel":
        raise GraphError(f"[{definition.name}] needs a graph; build it inside `with Graph().as_default():`")
    schema = definition.schema
    written = [t for arg, group in zip(schema.tensors, groups, strict=True) if arg.is_ref for t in group]
    for ref in written:
        if isinstance(ref, EagerRef):
            ref.release()
    step = step_for(definition, groups, attributes)
    found = step.run([t.storage for group in groups for t in group])
    refs, made = iter(written), iter(zip(found, step.spec.fetches, strict=True))
    outputs: list[EagerTensor] = []
    for is_ref in definition.ref_flags(len(found)):
        if is_ref:
            outputs.append(next(refs))
        else:
            storage, tensor = next(made)
            outputs.append(EagerTensor(storage, tensor.dtype))
    if thread.tapes:
        record(definition, groups, attributes, outputs)
    if not schema.outputs:
        return None
    return outputs[0] if definition.single else outputs


def record(definition: OpDef, groups: Sequence[Sequence[Any]], attributes: dict[str, Any], outputs: list[Any]) -> None:
    """Enters an op that has just run on the open tapes.

    Variables are entered as what the op read, so that writing them later changes no gradient. Ops that write variables
    are not entered, as in TensorFlow: no gradient passes through an assignment.
    """
    if definition.writes:
        return
    reads: list[tuple[EagerTensor, EagerRef]] = []

    def as_read(tensor: Any) -> Any:
        if isinstance(tensor, EagerRef):
            reads.append((tensor.snapshot(), tensor))
            return reads[-1][0]
        return tensor

    groups = [[as_read(t) for t in group] for group in groups]
    for tape in thread.tapes:
        tape.enter(definition, groups, attributes, outputs, reads)


def evaluate(definition: OpDef, groups: Any, arrays: Sequence[Any], attributes: dict[str, Any]) -> list[Any]:
    """The outputs of an op as arrays, for inputs given as arrays. `groups` gives their dtypes."""
    flat = iter(arrays)
    tensors = [[EagerTensor(next(flat), t.dtype) for t in group] for group in groups]
    return step_for(definition, tensors, attributes).run(list(arrays))


def step_for(definition: OpDef, groups: Sequence[Sequence[EagerTensor]], attributes: dict[str, Any]) -> Step:
    """The step that runs an op on tensors of these kinds."""
    key: Any = definition, tuple(attributes.items()), tuple([tuple([t.kind for t in group]) for group in groups])
    try:
        return world.steps.get(key) or world.remember(key, _step(definition, groups, attributes))
    except TypeError:  # an attribute that cannot be looked up
        return _step(definition, groups, attributes)


def _step(definition: OpDef, groups: Sequence[Sequence[EagerTensor]], attributes: dict[str, Any]) -> Step:
    graph = Graph()
    with graph.as_default():
        tensors = [
            [fed(graph, t.dtype, t.shape, arg.is_ref) for t in group]
            for arg, group in zip(definition.schema.tensors, groups, strict=True)
        ]
        op = graph.create(definition, tensors, attributes)
    feeds = [t for group in tensors for t in group]
    flags_of = definition.ref_flags(len(op.outputs))
    fetches = [t for t, is_ref in zip(op.outputs, flags_of, strict=True) if not is_ref]
    return Step(Spec(fetches, feeds, [op]), world, flags.current() - {"fold"})

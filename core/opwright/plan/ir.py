"""What passes work on: a Program of Nodes over Values, with concrete shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, chain, islice
from typing import Any

import numpy as np

from opwright.dtypes import DType
from opwright.layouts import Layout
from opwright.opdef import OpDef
from opwright.runtime import address


class Storage:
    """A piece of memory that one or several Values lie in.

    kind: "constant" and "variable" have their memory; "feed" gets its address at each run; "arena" is laid out by the
    memory pass; "result" is allocated anew at each run and handed to the user.
    """

    __slots__ = ("array", "device", "initialized", "kind", "memory", "nbytes", "offset", "slot")

    def __init__(
        self, kind: str, nbytes: int, array: Any = None, slot: int = -1, device: str = "cpu", memory: Any = None
    ) -> None:
        self.kind = kind
        self.nbytes = nbytes
        self.array = array  # on the host: the NumPy array
        self.memory = memory  # on another device: what its allocate or upload gave
        self.slot = slot
        self.device = device
        self.offset = 0
        self.initialized: Any = None  # of a variable: a uint8 array of one element, 1 once it has a value

    @property
    def address(self) -> int | None:
        """Where the memory is, if that is known before the step runs."""
        if self.array is not None:
            return address(self.array)
        return int(self.memory.address) if self.memory is not None else None


class Value:
    """A tensor of a Program."""

    __slots__ = ("constant", "dtype", "dynamic", "layout", "node", "storage")

    def __init__(self, dtype: DType, layout: Layout, storage: Storage, node: Node | None = None) -> None:
        self.dtype = dtype
        self.layout = layout
        self.storage = storage
        self.node = node  # the node that computes it; None for constants, feeds and variables
        self.constant: np.ndarray[Any, Any] | None = None
        self.dynamic = False  # its shape is a bound; the real one is known once its node has run

    @property
    def shape(self) -> tuple[int, ...]:
        return self.layout.shape

    @property
    def size(self) -> int:
        return math.prod(self.layout.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.size

    def __repr__(self) -> str:
        return f"<Value {self.dtype.name}{list(self.shape)} {self.storage.kind}>"


class Node:
    """An op applied to Values."""

    def __init__(self, definition: OpDef | None, groups: Sequence[Sequence[Value]], attributes: dict[str, Any]) -> None:
        self.definition = definition  # None: a copy or a fused cluster, which the planner made
        self.inputs = [*chain.from_iterable(groups)]  # of all arguments, then what the post program reads besides
        self.sizes = tuple([len(group) for group in groups])  # how many belong to each argument
        self.attributes = attributes
        self.outputs: list[Value] = []
        self.after: list[Node] = []  # control dependencies
        self.origin: Any = None  # the graph's operation it comes from
        self.name = ""
        self.device = ""
        self.work: Any = None  # what a node does that runs no kernel: a Cluster, COPY, or an object of its own
        self.post: Any = None  # the Cluster applied to outputs[0] as it is made
        self.prepared: Any = None  # the chosen kernel, prepared
        self.reused = 0  # bit i: other nodes read input i as this one does

    @property
    def groups(self) -> list[list[Value]]:
        """The values of each tensor argument."""
        rest = iter(self.inputs)
        return [list(islice(rest, n)) for n in self.sizes]

    @property
    def alike(self) -> Any:
        """The same for nodes that do the same to their inputs: op, attributes, how many inputs each argument has."""
        # Texts as well, since 0.0 == -0.0 and 1 == True.
        return self.definition, self.sizes, tuple([(name, v, repr(v)) for name, v in self.attributes.items()])

    @property
    def dtypes(self) -> tuple[tuple[DType | None, ...], tuple[DType, ...]]:
        """What kernels are chosen by: one dtype per argument, None for an absent one; one per output."""
        starts, ins = accumulate(self.sizes, initial=0), self.inputs
        given = tuple([ins[at].dtype if n else None for n, at in zip(self.sizes, starts)])
        return given, tuple([v.dtype for v in self.outputs])

    def replace(self, old: Value, new: Value) -> None:
        self.inputs = [new if value is old else value for value in self.inputs]

    @property
    def stateful(self) -> bool:
        return self.definition is not None and self.definition.stateful

    def writes(self) -> list[Storage]:
        """The memories of variables (or eager storage) that the node writes in place."""
        if self.definition is None or not self.definition.writes:
            return []
        pairs = zip(self.definition.schema.tensors, self.groups, strict=True)
        return [value.storage for arg, group in pairs if arg.is_ref for value in group]

    def __repr__(self) -> str:
        return f"<Node {self.name or (self.definition.name if self.definition else type(self.work).__name__)}>"


COPY = "copy"


def copy_of(value: Value, name: str) -> Node:
    """A node whose output is a dense copy of a value."""
    node = Node(None, [[value]], {})
    node.name = name
    node.device = value.storage.device
    node.work = COPY
    node.outputs = [
        Value(value.dtype, Layout.dense(value.shape), Storage("arena", value.nbytes, device=node.device), node)
    ]
    return node


class Program:
    """Nodes in an order that is right, the Values a step feeds, and those it fetches."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.feeds: list[Value] = []
        self.fetches: list[Value] = []
        self.kept: set[Node] = set()  # whose results stay right until a step writes variables
        self.takes: dict[Storage, Storage] = {}  # results that may take over a feed's memory once that is not read
        self.needs_initialized: list[tuple[Any, Storage]] = []  # (variable's operation, storage)

    def consumers(self) -> dict[Value, list[Node]]:
        """The nodes that read each value."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in node.inputs:
                found.setdefault(value, []).append(node)
        return found

    def replaced(self, by: dict[Node, Node]) -> None:
        """Lets values name the nodes that compute them now. Views are values of their own."""
        for value in [v for node in self.nodes for v in node.inputs] + self.fetches:
            if value.node is not None:
                value.node = by.get(value.node, value.node)

    def written(self) -> set[Storage]:
        """The memories that some node writes in place."""
        return {storage for node in self.nodes for storage in node.writes()}

    def dependencies(self) -> dict[Node, list[Node]]:
        """For each node the nodes that must run before it: producers, controls, and the order of reads and writes of
        variables, which is that of the nodes in the program."""
        written = self.written()
        needs: dict[Node, list[Node]] = {}
        last_write: dict[Storage, Node] = {}
        reads: dict[Storage, list[Node]] = {}
        for node in self.nodes:
            before = [value.node for value in node.inputs if value.node is not None] + node.after
            writes = node.writes()
            for storage in dict.fromkeys([v.storage for v in node.inputs if v.storage in written]):
                if storage in last_write:
                    before.append(last_write[storage])
                if storage in writes:
                    before += reads.pop(storage, [])
                    last_write[storage] = node
                else:
                    reads.setdefault(storage, []).append(node)
            needs[node] = [n for n in dict.fromkeys(before) if n is not node]
        return needs


def topological(nodes: Sequence[Node], needs: dict[Node, list[Node]]) -> list[Node]:
    """The nodes so that each comes after what it needs, otherwise as they stand."""
    order: list[Node] = []
    state: dict[Node, int] = {}
    known = set(nodes)
    for root in nodes:
        stack = [(root, False)]
        while stack:
            node, expanded = stack.pop()
            if expanded:
                order.append(node)
                state[node] = 2
            elif state.get(node, 0) == 0:
                state[node] = 1
                stack.append((node, True))
                stack += [(n, False) for n in reversed(needs.get(node, [])) if n in known and state.get(n, 0) == 0]
    return order

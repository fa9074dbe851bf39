"""Floors: how fast a step could be at best, by the arithmetic it does and the memory it cannot help but touch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from opwright.plan.ir import Node, Storage

from opwright_profile.peaks import peaks


@dataclass(frozen=True)
class Floor:
    """Floating-point operations, and bytes of variables, feeds and results that are read or written."""

    flops: float
    bytes: float

    def __add__(self, other: Floor) -> Floor:
        return Floor(self.flops + other.flops, self.bytes + other.bytes)

    def __mul__(self, n: int) -> Floor:
        return Floor(self.flops * n, self.bytes * n)

    @property
    def seconds(self) -> float:
        """What the machine takes at its peaks: for the operations or for the bytes, whichever is longer."""
        return max(self.flops / peaks().flops, self.bytes / peaks().bandwidth)


def floor_of(nodes: Iterable[Node]) -> Floor:
    """The floor of a plan's nodes.

    Operations are the kernels' own count: products, convolutions and the like; tile programs count none. Of what is
    computed on the way nothing counts: it could stay in cache. A memory counts once for all that read it and once for
    all that write it, with what its largest reader or writer moves: of a gathered table the rows.
    """
    read: dict[Storage, float] = {}
    written: dict[Storage, float] = {}
    flops = 0.0
    for node in nodes:
        flops += node.prepared.flops
        for value in node.inputs:
            _most(read, value, node)
        for value in [*node.outputs, *(v for v in node.inputs if v.storage in node.writes())]:
            _most(written, value, node)
    return Floor(flops, sum(read.values()) + sum(written.values()))


def _most(moved: dict[Storage, float], value: Any, node: Node) -> None:
    storage = value.storage
    if storage.kind in ("variable", "feed", "result"):
        here = min(value.nbytes, node.prepared.bytes or value.nbytes)
        moved[storage] = max(moved.get(storage, 0.0), here)

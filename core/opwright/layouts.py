"""Layout: where a tensor's elements lie in a memory. Views are layouts of other memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

Dims = tuple[int, ...]


def dense_strides(shape: Sequence[int]) -> Dims:
    """Row-major strides, in elements."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


class Layout(NamedTuple):
    """Shape, strides and offset, in elements. Strides may be 0 (broadcast) or negative (reversed)."""

    shape: Dims
    strides: Dims
    offset: int = 0

    @classmethod
    def dense(cls, shape: Iterable[int]) -> Layout:
        """Row-major without gaps."""
        return _dense(tuple(shape))

    @property
    def is_dense(self) -> bool:
        """Whether the elements lie row-major without gaps. Strides of dimensions of size 1 do not matter."""
        if 0 in self.shape:
            return True
        step = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and stride != step:
                return False
            step *= size
        return True

    def transposed(self, perm: Sequence[int]) -> Layout:
        """Dimension i of the result is dimension perm[i]."""
        return Layout(tuple(self.shape[p] for p in perm), tuple(self.strides[p] for p in perm), self.offset)

    def broadcast(self, shape: Sequence[int]) -> Layout:
        """Dimensions of size 1, and missing leading ones, repeated to fill `shape`."""
        if self.shape == shape and 1 not in shape:
            return self
        missing = len(shape) - len(self.shape)
        strides = [0] * missing + [
            0 if size == 1 else stride for size, stride in zip(self.shape, self.strides, strict=True)
        ]
        return Layout(tuple(shape), tuple(strides), self.offset)

    def sliced(self, starts: Sequence[int], sizes: Sequence[int], steps: Sequence[int]) -> Layout:
        """In each dimension `size` elements from `start` on, `step` apart (negative: backwards)."""
        offset = self.offset
        if 0 not in sizes:
            offset += sum(s * stride for s, stride in zip(starts, self.strides, strict=True))
        strides = tuple(stride * step for stride, step in zip(self.strides, steps, strict=True))
        return Layout(tuple(sizes), strides, offset)

    def reshaped(self, shape: Sequence[int]) -> Layout | None:
        """The same elements in row-major order under another shape; None if that takes a copy."""
        shape = tuple(shape)
        if self.is_dense:
            return Layout(shape, dense_strides(shape), self.offset)
        old = [(n, s) for n, s in zip(self.shape, self.strides, strict=True) if n != 1]
        new = [n for n in shape if n != 1]
        if [n for n, _ in old] == new:  # only dimensions of size 1 come or go
            strides = iter([s for _, s in old])
            return Layout(shape, tuple(next(strides) if n != 1 else 0 for n in shape), self.offset)
        return None


@lru_cache(4096)
def _dense(shape: Dims) -> Layout:
    return Layout(shape, dense_strides(shape))

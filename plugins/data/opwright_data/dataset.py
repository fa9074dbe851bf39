"""Dataset: a pipeline of examples, as in TensorFlow 2. Elements are tensors, or tuples and dicts of tensors."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from opwright import TensorShape, export, ops, scopes
from opwright.errors import ArgumentError, OutOfRangeError, ShapeError

from opwright_data.elements import arrays, batched, flat, mapped, next_of, padded, rows
from opwright_data.threads import ahead, in_order


class _Number(int):
    """An int that can be exported."""


AUTOTUNE = export("data.AUTOTUNE", "data.experimental.AUTOTUNE")(_Number(-1))
INFINITE, UNKNOWN = -1, -2
Make = Callable[[], Iterator[Any]]


class _Iterator:
    """Goes through a dataset once. get_next raises OutOfRangeError at the end."""

    def __init__(self, made: Iterator[Any]) -> None:
        self._made = made

    def __iter__(self) -> _Iterator:
        return self

    def __next__(self) -> Any:
        with scopes.entered(None):  # elements have values, also while a graph is being built
            return next(self._made)

    def get_next(self) -> Any:
        """The next element."""
        try:
            return next(self)
        except StopIteration:
            raise OutOfRangeError("[get_next] the dataset is at its end; make another iterator") from None

    def get_next_as_optional(self) -> Any:
        """The next element, or None at the end."""
        return next(self, None)


@export("data.Dataset")
class Dataset:
    """A pipeline: each method returns another one, and nothing is read before it is iterated over. Iterating twice
    reads twice.

        for x, y in Dataset.from_tensor_slices((images, labels)).shuffle(1000, seed=0).batch(32).prefetch(2): ...

    Functions given to map and the like get tensors, and run eagerly.
    """

    def __init__(self, make: Make, cardinality: int = UNKNOWN) -> None:
        self._make = make
        self._cardinality = cardinality

    def __iter__(self) -> _Iterator:
        return _Iterator(self._make())

    def __len__(self) -> int:
        if self._cardinality < 0:
            raise TypeError(
                f"a dataset of {'infinite' if self._cardinality == INFINITE else 'unknown'} size has no length"
            )
        return self._cardinality

    def __bool__(self) -> bool:
        return True

    def cardinality(self) -> Any:
        """How many elements there are, as a tensor: -1 for infinitely many, -2 where that is not known."""
        return ops.constant(self._cardinality, "int64")

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements as NumPy arrays."""
        return (mapped(lambda t: t.numpy(), element) for element in self)

    @property
    def element_spec(self) -> Any:
        """The shape and dtype of the first element's tensors."""
        return mapped(lambda t: (TensorShape(t.shape), t.dtype), next(iter(self)))

    # -- sources -------------------------------------------------------------------------------------------------------

    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> Dataset:
        """The rows of a tensor, or of tensors with as many rows each. Raises ShapeError where their numbers differ."""
        whole = arrays(tensors)
        sizes = {t.shape[0] if len(t.shape) else None for t in flat(whole)}
        if len(sizes) != 1 or None in sizes:
            raise ShapeError(
                f"[from_tensor_slices] tensors must have one number of rows, got {sorted(map(str, sizes))}"
            )
        (n,) = sizes
        return Dataset(lambda: (rows(whole, i) for i in range(n)), n)

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> Dataset:
        """One element."""
        whole = arrays(tensors)
        return Dataset(lambda: iter([whole]), 1)

    @staticmethod
    def from_generator(
        generator: Callable[..., Iterable[Any]],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Sequence[Any] = (),
        output_signature: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """What a function's iterator yields, as tensors of output_types (or those of output_signature)."""
        if output_signature is not None:
            output_types = mapped(lambda spec: spec.dtype, output_signature)

        def make() -> Iterator[Any]:
            for element in generator(*args):
                yield arrays(element, output_types)

        return Dataset(make)

    @staticmethod
    def range(*limits: int, output_type: Any = "int64", name: str | None = None) -> Dataset:
        """The numbers of Python's range, as scalars."""
        numbers = range(*(int(n) for n in limits))
        return Dataset(lambda: (ops.constant(n, output_type) for n in numbers), len(numbers))

    @staticmethod
    def zip(*datasets: Any, name: str | None = None) -> Dataset:
        """Tuples of one element of each dataset (nested tuples and dicts of them), as long as all have one."""
        parts = datasets[0] if len(datasets) == 1 else datasets
        listed = list(flat(parts))

        def make() -> Iterator[Any]:
            for elements in zip(*listed, strict=False):
                yield mapped(functools.partial(next_of, iter(elements)), parts)

        known = [d._cardinality for d in listed if d._cardinality != INFINITE]
        return Dataset(make, min(known) if known and UNKNOWN not in known else UNKNOWN if known else INFINITE)

    @staticmethod
    def list_files(
        file_pattern: Any, shuffle: bool = True, seed: int | None = None, name: str | None = None
    ) -> Dataset:
        raise ArgumentError("[list_files] a tensor holds no strings; list files with glob, and use from_generator")

    # -- elements ------------------------------------------------------------------------------------------------------

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """map_func of each element; of a tuple's items as arguments. With num_parallel_calls in so many threads."""

        def one(element: Any) -> Any:
            with scopes.entered(None):
                made = map_func(*element) if isinstance(element, tuple) else map_func(element)
            return arrays(tuple(made) if isinstance(made, list) else made)

        if not num_parallel_calls:
            return Dataset(lambda: map(one, self), self._cardinality)
        n = os.cpu_count() or 1 if num_parallel_calls == AUTOTUNE else num_parallel_calls
        return Dataset(lambda: in_order(one, iter(self), n), self._cardinality)

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements of which the predicate is true."""

        def holds(element: Any) -> bool:
            return bool(predicate(*element) if isinstance(element, tuple) else predicate(element))

        return Dataset(lambda: filter(holds, self))

    def flat_map(self, map_func: Callable[..., Dataset], name: str | None = None) -> Dataset:
        """The elements of the datasets that map_func makes of the elements, one after another."""
        return self.interleave(map_func, cycle_length=1)

    def interleave(
        self,
        map_func: Callable[..., Dataset],
        cycle_length: int | None = None,
        block_length: int = 1,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """block_length elements in turn of cycle_length datasets that map_func makes; others follow those that end."""
        width = cycle_length if cycle_length and cycle_length > 0 else os.cpu_count() or 1

        def make() -> Iterator[Any]:
            made = (iter(map_func(*e) if isinstance(e, tuple) else map_func(e)) for e in self)
            open_now = list(itertools.islice(made, width))
            while open_now:
                for place, one in enumerate(list(open_now)):
                    block = list(itertools.islice(one, block_length))
                    yield from block
                    if len(block) < block_length:
                        open_now[place] = next(made, None)  # type: ignore[call-overload]
                open_now = [one for one in open_now if one is not None]

        return Dataset(make)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """Pairs of a number and an element."""
        return Dataset(lambda: ((ops.constant(n, "int64"), e) for n, e in enumerate(self, start)), self._cardinality)

    def scan(
        self, initial_state: Any, scan_func: Callable[[Any, Any], tuple[Any, Any]], name: str | None = None
    ) -> Dataset:
        """Elements computed by scan_func(state, element), which returns the next state and the new element."""

        def make() -> Iterator[Any]:
            state = arrays(initial_state)
            for element in self:
                state, made = scan_func(state, element)
                yield arrays(made)

        return Dataset(make, self._cardinality)

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any], name: str | None = None) -> Any:
        """The state after reduce_func(state, element) of every element."""
        state = arrays(initial_state)
        for element in self:
            state = arrays(reduce_func(state, element))
        return state

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """What a function makes of the dataset."""
        return transformation_func(self)

    # -- order and number ----------------------------------------------------------------------------------------------

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """The elements in random order: each is drawn from the next buffer_size that are left. With a seed the order is
        the same in each program, and without reshuffle_each_iteration=False another one each time."""
        if buffer_size < 1:
            raise ArgumentError(f"[shuffle] buffer_size must be positive, got {buffer_size}")
        drawn = np.random.SeedSequence(seed if seed is not None else ops.random.get_seed(None)[0])
        runs = itertools.count()

        def make() -> Iterator[Any]:
            run = 0 if reshuffle_each_iteration is False else next(runs)
            rng = np.random.default_rng([*drawn.generate_state(2), run])
            source = iter(self)
            buffer = list(itertools.islice(source, buffer_size))
            for element in source:
                place = int(rng.integers(len(buffer)))
                yield buffer[place]
                buffer[place] = element
            rng.shuffle(buffer)
            yield from buffer

        return Dataset(make, self._cardinality)

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """The elements `count` times, or for ever."""
        forever = count is None or count < 0

        def make() -> Iterator[Any]:
            for _ in itertools.count() if forever else range(count or 0):
                empty = True
                for element in self:
                    empty = False
                    yield element
                if empty:
                    return

        if self._cardinality < 0 or forever:
            return Dataset(make, 0 if self._cardinality == 0 else INFINITE if forever else self._cardinality)
        return Dataset(make, self._cardinality * (count or 0))

    def take(self, count: int, name: str | None = None) -> Dataset:
        """The first `count` elements; -1 for all."""
        if count < 0:
            return self
        known = self._cardinality
        size = count if known == INFINITE else min(known, count) if known >= 0 else UNKNOWN
        return Dataset(lambda: itertools.islice(iter(self), count), size)

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """All but the first `count` elements; -1 for none."""
        known = self._cardinality
        if count < 0:
            return Dataset(lambda: iter(()), 0)
        return Dataset(
            lambda: itertools.islice(iter(self), count, None), max(known - count, 0) if known >= 0 else known
        )

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Dataset:
        """Every num_shards-th element, from number `index` on."""
        if not 0 <= index < num_shards:
            raise ArgumentError(f"[shard] index must lie in [0, {num_shards}), got {index}")
        known = self._cardinality
        size = (max(known - index, 0) + num_shards - 1) // num_shards if known >= 0 else known
        return Dataset(lambda: itertools.islice(iter(self), index, None, num_shards), size)

    def take_while(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements up to the first of which the predicate is false."""

        def holds(element: Any) -> bool:
            return bool(predicate(*element) if isinstance(element, tuple) else predicate(element))

        return Dataset(lambda: itertools.takewhile(holds, self))

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """The elements of both, one after the other."""
        sizes = self._cardinality, dataset._cardinality
        return Dataset(lambda: itertools.chain(self, dataset), min(sizes) if min(sizes) < 0 else sum(sizes))

    # -- batches -------------------------------------------------------------------------------------------------------

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """batch_size elements stacked into one; the last one has what is left, unless drop_remainder."""
        return self._in_batches(batch_size, drop_remainder, batched)

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Dataset:
        """batch_size elements stacked into one, each tensor filled with padding_values (0) up to the largest of the
        batch, or to padded_shapes where these are known."""
        return self._in_batches(batch_size, drop_remainder, lambda part: padded(part, padded_shapes, padding_values))

    def _in_batches(self, size: int, drop_remainder: bool, stack: Callable[[list[Any]], Any]) -> Dataset:
        if size < 1:
            raise ArgumentError(f"[batch] batch_size must be positive, got {size}")

        def make() -> Iterator[Any]:
            source = iter(self)
            while part := list(itertools.islice(source, size)):
                if len(part) == size or not drop_remainder:
                    yield stack(part)

        known = self._cardinality
        return Dataset(make, known if known < 0 else known // size if drop_remainder else -(-known // size))

    def unbatch(self, name: str | None = None) -> Dataset:
        """The rows of the elements."""
        return self.flat_map(lambda *e: Dataset.from_tensor_slices(e if len(e) > 1 else e[0]))

    def window(self, size: int, shift: int | None = None, stride: int = 1, drop_remainder: bool = False) -> Dataset:
        """Datasets of `size` elements each, `stride` apart, that begin `shift` (size) elements after each other."""

        def make() -> Iterator[Any]:
            held: list[Any] = []
            source, step, span = iter(self), shift or size, (size - 1) * stride + 1
            while True:
                held += itertools.islice(source, max(span - len(held), 0))
                part = held[:span:stride]
                if not part or (len(part) < size and drop_remainder):
                    return
                yield Dataset(lambda part=part: iter(part), len(part))  # type: ignore[misc]
                for _ in range(step - len(held)):
                    next(source, None)
                held = held[step:]

        return Dataset(make)

    # -- speed ---------------------------------------------------------------------------------------------------------

    def prefetch(self, buffer_size: int, name: str | None = None) -> Dataset:
        """Reads up to buffer_size elements ahead, in a thread of its own."""
        return Dataset(lambda: ahead(iter(self), 2 if buffer_size == AUTOTUNE else buffer_size), self._cardinality)

    def cache(self, filename: str = "", name: str | None = None) -> Dataset:
        """Keeps the elements in memory once they have all been read."""
        if filename:
            raise ArgumentError(f"[cache] elements are kept in memory, got the file {filename!r}; leave it out")
        kept: list[Any] = []

        def make() -> Iterator[Any]:
            if kept:
                yield from kept[0]
                return
            read = []
            for element in self:
                read.append(element)
                yield element
            kept.append(read)

        return Dataset(make, self._cardinality)

    def with_options(self, options: Any, name: str | None = None) -> Dataset:
        """The dataset: there is nothing to choose."""
        return self

"""train.string_input_producer, batch, shuffle_batch and their kin: queues with the runners that fill them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from opwright import convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError, OutOfRangeError

from opwright_data.queues import FIFOQueue, PaddingFIFOQueue, Queue, RandomShuffleQueue
from opwright_data.runners import QueueRunner, add_queue_runner


def _epochs(n: int, num_epochs: int | None, shuffle: bool, seed: int | None) -> Iterator[int]:
    """Indices of n items, each epoch in another order if they are shuffled."""
    rng = np.random.default_rng(seed if seed is not None else ops.random.get_seed(None)[0])
    for _ in itertools.count() if num_epochs is None else range(num_epochs):
        yield from rng.permutation(n).tolist() if shuffle else range(n)


class _Produced(FIFOQueue):
    """A queue of items that are there from the start, for some epochs."""

    def __init__(self, items: Sequence[Any], dtype: Any, shape: Any, order: tuple[Any, ...], **how: Any) -> None:
        super().__init__(dtypes=dtype, shapes=shape, **how)
        self._items, self._order = items, order
        self._next = _epochs(len(items), *order)

    def serve(self, session: Any) -> None:
        if self.user is not session:
            self._next = _epochs(len(self._items), *self._order)
        super().serve(session)

    def produce(self) -> None:
        i = next(self._next, None)
        if i is None:
            raise OutOfRangeError(f"[{self.name}] epochs must be left, got to the end of the last")
        self.put((self._items[i],))


def _producer(items: Sequence[Any], dtype: Any, shape: Any, order: tuple[Any, ...], capacity: int, name: str) -> Queue:
    if len(items) == 0:
        raise ArgumentError(f"[{name}] there must be an item at least, got none")
    with scopes.entered(None):  # the items are known now
        queue = _Produced(items, dtype, shape, order, capacity=capacity, name=name)
    add_queue_runner(QueueRunner(queue, [ops.py_func(queue.produce, [], [], name=f"{name}_enqueue")]))
    return queue


@export("train.string_input_producer", "train.input.string_input_producer")
def string_input_producer(
    string_tensor: Sequence[str | bytes],
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
    cancel_op: Any = None,
) -> Queue:
    """A queue of strings, such as names of files, over and over, or num_epochs times; what readers read. Raises
    ArgumentError if there are none."""
    strings = [np.asarray(s.encode() if isinstance(s, str) else s, object) for s in string_tensor]
    return _producer(strings, "string", [], (num_epochs, shuffle, seed), capacity, name or "input_producer")


@export("train.input_producer", "train.range_input_producer")
def input_producer(
    input_tensor: Any,
    element_shape: Any = None,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    summary_name: str | None = None,
    name: str | None = None,
    cancel_op: Any = None,
) -> Queue:
    """A queue of the rows of an array, or of the numbers below a number."""
    rows = np.arange(input_tensor, dtype=np.int32) if np.ndim(input_tensor) == 0 else np.asarray(input_tensor)
    dtype = convert_to_tensor(rows[:0]).dtype
    return _producer(rows, dtype, rows.shape[1:], (num_epochs, shuffle, seed), capacity, name or "input_producer")


@export("train.slice_input_producer")
def slice_input_producer(
    tensor_list: Sequence[Any],
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
) -> list[Any]:
    """The same row of each of some tensors."""
    tensors = [convert_to_tensor(t) for t in tensor_list]
    n = tensors[0].shape[0]
    which = input_producer(n, None, num_epochs, shuffle, seed, capacity, name=name or "slice_input_producer").dequeue()
    return [ops.gather(t, which) for t in tensors]


def _batched(
    op: str,
    examples: Sequence[Any],
    batch_size: int,
    make: Any,
    enqueue_many: bool,
    shapes: Any,
    smaller: bool,
    name: str | None,
) -> Any:
    """What comes out of a queue that a thread fills with each of the examples."""
    names = sorted(examples[0]) if isinstance(examples[0], dict) else None
    listed = [[e[n] for n in names] if names else list(e) if isinstance(e, (list, tuple)) else [e] for e in examples]
    columns = [[convert_to_tensor(t) for t in e] for e in listed]
    first = columns[0]
    if shapes is None:
        shapes = [t.shape.dims for t in first]
        shapes = [s[1:] if enqueue_many and s is not None else s for s in shapes]
    queue = make([t.dtype for t in first], shapes, names, name or op)
    puts = [(queue.enqueue_many if enqueue_many else queue.enqueue)(column) for column in columns]
    add_queue_runner(QueueRunner(queue, puts))
    return (queue.dequeue_up_to if smaller else queue.dequeue_many)(batch_size)


@export("train.batch")
def batch(
    tensors: Any,
    batch_size: int,
    num_threads: int = 1,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """Batches of an example (a tensor, a list or a dict of them) that threads compute again and again, ahead."""
    examples = [tensors] * num_threads
    return batch_join(
        examples, batch_size, capacity, enqueue_many, shapes, dynamic_pad, allow_smaller_final_batch, shared_name, name
    )


@export("train.batch_join")
def batch_join(
    tensors_list: Sequence[Any],
    batch_size: int,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """Batches of examples, each computed again and again by a thread of its own."""
    kind = PaddingFIFOQueue if dynamic_pad else FIFOQueue

    def make(dtypes: Any, shapes: Any, names: Any, name: str) -> Queue:
        return kind(capacity, dtypes, shapes, names, name=name)

    return _batched("batch", tensors_list, batch_size, make, enqueue_many, shapes, allow_smaller_final_batch, name)


@export("train.shuffle_batch")
def shuffle_batch(
    tensors: Any,
    batch_size: int,
    capacity: int,
    min_after_dequeue: int,
    num_threads: int = 1,
    seed: int | None = None,
    enqueue_many: bool = False,
    shapes: Any = None,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """train.batch with examples drawn from those that are ahead, of which min_after_dequeue stay to choose from."""
    return shuffle_batch_join(
        [tensors] * num_threads,
        batch_size,
        capacity,
        min_after_dequeue,
        seed,
        enqueue_many,
        shapes,
        allow_smaller_final_batch,
        shared_name,
        name,
    )


@export("train.shuffle_batch_join")
def shuffle_batch_join(
    tensors_list: Sequence[Any],
    batch_size: int,
    capacity: int,
    min_after_dequeue: int,
    seed: int | None = None,
    enqueue_many: bool = False,
    shapes: Any = None,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """train.batch_join, drawn like shuffle_batch's."""

    def make(dtypes: Any, shapes: Any, names: Any, name: str) -> Queue:
        return RandomShuffleQueue(capacity, min_after_dequeue, dtypes, shapes, names, seed, name=name)

    return _batched(
        "shuffle_batch", tensors_list, batch_size, make, enqueue_many, shapes, allow_smaller_final_batch, name
    )

"""FIFOQueue, RandomShuffleQueue, PaddingFIFOQueue: what some threads put in and others take out (TensorFlow 1's way of
reading ahead). A queue lives in this process; its operations are callbacks of the steps that run them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from opwright import Shape, as_dtype, convert_to_tensor, export, ops
from opwright.errors import ArgumentError, CancelledError, OutOfRangeError, ShapeError

Element = tuple[Any, ...]  # an array for each component


class State:
    """What is in a queue, whether it is closed, and whether what waits for room is turned away as well."""

    def __init__(self) -> None:
        self.items: deque[Element] = deque()
        self.closed = self.cancelled = False
        self.changed = threading.Condition()
        self.taking = threading.Lock()  # one batch is put together at a time


class Queue:
    """What the kinds of queues share. `dtypes` and `shapes` are those of an element's components."""

    def __init__(self, capacity: int, dtypes: Any, shapes: Any = None, names: Any = None, name: str = "queue") -> None:
        listed = isinstance(dtypes, (list, tuple))
        self.dtypes = [as_dtype(d) for d in (dtypes if listed else [dtypes])]
        shapes = [None] * len(self.dtypes) if shapes is None else shapes if listed or _of_shapes(shapes) else [shapes]
        self.shapes = [Shape(None) if s is None else Shape(s) for s in shapes]
        if len(self.shapes) != len(self.dtypes):
            raise ArgumentError(f"[{name}] there must be a shape for each of {len(self.dtypes)} dtypes, got {shapes}")
        self.names = [names] if isinstance(names, str) else list(names) if names else None
        self.capacity = capacity if capacity > 0 else float("inf")  # TensorFlow: no bound
        self.name = name
        self.state = State()
        self.user: Any = None  # the session whose threads fill it

    def serve(self, session: Any) -> None:
        """Begins anew, empty and open, if it is another session's threads that fill it now."""
        if self.user is not session:
            if self.user is not None:
                self.shut(cancel=True)
                self.state = State()
            self.user = session

    # -- in this process -----------------------------------------------------------------------------------------------

    def put(self, element: Element) -> None:
        """Waits for room. Raises CancelledError if the queue is closed."""
        state = self.state
        with state.changed:
            was_open = not state.closed
            if was_open:
                state.changed.wait_for(lambda: state.cancelled or len(state.items) < self.capacity)
            if state.cancelled or not was_open:
                raise CancelledError(f"[enqueue] the queue {self.name} must be open, got a closed one")
            state.items.append(element)
            state.changed.notify_all()

    def take(self, least: int, most: int) -> list[Element]:
        """`most` elements, waited for; of a closed queue also fewer, but `least`. Raises OutOfRangeError if it has not
        got them."""
        state, found = self.state, []
        with state.taking:
            for _ in range(most):
                with state.changed:
                    state.changed.wait_for(lambda: state.closed or self._ready(state))
                    if not state.items:
                        break
                    found.append(self._pick(state))
                    state.changed.notify_all()
            if len(found) < least:
                with state.changed:
                    state.items.extendleft(reversed(found))
                text = f"{least} elements must be in the queue {self.name}, which is closed, got {len(found)}"
                raise OutOfRangeError(f"[dequeue] {text}")
        return found

    def shut(self, cancel: bool = False) -> None:
        """Lets nothing more in; with `cancel` also not what waits for room. What is in can still be taken out."""
        with self.state.changed:
            self.state.closed, self.state.cancelled = True, self.state.cancelled or cancel
            self.state.changed.notify_all()

    def _ready(self, state: State) -> bool:
        return bool(state.items)

    def _pick(self, state: State) -> Element:
        return state.items.popleft()

    def _stacked(self, column: Sequence[Any]) -> Any:
        return np.stack(column)

    # -- operations ----------------------------------------------------------------------------------------------------

    def enqueue(self, vals: Any, name: str | None = None) -> Any:
        """The operation that puts one element in: a tensor, or as many as the queue has components. Raises ShapeError
        where they do not fit."""
        values = self._components("enqueue", vals, 0)
        return ops.py_func(lambda *arrays: self.put(arrays), values, [], name=name or f"{self.name}_enqueue")

    def enqueue_many(self, vals: Any, name: str | None = None) -> Any:
        """The operation that puts in the rows of tensors, one by one."""
        values = self._components("enqueue_many", vals, 1)

        def put(*arrays: Any) -> None:
            for row in zip(*arrays, strict=True):
                self.put(row)

        return ops.py_func(put, values, [], name=name or f"{self.name}_enqueue_many")

    def dequeue(self, name: str | None = None) -> Any:
        """An element: a tensor, or a list of tensors."""
        return self._taken(lambda: list(self.take(1, 1)[0]), self.shapes, name or "dequeue")

    def dequeue_many(self, n: int, name: str | None = None) -> Any:
        """n elements, stacked. At the end of a closed queue that is an OutOfRangeError."""
        return self._taken(lambda: self._batch(n, n), [_batched(n, s) for s in self.shapes], name or "dequeue_many")

    def dequeue_up_to(self, n: int, name: str | None = None) -> Any:
        """n elements, stacked; fewer at the end of a closed queue."""
        shapes = [_batched(None, s) for s in self.shapes]
        return self._taken(lambda: self._batch(1, n), shapes, name or "dequeue_up_to")

    def size(self, name: str | None = None) -> Any:
        """How many elements are in it."""
        return self._known(ops.py_func(lambda: np.int32(len(self.state.items)), [], "int32", name=name), [])

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> Any:
        """The operation that lets nothing more in."""
        return ops.py_func(lambda: self.shut(cancel_pending_enqueues), [], [], name=name or f"{self.name}_close")

    def is_closed(self, name: str | None = None) -> Any:
        """Whether it is closed, as a tensor."""
        return self._known(ops.py_func(lambda: np.bool_(self.state.closed), [], "bool", name=name), [])

    def _batch(self, least: int, most: int) -> list[Any]:
        return [self._stacked(column) for column in zip(*self.take(least, most), strict=True)]

    def _components(self, op: str, vals: Any, batch: int) -> list[Any]:
        if isinstance(vals, dict):
            vals = [vals[name] for name in self.names or sorted(vals)]
        listed = list(vals) if isinstance(vals, (list, tuple)) else [vals]
        if len(listed) != len(self.dtypes):
            raise ArgumentError(f"[{op}] vals must have the queue's {len(self.dtypes)} components, got {len(listed)}")
        values = [convert_to_tensor(v, d) for v, d in zip(listed, self.dtypes, strict=True)]
        for value, shape in zip(values, self.shapes, strict=True):
            wanted = _batched(None, shape) if batch else shape
            if not value.shape.is_compatible_with(wanted):
                raise ShapeError(
                    f"[{op}] vals must have the shape {wanted} of the queue {self.name}, got {value.shape}"
                )
        return values

    def _taken(self, function: Callable[[], Any], shapes: Sequence[Any], name: str) -> Any:
        made = ops.py_func(function, [], self.dtypes, name=f"{self.name}_{name}")
        made = [self._known(tensor, shape) for tensor, shape in zip(made, shapes, strict=True)]
        if self.names:
            return dict(zip(self.names, made, strict=True))
        return made[0] if len(made) == 1 else made

    @staticmethod
    def _known(tensor: Any, shape: Any) -> Any:
        tensor.set_shape(shape)
        return tensor


def _of_shapes(shapes: Any) -> bool:
    """Whether it is a list of shapes, not one of dimensions."""
    return isinstance(shapes, (list, tuple)) and any(isinstance(s, (list, tuple, Shape)) for s in shapes)


def _batched(n: int | None, shape: Shape) -> Shape:
    return Shape(None) if shape.dims is None else Shape([n, *shape.dims])


@export("FIFOQueue", "queue.FIFOQueue")
class FIFOQueue(Queue):
    """Elements come out in the order in which they were put in. At most `capacity` of them are in it: others wait."""

    def __init__(
        self,
        capacity: int,
        dtypes: Any,
        shapes: Any = None,
        names: Any = None,
        shared_name: str | None = None,
        name: str = "fifo_queue",
    ) -> None:
        super().__init__(capacity, dtypes, shapes, names, name)


@export("PaddingFIFOQueue", "queue.PaddingFIFOQueue")
class PaddingFIFOQueue(FIFOQueue):
    """A FIFOQueue whose elements may differ in dimensions that `shapes` leaves open: batches are filled up with 0."""

    def _stacked(self, column: Sequence[Any]) -> Any:
        whole = np.zeros((len(column), *np.max([a.shape for a in column], axis=0).astype(int)), column[0].dtype)
        for row, array in zip(whole, column, strict=True):
            row[tuple(slice(n) for n in array.shape)] = array
        return whole


@export("RandomShuffleQueue", "queue.RandomShuffleQueue")
class RandomShuffleQueue(Queue):
    """Any of the elements comes out next. While it is open, `min_after_dequeue` of them stay to choose from."""

    def __init__(
        self,
        capacity: int,
        min_after_dequeue: int,
        dtypes: Any,
        shapes: Any = None,
        names: Any = None,
        seed: int | None = None,
        shared_name: str | None = None,
        name: str = "random_shuffle_queue",
    ) -> None:
        super().__init__(capacity, dtypes, shapes, names, name)
        if capacity > 0 and min_after_dequeue >= capacity:
            raise ArgumentError(f"[{name}] min_after_dequeue must be less than {capacity = }, got {min_after_dequeue}")
        self.min_after_dequeue = min_after_dequeue
        self._rng = np.random.default_rng(seed if seed is not None else ops.random.get_seed(None)[0])

    def _ready(self, state: State) -> bool:
        return len(state.items) > self.min_after_dequeue

    def _pick(self, state: State) -> Element:
        i = int(self._rng.integers(len(state.items)))
        state.items[i], state.items[-1] = state.items[-1], state.items[i]
        return state.items.pop()

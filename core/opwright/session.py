"""Session: runs steps of a graph, and holds what its variables hold."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from opwright import ops, scopes
from opwright._abi import ffi
from opwright.devices import device
from opwright.dtypes import DType
from opwright.errors import GraphError
from opwright.fetching import Fetches
from opwright.graph import Graph, Operation, Tensor
from opwright.plan.ir import Storage
from opwright.plan.spec import Spec
from opwright.plan.step import Step
from opwright.runtime import Lanes, aligned

_NO_FEEDS: Mapping[Any, Any] = {}


class Session:
    """Runs operations of a graph.

        with ow.Session() as sess:
            sess.run([loss, train], {x: batch})

    Several threads may run one session at once. Variables belong to the session: two sessions on one graph have two
    sets of values.
    """

    raw = False

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        if target:
            raise GraphError(f"a session runs in this process, got the target {target!r}; leave it empty")
        found = graph or scopes.current_graph()
        if found is None:
            raise GraphError("a session needs a graph, got none; build it inside `with Graph().as_default():`")
        self.graph = found
        self.lanes = Lanes()
        self.changes = ffi.new("uint64_t *", 1)
        self.default_device = getattr(config, "default_device", "cpu")
        self.soft_placement = bool(getattr(config, "allow_soft_placement", False))
        self._steps: dict[Any, Step] = {}  # by fetched tensors, targets and fed tensors
        self._calls: dict[Any, tuple[Step, Fetches]] = {}  # by fetches and feeds as they were given
        self._variables: dict[Operation, tuple[list[Storage], list[tuple[int, ...]]]] = {}
        self._randoms: dict[Operation, tuple[int, int, Any]] = {}
        self._making = threading.Lock()  # threads that run at once agree on variables
        self.closed = False

    # -- running -------------------------------------------------------------------------------------------------------

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """The values of `fetches` (a tensor, operation, name, or nested lists, tuples, dicts of them) when `feed_dict`
        gives the values of its tensors. Operations give None."""
        if run_metadata is not None:
            return self._run_traced(fetches, feed_dict, options, run_metadata)
        feeds = feed_dict or _NO_FEEDS
        several = type(fetches) is list or type(fetches) is tuple
        try:
            step, structure = self._calls[_key(fetches, feeds) if several else (fetches, *feeds)]
        except (KeyError, TypeError):
            step, structure = self._step(fetches, tuple(feeds))
        found = step.run([*feeds.values()])
        return found[0] if structure.single else structure.build(found)

    def _run_traced(self, fetches: Any, feed_dict: Any, options: Any, run_metadata: Any) -> Any:
        """A run that is to report about itself; sessions that know what to report override this."""
        return self.run(fetches, feed_dict)

    def run_steps(self, n: int, fetches: Any, feeds: Any = None, collect: bool = False) -> Any:
        """n steps in one go: what run would give for the last of them, or with `collect` a list of what each gives.

        `feeds` is None, a feed_dict for all steps, or an iterator of feed_dicts, which a thread reads ahead of the
        steps. Where the feeds stay the same and only the last result is wanted, the loop runs in C: a step costs no
        Python at all. Raises OutOfRangeError if the iterator ends before n steps.
        """

        def repeat(feed_dict: Any) -> Any:
            same = feed_dict or _NO_FEEDS
            step, structure = self._step(fetches, tuple(same))
            return structure.build(step.repeat([*same.values()], n))

        return ops.data.run_steps(lambda feed_dict: self.run(fetches, feed_dict), repeat, n, feeds, collect)

    def make_callable(
        self, fetches: Any, feed_list: Sequence[Any] | None = None, accept_options: bool = False
    ) -> Callable[..., Any]:
        """A function of the values of `feed_list`, in that order, that returns what run would; with less overhead.

        Its `run_steps(n, feeds=None, collect=False)` is that of the session; `feeds` iterates over tuples of values.
        """
        feeds = tuple(feed_list or ())
        step, structure = self._step(fetches, feeds)

        def call(*values: Any) -> Any:
            if len(values) != len(feeds):
                raise GraphError(f"the callable takes {len(feeds)} values, got {len(values)}")
            found = step.run(list(values))
            return found[0] if structure.single else structure.build(found)

        def run_steps(n: int, feeds: Any = None, collect: bool = False) -> Any:
            feeds = () if feeds is None and feed_list else feeds
            repeat = lambda _: structure.build(step.repeat([], n))  # noqa: E731
            return ops.data.run_steps(lambda values: call(*(values or ())), repeat, n, feeds, collect)

        call.run_steps = run_steps  # type: ignore[attr-defined]
        return call

    def _step(self, fetches: Any, feeds: tuple[Any, ...]) -> tuple[Step, Fetches]:
        if self.closed:
            raise GraphError("the session is closed; make a new one")
        structure = Fetches(self.graph, fetches)
        fed = [self._feedable(f) for f in feeds]
        if len(set(fed)) != len(fed):
            raise GraphError("a tensor is fed twice; feed each once")
        parts = (*structure.tensors, None, *structure.targets, None, *fed)
        step = self._steps.get(parts)
        if step is None:
            step = self._steps[parts] = Step(Spec(structure.tensors, fed, structure.targets), self)
        if structure.flat:  # of the others some cannot be hashed, and tuples of any type are equal
            self._calls[_key(fetches, feeds)] = step, structure
        return step, structure

    def _feedable(self, thing: Any) -> Tensor:
        found = self.graph.as_graph_element(thing, allow_operation=False)
        assert isinstance(found, Tensor)
        if found.is_ref:
            raise GraphError(
                f"{found.name} must be a tensor that can be fed, got a variable; assign to it, or feed what reads it"
            )
        return found

    # -- what steps ask of their home ----------------------------------------------------------------------------------

    def variables(self, op: Operation, shape: tuple[int, ...] | None) -> tuple[list[Storage], list[tuple[int, ...]]]:
        """The storage of a variable and of its flag, made when first asked for. `shape`: another one than it has, where
        its own is open."""
        with self._making:
            return self._made(op, shape)

    def _made(self, op: Operation, shape: tuple[int, ...] | None) -> tuple[list[Storage], list[tuple[int, ...]]]:
        found = self._variables.get(op)
        if found is not None and (shape is None or found[1][0] == shape):
            return found
        tensor = op.outputs[0]
        if shape is None:  # until something is assigned to it, an open shape has no elements
            shape = tuple(d or 0 for d in ((0,) if tensor.shape.dims is None else tensor.shape.dims))
        nbytes = int(np.prod(shape, dtype=np.int64)) * tensor.dtype.size
        flag = found[0][0].initialized if found else np.zeros(1, np.bool_)
        storage = self._allocate(op.device or self.default_device, nbytes, tensor.dtype)
        storage.initialized = flag
        made = [storage, Storage("variable", 1, flag)], [shape, ()]
        if found is not None:  # it has grown: plans that know its old memory are of no use
            self._forget_plans()
        self._variables[op] = made
        return made

    def _allocate(self, where: str, nbytes: int, dtype: DType) -> Storage:
        if where.startswith("cpu"):
            return Storage("variable", nbytes, aligned(nbytes).view(dtype.numpy))
        found = device(where)
        return Storage("variable", nbytes, device=found.name, memory=found.allocate(nbytes))

    def _forget_plans(self) -> None:
        self._steps.clear()
        self._calls.clear()
        self.lanes.clear()

    def rng(self, node: Any) -> tuple[Any, Any]:
        """The key of a random operation, from its seeds or, without any, from the system; and the count of its runs."""
        op = node.origin
        if op not in self._randoms:
            seed, stream = int(node.attributes.get("seed", 0)), int(node.attributes.get("seed2", 0))
            if seed == 0 and stream == 0:
                seed, stream = (int.from_bytes(os.urandom(8), "little") for _ in range(2))
            self._randoms.setdefault(op, (seed % 2**64, stream % 2**64, ffi.new("uint64_t *")))
        seed, stream, counter = self._randoms[op]
        return ffi.new("ow_rng *", {"seed": seed, "stream": stream}), counter

    # -- values --------------------------------------------------------------------------------------------------------

    def is_initialized(self, op: Operation) -> bool:
        """Whether a variable operation has a value in this session."""
        found = self._variables.get(op)
        return found is not None and bool(found[0][0].initialized[0])

    # -- living --------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Frees the session's variables and plans. Running it again raises."""
        self.closed = True
        self._forget_plans()
        self._variables.clear()

    @contextmanager
    def as_default(self) -> Iterator[Session]:
        """Makes this the session that eval and run use inside the block, without closing it after."""
        with self.graph.as_default():
            scopes.push_session(self)
            try:
                yield self
            finally:
                scopes.pop_session(self)

    def __enter__(self) -> Session:
        self._entered: Any = self.as_default()
        return self._entered.__enter__()

    def __exit__(self, *_: Any) -> None:
        self._entered.__exit__(None, None, None)
        self.close()


def _key(fetches: Any, feeds: Iterable[Any]) -> Any:
    """What tells a step from others; flat, since it is hashed with every run."""
    kind = type(fetches)
    return (kind, len(fetches), *fetches, *feeds) if kind is list or kind is tuple else (fetches, *feeds)

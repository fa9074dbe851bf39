"""map_fn, scan, foldl, foldr: a Python function over the rows of tensors, as loops whose rows never leave memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opwright import Tensor, as_dtype, convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError, ShapeError
from opwright.shapes import Shape

from opwright_control import nest
from opwright_control.funcgraph import Body, FuncGraph
from opwright_control.loop import Recipe, make_loop
from opwright_control.trace import as_output, trace
from opwright_control.while_loop import fits

Function = Callable[..., Any]


def _rows(op: str, elems: Any) -> list[Any]:
    tensors = [convert_to_tensor(e) for e in nest.flatten(elems)]
    if not tensors:
        raise ArgumentError(f"[{op}] elems must hold at least one tensor, got {elems!r}")
    for t in tensors:
        if t.shape.rank == 0:
            raise ShapeError(f"[{op}] elems must have at least 1 dimension, got shape ()")
    return tensors


def _item(tensor: Tensor) -> tuple[Any, Shape]:
    return tensor.dtype, tensor.shape[1:] if tensor.shape.rank else Shape(None)


def _looped(op: str, states: list[Any], rows: list[Any], body: Function, reverse: bool, name: str | None) -> Any:
    """The loop node; body(states, items) returns the graph's next states and rows, given the traced graph."""
    graph = scopes.current_graph()
    assert graph is not None
    states = [graph.captured(convert_to_tensor(s)) for s in states]
    rows = [graph.captured(r) for r in rows]
    n = len(states)
    arguments = [(t.dtype, t.shape) for t in states] + [_item(t) for t in rows]
    traced, (carried, made) = trace(op, lambda *vs: body(vs[:n], vs[n:]), arguments)
    outputs = [as_output(traced, v, s.dtype) for v, s in zip(carried, states, strict=True)]
    for i, (s, t) in enumerate(zip(states, outputs, strict=True)):
        if t.dtype is not s.dtype or not fits(t.shape, s.shape):
            raise ArgumentError(
                f"[{op}] fn must return what the initializer is like, dtype {s.dtype.name} and shape {s.shape} for "
                f"number {i}, got dtype {t.dtype.name} and shape {t.shape}"
            )
    outputs += [as_output(traced, v, d) for v, d in made]
    limit = ops.cast(ops.shape(rows[0])[0], "int64")
    recipe = Recipe(name or op, states, rows, Body(traced, outputs), limit=limit, bounded=True, reverse=reverse)
    return make_loop(graph, recipe)


@export("map_fn")
def map_fn(
    fn: Function,
    elems: Any,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
    fn_output_signature: Any = None,
) -> Any:
    """fn of each row of elems (a tensor, or a nest of tensors with equally many rows), stacked.

    fn gets rows in the structure of elems. If it returns another structure or dtype, fn_output_signature (or dtype)
    says so. Raises ArgumentError where it returns other dtypes than that.
    """
    rows = _rows("map_fn", elems)
    wanted = fn_output_signature if fn_output_signature is not None else dtype
    dtypes = None if wanted is None else [as_dtype(getattr(d, "dtype", d)) for d in nest.flatten(wanted)]
    if scopes.current_graph() is None:
        return _map_eagerly(fn, elems, rows, dtypes)
    returned: list[Any] = []

    def body(_: Any, items: Sequence[Tensor]) -> Any:
        returned[:] = [fn(nest.pack(elems, items))]
        leaves = nest.flatten(returned[0])
        return [], list(zip(leaves, dtypes or [None] * len(leaves), strict=True))

    made = _looped("map_fn", [], rows, body, False, name)
    _check_dtypes(made.outputs, dtypes)
    return nest.pack(returned[0], made.outputs[:-1])


def _check_dtypes(outputs: Sequence[Any], dtypes: Any) -> None:
    for i, (output, dtype) in enumerate(zip(outputs, dtypes or (), strict=False)):
        if output.dtype is not dtype:
            raise ArgumentError(f"[map_fn] fn must return dtype {dtype.name} for output {i}, got {output.dtype.name}")


def _map_eagerly(fn: Function, elems: Any, rows: list[Any], dtypes: Any) -> Any:
    n = len(rows[0])
    if any(len(r) != n for r in rows):
        raise ShapeError(f"[map_fn] elems must have equally many rows, got {[len(r) for r in rows]}")
    if n == 0:
        return _of_no_rows(fn, elems, rows)
    results = [fn(nest.pack(elems, [r[i] for r in rows])) for i in range(n)]
    stacked = [ops.stack(list(column)) for column in zip(*(nest.flatten(r) for r in results), strict=True)]
    _check_dtypes(stacked, dtypes)
    return nest.pack(results[0], stacked)


def _of_no_rows(fn: Function, elems: Any, rows: list[Any]) -> Any:
    graph = FuncGraph("map_fn", None)
    with graph.as_default():
        returned = fn(nest.pack(elems, [graph.argument(*_item(r)) for r in rows]))
        outputs = [as_output(graph, leaf) for leaf in nest.flatten(returned)]
    return nest.pack(returned, [ops.zeros([0, *t.shape.known()], t.dtype) for t in outputs])


def _fold(op: str, fn: Function, elems: Any, initializer: Any, reverse: bool, keep: bool, name: str | None) -> Any:
    """The last accumulator, or with keep all of them stacked."""
    rows = _rows(op, elems)
    start, first = initializer, None
    if initializer is None:
        at = -1 if reverse else 0
        start = nest.pack(elems, [r[at] for r in rows])
        rows = [r[:-1] if reverse else r[1:] for r in rows]
        first = start
    if scopes.current_graph() is None:
        return _fold_eagerly(fn, elems, rows, start, first, reverse, keep)

    def body(states: Sequence[Tensor], items: Sequence[Tensor]) -> Any:
        made = nest.flatten(fn(nest.pack(start, states), nest.pack(elems, items)))
        return made, [(leaf, None) for leaf in made] if keep else []

    starts = nest.flatten(start)
    made = _looped(op, starts, rows, body, reverse, name).outputs[:-1]
    if not keep:
        return nest.pack(start, made)
    stacks = made[len(starts) :]
    if first is not None:
        firsts = [ops.expand_dims(convert_to_tensor(f), 0) for f in nest.flatten(first)]
        stacks = [ops.concat([s, f] if reverse else [f, s], 0) for f, s in zip(firsts, stacks, strict=True)]
    return nest.pack(start, stacks)


def _fold_eagerly(fn: Function, elems: Any, rows: list[Any], start: Any, first: Any, reverse: bool, keep: bool) -> Any:
    value = nest.pack(start, [convert_to_tensor(s) for s in nest.flatten(start)])
    kept = [value] if first is not None else []
    order = range(len(rows[0]))
    for i in reversed(order) if reverse else order:
        value = fn(value, nest.pack(elems, [r[i] for r in rows]))
        kept.append(value)
    if not keep:
        return value
    if reverse:
        kept.reverse()
    if not kept:
        return nest.pack(value, [ops.zeros([0, *t.shape.known()], t.dtype) for t in nest.flatten(value)])
    return nest.pack(value, [ops.stack(list(c)) for c in zip(*(nest.flatten(k) for k in kept), strict=True)])


@export("scan")
def scan(
    fn: Function,
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """The accumulators a = fn(a, row) after each row of elems, stacked; from the last row to the first with reverse.

    Without an initializer the first row is the first accumulator. Raises ArgumentError where fn returns anything unlike
    its accumulator.
    """
    return _fold("scan", fn, elems, initializer, reverse, True, name)


@export("foldl")
def foldl(
    fn: Function,
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """The accumulator a = fn(a, row) after the last row of elems. Without an initializer it starts as the first row."""
    return _fold("foldl", fn, elems, initializer, False, False, name)


@export("foldr")
def foldr(
    fn: Function,
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """The accumulator a = fn(a, row) after the first row of elems, from the last one on."""
    return _fold("foldr", fn, elems, initializer, True, False, name)

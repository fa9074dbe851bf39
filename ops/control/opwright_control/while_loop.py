"""while_loop: a Python function applied again and again while another one says so, when the step runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opwright import Tensor, convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError, ShapeError
from opwright.shapes import Shape, as_shape

from opwright_control import nest
from opwright_control.cond import scalar
from opwright_control.funcgraph import Body
from opwright_control.growing import by_steps
from opwright_control.loop import Recipe, make_loop
from opwright_control.tensor_array import TensorArray, arrays
from opwright_control.trace import as_output, trace


@export("while_loop")
def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
    maximum_iterations: Any = None,
    return_same_structure: bool = True,
) -> Any:
    """The loop_vars after `loop_vars = body(*loop_vars)` for as long as cond(*loop_vars), a bool scalar, holds.

    Each loop variable keeps its structure, dtype and shape; shape_invariants says what of its shape (None: unknown)
    holds throughout where body's result is known less well. A gradient through the loop needs memory for each
    iteration; with maximum_iterations it need not count them first. return_same_structure=False: a single variable
    comes back by itself. Raises ArgumentError or ShapeError where a variable changes.
    """
    if not callable(cond) or not callable(body):
        raise ArgumentError(f"[while_loop] cond and body must be functions, got {cond!r} and {body!r}")
    if not isinstance(loop_vars, (list, tuple, dict)) or not loop_vars:
        raise ArgumentError(f"[while_loop] loop_vars must be a list of at least one, got {loop_vars!r}")
    if scopes.current_graph() is None:
        made = _eagerly(cond, body, loop_vars, maximum_iterations)
    else:
        made = run_loop("while_loop", cond, body, loop_vars, shape_invariants, maximum_iterations, name)
    return made if return_same_structure or len(made) > 1 else made[0]


def _call(function: Callable[..., Any], variables: Any) -> Any:
    return function(**variables) if isinstance(variables, dict) else function(*variables)


def _eagerly(cond: Any, body: Any, loop_vars: Any, maximum: Any) -> Any:
    variables = _eager_values(loop_vars)
    done = 0
    while (maximum is None or done < int(maximum)) and bool(_call(cond, variables)):
        variables = _eager_values(_same_nest("while_loop", loop_vars, _call(body, variables)))
        done += 1
    return variables


def _eager_values(variables: Any) -> Any:
    leaves = nest.flatten(variables)
    return nest.pack(variables, [v if isinstance(v, TensorArray) else convert_to_tensor(v) for v in leaves])


def _same_nest(op: str, before: Any, after: Any) -> Any:
    if not isinstance(after, (list, tuple, dict)) or hasattr(after, "__opwright_nest__"):
        after = [after]
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)) and not hasattr(before, "_fields"):
        after = type(before)(after)
    if nest.structure(before) != nest.structure(after):
        raise ArgumentError(f"[{op}] body must return the structure of loop_vars, {before!r}, got {after!r}")
    return after


def run_loop(
    op: str,
    cond: Callable[..., Any] | None,
    body: Callable[..., Any],
    loop_vars: Any,
    invariants: Any = None,
    maximum: Any = None,
    name: str | None = None,
) -> Any:
    """The loop in the current graph; `body` and `cond` take the loop_vars as arguments."""
    graph = scopes.current_graph()
    assert graph is not None
    if invariants is not None:
        for array in arrays(loop_vars):
            if not array.is_settled:
                array.settle(array.element_shape)
    traced, inner, result = _traced_body(op, body, loop_vars, invariants)
    starts = [_start(graph, v) for v in nest.flatten(loop_vars)]
    shapes = _invariants(op, starts, loop_vars, invariants)
    arguments = [(t.dtype, shape) for t, shape in zip(starts, shapes, strict=True)]
    leaves = nest.flatten(_same_nest(op, loop_vars, result))
    outputs = [as_output(traced, leaf, dtype) for leaf, (dtype, _) in zip(leaves, arguments, strict=True)]
    _check(op, outputs, arguments, shapes)
    bodied = Body(traced, outputs, inputs=[*inner, *(t for _, t in traced.captures)])
    test = None
    if cond is not None:
        test_graph, holds = trace(f"{op}_cond", lambda *vs: _call(cond, nest.pack(loop_vars, vs)), arguments)
        with test_graph.as_default():
            test = Body(test_graph, [test_graph.captured(convert_to_tensor(scalar(op, "cond's result", holds)))])
    if invariants is not None and _changes(op, body, loop_vars, starts, shapes):
        return nest.pack(loop_vars, by_steps(op, starts, shapes, bodied, test, maximum))
    limit = None if maximum is None else ops.cast(convert_to_tensor(maximum), "int64")
    recipe = Recipe(name or op, starts, [], bodied, test, limit, bounded=limit is not None, shapes=shapes)
    made = make_loop(graph, recipe)
    return nest.pack(loop_vars, made.outputs[: len(starts)])


def _changes(op: str, body: Any, loop_vars: Any, starts: Sequence[Tensor], shapes: Sequence[Shape]) -> bool:
    """Whether an invariant leaves open what of a variable's first shape is known, and an iteration does not keep it."""
    wider = [i for i, (t, s) in enumerate(zip(starts, shapes, strict=True)) if not fits(s, t.shape)]
    if not wider:
        return False
    arguments = [(t.dtype, t.shape) for t in starts]
    try:
        traced, result = trace(f"{op}_body", lambda *vs: _call(body, nest.pack(loop_vars, vs)), arguments)
        leaves = nest.flatten(_same_nest(op, loop_vars, result))
        return any(not fits(as_output(traced, leaves[i], starts[i].dtype).shape, starts[i].shape) for i in wider)
    except ShapeError:
        return True


def _traced_body(op: str, body: Callable[..., Any], loop_vars: Any, invariants: Any) -> Any:
    """The body's graph, what stands for the loop variables in it, and what it returned.

    Arrays whose elements have no shape yet take it from what is first written.
    """
    graph = scopes.current_graph()
    waiting = [array for array in arrays(loop_vars) if not array.is_settled]
    starts = [_start(graph, v) for v in nest.flatten(loop_vars)]
    shapes = _invariants(op, starts, loop_vars, invariants)
    inner: list[Any] = []
    copies: list[TensorArray] = []

    def build(*made: Tensor) -> Any:
        variables = nest.pack(loop_vars, made)
        inner.append(variables)
        copies.extend(array for array in arrays(variables) if not array.is_settled)
        for array in copies:
            array.wait_in(scopes.current_graph())
        return _call(body, variables)

    traced, result = trace(f"{op}_body", build, [(t.dtype, s) for t, s in zip(starts, shapes, strict=True)])
    for array, copy in zip(waiting, copies, strict=True):
        array.settle(copy.element_shape)
    return traced, nest.flatten(inner[0]), result


def _start(graph: Any, value: Any) -> Tensor:
    tensor = graph.captured(convert_to_tensor(value))
    return ops.identity(tensor) if tensor.is_ref else tensor  # type: ignore[no-any-return]


def _invariants(op: str, starts: Sequence[Tensor], loop_vars: Any, invariants: Any) -> list[Shape]:
    if invariants is None:
        return [t.shape for t in starts]
    shapes: list[Shape] = []

    def visit(item: Any) -> None:
        if _is_shape(item):
            shapes.append(as_shape(item))
        elif item is None or hasattr(item, "shape"):
            shapes.append(Shape(None) if item is None else as_shape(item.shape))
        else:
            for part in item.values() if isinstance(item, dict) else item:
                visit(part)

    for item in invariants if isinstance(invariants, (list, tuple)) else [invariants]:
        visit(item)
    if len(shapes) != len(starts):
        raise ArgumentError(f"[{op}] shape_invariants must have one shape for each loop variable, got {invariants!r}")
    for tensor, shape in zip(starts, shapes, strict=True):
        if not fits(tensor.shape, shape):
            raise ShapeError(f"[{op}] a loop variable must fit its shape invariant {shape}, got {tensor.shape}")
    return shapes


def _is_shape(thing: Any) -> bool:
    sizes = isinstance(thing, (list, tuple)) and all(d is None or isinstance(d, int) for d in thing)
    return isinstance(thing, Shape) or sizes


def fits(shape: Shape, wider: Shape) -> bool:
    """Whether every tensor of a shape has a wider one too."""
    if wider.dims is None:
        return True
    return shape.rank == wider.rank and all(w in (None, d) for d, w in zip(shape.known_rank(), wider.dims, strict=True))


def _check(op: str, outputs: Sequence[Tensor], arguments: Sequence[Any], shapes: Sequence[Shape]) -> None:
    for i, (made, (dtype, _), shape) in enumerate(zip(outputs, arguments, shapes, strict=True)):
        if made.dtype is not dtype:
            raise ArgumentError(
                f"[{op}] a loop variable must keep its dtype, {dtype.name} for number {i}, got {made.dtype.name} from "
                "body; cast it there"
            )
        if not fits(made.shape, shape):
            raise ShapeError(
                f"[{op}] a loop variable must keep its shape, {shape} for number {i}, got {made.shape} from body; give "
                "shape_invariants, or set_shape in body"
            )

"""cond, case, switch_case: which of several Python functions gives the result, decided when the step runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from opwright import Tensor, convert_to_tensor, export, ops, scopes
from opwright.errors import ArgumentError

from opwright_control import nest
from opwright_control.branch import make_branch
from opwright_control.funcgraph import Body
from opwright_control.trace import trace, unify

Function = Callable[[], Any]


def scalar(op: str, name: str, value: Any, dtype: Any = "bool") -> Any:
    """A Python value, or a tensor without dimensions. Raises ArgumentError for others."""
    if isinstance(value, (bool, np.bool_, int)):
        return value
    tensor = convert_to_tensor(value)
    kinds = ("bool",) if dtype == "bool" else ("int32", "int64")
    if tensor.dtype.name not in kinds or tensor.shape.rank not in (0, None):
        raise ArgumentError(
            f"[{op}] {name} must be a scalar of dtype {' or '.join(kinds)}, got dtype {tensor.dtype.name} and shape "
            f"{tensor.shape}; reduce it, as with reduce_all"
        )
    return tensor


def choose(op: str, index: Tensor, functions: list[Function], name: str | None = None) -> Any:
    """What the function of number `index` (False, True: 0, 1) returns; the last one's if there is none of that number.

    An Operation if the functions return nothing. Raises ArgumentError where their results differ in structure or dtype.
    """
    graph = scopes.current_graph()
    assert graph is not None
    traced = [trace(f"{op}_{i}", function) for i, function in enumerate(functions)]
    first = traced[0][1]
    for _, result in traced[1:]:
        if nest.structure(result) != nest.structure(first) or (result is None) != (first is None):
            raise ArgumentError(f"[{op}] the branches must return the same structure, got {first!r} and {result!r}")
    graphs = [g for g, _ in traced]
    nothing = first is None
    tensors = unify(op, graphs, [[] if nothing else nest.flatten(result) for _, result in traced])
    bodies = [Body(g, outputs) for g, outputs in zip(graphs, tensors, strict=True)]
    made = make_branch(graph, graph.captured(index), bodies, [range(len(tensors[0]))] * len(bodies), name or op)
    return made if nothing else nest.pack(first, made.outputs)


def _need_functions(op: str, **functions: Any) -> None:
    for name, function in functions.items():
        if not callable(function):
            raise ArgumentError(f"[{op}] {name} must be a function, got {function!r}")


@export("cond")
def cond(
    pred: Any,
    true_fn: Function | None = None,
    false_fn: Function | None = None,
    strict: bool = True,
    name: str | None = None,
    fn1: Function | None = None,
    fn2: Function | None = None,
) -> Any:
    """What true_fn() returns if pred, a bool scalar, holds, else what false_fn() returns. Only one of them runs.

    Both must return the same structure and dtypes. strict=False: a list of one item comes back as that item. Raises
    ArgumentError otherwise. fn1, fn2: the functions' old names.
    """
    true_fn, false_fn = true_fn or fn1, false_fn or fn2
    _need_functions("cond", true_fn=true_fn, false_fn=false_fn)
    assert true_fn is not None
    assert false_fn is not None
    pred = scalar("cond", "pred", pred)
    if isinstance(pred, Tensor):
        made = choose("cond", pred, [false_fn, true_fn], name)
    else:
        made = true_fn() if pred else false_fn()
    single = isinstance(made, (list, tuple)) and len(made) == 1 and not hasattr(made, "_fields")
    return made[0] if single and not strict else made


@export("switch_case")
def switch_case(branch_index: Any, branch_fns: Any, default: Function | None = None, name: str = "switch_case") -> Any:
    """What the function of number branch_index returns; what `default` returns, or else the last function, if there is
    none of that number. branch_fns: functions, a dict from numbers to functions, or pairs of both."""
    index = scalar("switch_case", "branch_index", branch_index, "int")
    pairs = list(branch_fns.items()) if isinstance(branch_fns, Mapping) else list(branch_fns)
    if not pairs:
        raise ArgumentError("[switch_case] branch_fns must hold at least one function, got none")
    numbered = dict(pair if isinstance(pair, tuple) else (i, pair) for i, pair in enumerate(pairs))
    last = default or numbered[max(numbered)]
    functions = [numbered.get(i, last) for i in range(max(numbered) + 1)] + [last]
    _need_functions("switch_case", **{f"branch_fns[{i}]": f for i, f in enumerate(functions)})
    if min(numbered) < 0:
        raise ArgumentError(f"[switch_case] branches must be numbered from 0 on, got {sorted(numbered)}")
    if isinstance(index, Tensor):
        return choose("switch_case", index, functions, name)
    at = int(index)
    return functions[at if 0 <= at < len(functions) else -1]()


@export("case")
def case(
    pred_fn_pairs: Any,
    default: Function | None = None,
    exclusive: bool = False,
    strict: bool = True,
    name: str = "case",
) -> Any:
    """What the function of the first pair whose predicate holds returns; what `default` returns if none does.

    Without a default the last function stands for it. exclusive=True: an error if several predicates hold.
    """
    pairs = list(pred_fn_pairs.items()) if isinstance(pred_fn_pairs, Mapping) else list(pred_fn_pairs)
    if not pairs:
        raise ArgumentError("[case] pred_fn_pairs must hold at least one pair, got none")
    _need_functions("case", **{f"pred_fn_pairs[{i}][1]": f for i, (_, f) in enumerate(pairs)})
    preds = [scalar("case", f"pred_fn_pairs[{i}][0]", p) for i, (p, _) in enumerate(pairs)]
    if exclusive:
        holding = ops.reduce_sum(ops.cast(ops.stack([convert_to_tensor(p) for p in preds]), "int32"))
        check = ops.Assert(holding <= 1, ["[case] at most one predicate must hold, got", ops.stack(preds)])
        graph = scopes.current_graph()
        if graph is not None:
            with graph.control_dependencies([check]):
                preds = [ops.identity(convert_to_tensor(p)) for p in preds]
    otherwise = default or pairs[-1][1]
    for pred, (_, function) in reversed(list(zip(preds, pairs, strict=True))):
        otherwise = _either(pred, function, otherwise, name)
    made = otherwise()
    return made[0] if not strict and isinstance(made, (list, tuple)) and len(made) == 1 else made


def _either(pred: Any, function: Function, otherwise: Function, name: str) -> Function:
    return lambda: cond(pred, function, otherwise, name=name)

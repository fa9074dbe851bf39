"""Choices and loops with TensorFlow 1's defaults: a list of one comes back as what it holds."""

from __future__ import annotations

from typing import Any

from opwright import ops


def cond(
    pred: Any,
    true_fn: Any = None,
    false_fn: Any = None,
    strict: bool = False,
    name: str | None = None,
    fn1: Any = None,
    fn2: Any = None,
) -> Any:
    """`cond`; unless strict, a list of one item comes back as that item."""
    return ops.cond(pred, true_fn, false_fn, strict, name, fn1, fn2)


def case(
    pred_fn_pairs: Any, default: Any = None, exclusive: bool = False, strict: bool = False, name: str = "case"
) -> Any:
    """`case`; unless strict, a list of one item comes back as that item."""
    return ops.case(pred_fn_pairs, default, exclusive, strict, name)


def while_loop(
    cond: Any,
    body: Any,
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
    maximum_iterations: Any = None,
    return_same_structure: bool = False,
) -> Any:
    """`while_loop`; unless return_same_structure, a single loop variable comes back by itself."""
    return ops.while_loop(
        cond,
        body,
        loop_vars,
        shape_invariants,
        parallel_iterations,
        back_prop,
        swap_memory,
        name,
        maximum_iterations,
        return_same_structure,
    )


API = {"case": case, "cond": cond, "while_loop": while_loop}

"""elementwise: a complete op from one expression in C, as softplus from log1p(exp(-fabs(x))) + fmax(x, 0)."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable
from typing import Any

import opwright
from opwright import OpDef, ops
from opwright import dtypes as groups
from opwright.opdef import MISSING
from opwright.scalars import CONSTANTS

from opwright_math.expression import Expression, op_of

_ARITHMETIC: dict[type, str] = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "realdiv"}
_COMPARISONS: dict[type, str] = {
    ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal", ast.Eq: "equal",
    ast.NotEq: "not_equal",
}  # fmt: skip


@opwright.export("elementwise")
def elementwise(
    name: str,
    expression: str,
    *,
    gradient: Callable[..., Any] | None = MISSING,
    dtypes: Iterable[str] = groups.floats,
    export: str | Iterable[str] = (),
    version: int = 1,
) -> OpDef:
    """An op that computes a C expression for each element: numbers, `+ - * /`, comparisons, `&& || !`, `a ? b : c`, and
    the functions and constants of math.h. Other names are its arguments, in the order they appear; they broadcast.

    It needs no kernel: plans compute it by the ops that the expression names, fused; generated GPU code contains it as
    it stands. `gradient(x, ..., y, dy)` returns the gradient of each argument, made of ops; without it the expression
    is differentiated; gradient=None: there is none. Raises SchemaError for what is no such expression, and names it.
    """
    parsed = Expression(name, expression)
    arguments = parsed.arguments
    dims = "*s" if len(arguments) == 1 else "..."
    output = next(o for o in ("y", "z", "result", "result_") if o not in arguments)
    signature = f"{name}({', '.join(f'{a}: T[{dims!r}]' for a in arguments)}) -> ({output}: T[{dims!r}])"
    definition = OpDef(signature, export=export, version=version, T=dtypes)
    definition.scalar = parsed.scalar
    definition.ref(lambda **tensors: _Evaluation(tensors).tensor(parsed.tree))
    if gradient is None or gradient is not MISSING:
        definition.gradient_function = None if gradient is None else _gradient_of(gradient)
    return definition


def _gradient_of(function: Callable[..., Any]) -> Callable[..., Any]:
    def gradient(node: Any, dy: Any) -> Any:
        made = function(*node.inputs, node.outputs[0], dy)
        slopes = made if isinstance(made, tuple) else (made,)
        return tuple(None if dx is None else ops.sum_like(dx, x) for dx, x in zip(slopes, node.inputs, strict=True))

    return gradient


class _Evaluation:
    """The expression on tensors. Numbers stay Python's where a tensor beside them tells the dtype."""

    def __init__(self, tensors: dict[str, Any]) -> None:
        self.tensors = tensors
        self.dtype = next(iter(tensors.values())).dtype

    def number(self, node: ast.expr) -> Any:
        """The value as a number: of a condition 1 or 0."""
        value = self.of(node)
        return ops.cast(value, self.dtype) if getattr(value, "dtype", None) == "bool" else value

    def tensor(self, node: ast.expr) -> Any:
        value = self.number(node)
        return value if hasattr(value, "dtype") else ops.constant(value, self.dtype)

    def condition(self, node: ast.expr) -> Any:
        """Whether the value is not 0."""
        value = self.of(node)
        return value if getattr(value, "dtype", None) == "bool" else ops.not_equal(self.tensor(node), 0)

    def of(self, node: ast.expr) -> Any:
        made: Any = getattr(self, f"_{type(node).__name__.lower()}")(node)
        return made

    def _name(self, node: ast.Name) -> Any:
        return self.tensors.get(node.id, CONSTANTS.get(node.id))

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _binop(self, node: ast.BinOp) -> Any:
        left, right = self.number(node.left), self.number(node.right)
        if not hasattr(right, "dtype"):
            left = self.tensor(node.left)  # one of them has to tell the dtype
        return getattr(ops, _ARITHMETIC[type(node.op)])(left, right)

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Invert):
            return ops.logical_not(self.condition(node.operand))
        value = self.number(node.operand)
        return -value if isinstance(node.op, ast.USub) else value

    def _boolop(self, node: ast.BoolOp) -> Any:
        combine = ops.logical_and if isinstance(node.op, ast.And) else ops.logical_or
        return functools.reduce(combine, [self.condition(v) for v in node.values])

    def _compare(self, node: ast.Compare) -> Any:
        return getattr(ops, _COMPARISONS[type(node.ops[0])])(self.tensor(node.left), self.number(node.comparators[0]))

    def _ifexp(self, node: ast.IfExp) -> Any:
        return ops.where(self.condition(node.test), self.tensor(node.body), self.number(node.orelse))

    def _call(self, node: ast.Call) -> Any:
        function = op_of(ast.unparse(node.func))
        assert function is not None
        return getattr(ops, function)(self.tensor(node.args[0]), *map(self.number, node.args[1:]))

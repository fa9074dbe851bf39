"""return, break and continue inside of if, while and for: rewritten so that every path runs to the end of its block.

What follows an `if` that may jump moves into the branches that do not. What jumps leaves a flag (break) or a result
(return) behind; the loop's test, or the statement after the loop, looks at it.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence

RESULT = "ag__result"
_JUMPS = (ast.Return, ast.Break, ast.Continue)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Refused(Exception):
    """Why a function cannot be rewritten."""


def lower(function: ast.FunctionDef) -> None:
    """Rewrites the function's body in place."""
    if not _jumps_inside(function.body, (ast.Return,)):
        function.body = _Loops().block(function.body)
        return
    body = _Loops().block([*function.body, _at(function.body[-1], ast.Return(ast.Constant(None)))])
    function.body = [*_settled(body), _at(function.body[-1], ast.Return(_name(RESULT)))]


def _name(name: str, store: bool = False) -> ast.Name:
    return ast.Name(name, ast.Store() if store else ast.Load())


def _at(like: ast.AST, node: ast.stmt) -> ast.stmt:
    return ast.fix_missing_locations(ast.copy_location(node, like))


def assign(like: ast.AST, name: str, value: ast.expr) -> ast.stmt:
    """`name = value` on the line of another node."""
    return _at(like, ast.Assign([_name(name, True)], value))


def _jumps_inside(body: Sequence[ast.stmt], kinds: tuple[type, ...]) -> bool:
    """Whether a jump stands inside of an if, a loop or the like."""
    return any(not isinstance(s, _JUMPS) and _may_jump([s], kinds) for s in body)


def _may_jump(body: Sequence[ast.AST], kinds: tuple[type, ...]) -> bool:
    for node in body:
        if isinstance(node, kinds):
            return True
        if isinstance(node, _SCOPES):
            continue
        inner = kinds
        if isinstance(node, (ast.For, ast.While)):
            inner = tuple(k for k in kinds if k is ast.Return)
        if inner and _may_jump(list(ast.iter_child_nodes(node)), inner):
            return True
    return False


def _surely_jumps(body: Sequence[ast.stmt]) -> bool:
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.If):
        return _surely_jumps(last.body) and _surely_jumps(last.orelse)
    return isinstance(last, (*_JUMPS, ast.Raise)) or (isinstance(last, ast.With) and _surely_jumps(last.body))


def _settled(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The block without jumps: each path sets what it has to and runs to the end of the block."""
    made: list[ast.stmt] = []
    for i, statement in enumerate(body):
        rest = list(body[i + 1 :])
        if isinstance(statement, ast.Return):
            return [*made, assign(statement, RESULT, statement.value or ast.Constant(None))]
        if isinstance(statement, (ast.Break, ast.Continue)):
            return made
        if not _may_jump([statement], _JUMPS):
            made.append(statement)
        elif isinstance(statement, ast.If):
            then, orelse = statement.body, statement.orelse
            if not _surely_jumps(then):
                then = [*then, *copy.deepcopy(rest)]
            if not _surely_jumps(orelse):
                orelse = [*orelse, *rest]
            statement.body = _settled(then) or [_at(statement, ast.Pass())]
            statement.orelse = _settled(orelse)
            return [*made, statement]
        elif isinstance(statement, ast.With) and (not rest or _surely_jumps(statement.body)):
            statement.body = _settled(statement.body) or [_at(statement, ast.Pass())]
            return [*made, statement]
        else:
            raise Refused(
                f"a {type(statement).__name__.lower()} block in line {statement.lineno} is left by return, break or "
                "continue in its middle"
            )
    return made


class _Loops:
    """Rewrites the loops of a block, inner ones first."""

    def __init__(self) -> None:
        self._count = 0

    def block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        return [made for statement in body for made in self._statement(statement)]

    def _statement(self, statement: ast.stmt) -> list[ast.stmt]:
        if isinstance(statement, _SCOPES):
            return [statement]
        for field in ("body", "orelse", "finalbody"):
            if isinstance(getattr(statement, field, None), list):
                setattr(statement, field, self.block(getattr(statement, field)))
        for handler in getattr(statement, "handlers", []):
            handler.body = self.block(handler.body)
        return self._loop(statement) if isinstance(statement, (ast.For, ast.While)) else [statement]

    def _loop(self, loop: ast.For | ast.While) -> list[ast.stmt]:
        returns = _may_jump(loop.body, (ast.Return,))
        breaks = returns or _may_jump(loop.body, (ast.Break,))
        self._count += 1
        broken, returned = f"ag__break_{self._count}", f"ag__return_{self._count}"
        made: list[ast.stmt] = []
        flags = [broken] * breaks + [returned] * returns
        made += [assign(loop, flag, ast.Constant(False)) for flag in flags]
        if breaks or _may_jump(loop.body, (ast.Continue,)):
            loop.body = _settled(_flagged(loop.body, broken, returned)) or [_at(loop, ast.Pass())]
        after, loop.orelse = loop.orelse, []
        loop.ag_broken = broken if breaks else None  # type: ignore[union-attr]
        made.append(loop)
        if after:
            made += [_at(loop, ast.If(_not(broken), after, []))] if breaks else after
        if returns:
            made.append(_at(loop, ast.If(_name(returned), [ast.Return(_name(RESULT))], [])))
        return made


def _not(flag: str) -> ast.expr:
    return ast.UnaryOp(ast.Not(), _name(flag))


def _flagged(body: Sequence[ast.stmt], broken: str, returned: str) -> list[ast.stmt]:
    """The loop's body with its breaks and returns setting their flags and going on to the next iteration."""
    made: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, (ast.Break, ast.Return)):
            made.append(assign(statement, broken, ast.Constant(True)))
            if isinstance(statement, ast.Return):
                made.append(assign(statement, returned, ast.Constant(True)))
                made.append(assign(statement, RESULT, statement.value or ast.Constant(None)))
            made.append(_at(statement, ast.Continue()))
            return made
        if not isinstance(statement, (*_SCOPES, ast.For, ast.While)):
            for field in ("body", "orelse"):
                if isinstance(getattr(statement, field, None), list):
                    setattr(statement, field, _flagged(getattr(statement, field), broken, returned))
        made.append(statement)
    return made

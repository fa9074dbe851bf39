"""The rewriting of a function's syntax tree: each if, while, for becomes a call of an operator, its blocks functions.

if test: x = f(x)      def ag__then_1(x): x = f(x); return (x,)
                       def ag__else_1(x): return (x,)
                       (x,) = ag__.if_(test, ag__then_1, ag__else_1, (ag__.value(lambda: x, 'x'),), ('x',))
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from opwright_function.autograph.jumps import Refused, lower

AG = "ag__"
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LEFT_ALONE = frozenset(("super", "locals", "globals", "eval", "exec", "vars", "dir", "print", "isinstance", "getattr"))


def rewrite(function: ast.FunctionDef) -> None:
    """Rewrites the function in place. Raises Refused where that cannot be done."""
    for node in ast.walk(function):
        if isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFunctionDef)):
            raise Refused("it is a generator or a coroutine")
    function.decorator_list = []
    lower(function)
    outer = {n for node in ast.walk(function) if isinstance(node, (ast.Global, ast.Nonlocal)) for n in node.names}
    rewriter = _Rewriter(outer)
    function.body = rewriter.block(function.body)
    for default in [*function.args.defaults, *function.args.kw_defaults]:
        if default is not None:
            ast.copy_location(default, function)
    ast.fix_missing_locations(function)


def stored(nodes: Sequence[ast.AST]) -> set[str]:
    """The names that statements bind in their own scope."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        elif isinstance(node, ast.ExceptHandler):
            found |= stored(node.body)
        elif not isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
            found |= stored(list(ast.iter_child_nodes(node)))
    return found


def _call(operator: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name(AG, ast.Load()), operator, ast.Load()), list(args), [])


def _delayed(value: ast.expr) -> ast.Lambda:
    return ast.Lambda(_parameters([]), value)


def _parameters(names: Sequence[str]) -> ast.arguments:
    return ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])


def _tuple(names: Sequence[str], store: bool = False) -> ast.Tuple:
    context = ast.Store() if store else ast.Load()
    return ast.Tuple([ast.Name(n, context) for n in names], context)


class _Rewriter(ast.NodeTransformer):
    def __init__(self, outer: set[str]) -> None:
        self._outer = outer  # names that are global or nonlocal: not handed in and out, but declared again
        self._count = 0

    def block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for statement in body:
            found = self.visit(statement)
            made += found if isinstance(found, list) else [found]
        return made

    # -- statements ----------------------------------------------------------------------------------------------------

    def visit_If(self, node: ast.If) -> list[ast.stmt]:
        names = sorted(stored([*node.body, *node.orelse]) - self._outer)
        then, orelse = self._name("then"), self._name("else")
        test = self.visit(node.test)
        functions = [self._function(then, node.body, names, node), self._function(orelse, node.orelse, names, node)]
        call = _call("if_", test, _load(then), _load(orelse), *self._values(names))
        return [*functions, self._assigned(names, call, node)]

    def visit_While(self, node: ast.While) -> list[ast.stmt]:
        names = sorted((stored(node.body) | stored([node.test])) - self._outer)
        test, body = self._name("test"), self._name("body")
        holds = _broken_or(node, node.test)
        functions = [
            self._function(test, [ast.copy_location(ast.Return(holds), node)], names, node, returns=False),
            self._function(body, node.body, names, node),
        ]
        return [
            *functions,
            self._assigned(names, _call("while_", _load(test), _load(body), *self._values(names)), node),
        ]

    def visit_For(self, node: ast.For) -> list[ast.stmt]:
        names = sorted((stored(node.body) | stored([node.target])) - self._outer)
        test, body, item = self._name("test"), self._name("body"), self._name("item")
        first = ast.copy_location(ast.Assign([node.target], _load(item)), node)
        made: list[ast.stmt] = []
        holds: ast.expr = ast.Constant(None)
        if node.ag_broken is not None:  # type: ignore[attr-defined]
            proceed = ast.copy_location(ast.Return(_broken_or(node, None)), node)
            made.append(self._function(test, [proceed], names, node, returns=False))
            holds = _load(test)
        iterated = self.visit(node.iter)
        made.append(self._function(body, [first, *node.body], names, node, [item]))
        return [*made, self._assigned(names, _call("for_", iterated, holds, _load(body), *self._values(names)), node)]

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        message = node.msg if node.msg is not None else ast.Constant(None)
        call = _call(
            "assert_", self.visit(node.test), _delayed(self.visit(message)), ast.Constant(ast.unparse(node.test))
        )
        return ast.copy_location(ast.Expr(call), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        return node  # a function of its own, rewritten when it is called

    visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = visit_FunctionDef  # type: ignore[assignment]

    def _name(self, what: str) -> str:
        self._count += 1
        return f"{AG}{what}_{self._count}"

    def _function(
        self,
        name: str,
        body: Sequence[ast.stmt],
        names: Sequence[str],
        like: ast.AST,
        extra: Sequence[str] = (),
        returns: bool = True,
    ) -> ast.stmt:
        declared = sorted(stored(body) & self._outer)
        made: list[ast.stmt] = [ast.Nonlocal(declared)] if declared else []
        made += self.block(body)
        made += [ast.Return(_tuple(names))] if returns else []
        function = ast.FunctionDef(name, _parameters([*extra, *names]), made, [])
        function.type_params = []  # type: ignore[attr-defined]
        return ast.fix_missing_locations(ast.copy_location(function, like))

    def _values(self, names: Sequence[str]) -> tuple[ast.expr, ast.expr]:
        values: list[ast.expr] = [_call("value", _delayed(_load(n)), ast.Constant(n)) for n in names]
        return ast.Tuple(values, ast.Load()), ast.Constant(tuple(names))

    def _assigned(self, names: Sequence[str], call: ast.expr, like: ast.AST) -> ast.stmt:
        made = ast.Assign([_tuple(names, True)], call) if names else ast.Expr(call)
        return ast.fix_missing_locations(ast.copy_location(made, like))

    # -- expressions ---------------------------------------------------------------------------------------------------

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        if any(isinstance(n, ast.NamedExpr) for n in ast.walk(node)):
            return node
        parts = [_delayed(self.visit(v)) for v in node.values]
        return ast.copy_location(_call("and_" if isinstance(node.op, ast.And) else "or_", *parts), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        node.operand = self.visit(node.operand)
        return ast.copy_location(_call("not_", node.operand), node) if isinstance(node.op, ast.Not) else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test, then, orelse = self.visit(node.test), self.visit(node.body), self.visit(node.orelse)
        return ast.copy_location(_call("if_expression", test, _delayed(then), _delayed(orelse)), node)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) == 1:
            return self._compared(node, node.left, node.ops[0], node.comparators[0])
        terms = [node.left, *node.comparators]
        if not all(isinstance(t, (ast.Name, ast.Constant, ast.Attribute)) for t in terms[1:-1]):
            return node  # what stands in the middle must be computed once
        pairs = zip(terms, node.ops, terms[1:])
        return ast.copy_location(_call("and_", *(_delayed(self._compared(node, a, op, b)) for a, op, b in pairs)), node)

    def _compared(self, node: ast.Compare, a: ast.expr, op: ast.cmpop, b: ast.expr) -> ast.expr:
        if isinstance(op, (ast.Eq, ast.NotEq)):
            made: ast.expr = _call("equal" if isinstance(op, ast.Eq) else "not_equal", a, b)
        else:
            made = ast.Compare(a, [op], [b])
        return ast.copy_location(made, node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and (node.func.id in _LEFT_ALONE or node.func.id.startswith(AG)):
            return node
        node.func = ast.copy_location(_call("called", node.func), node.func)
        return node


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _broken_or(loop: ast.For | ast.While, test: ast.expr | None) -> ast.expr:
    """The loop goes on: nothing has broken it off, and its own test holds."""
    broken = loop.ag_broken  # type: ignore[union-attr]
    if broken is None:
        assert test is not None
        return test
    free = ast.UnaryOp(ast.Not(), _load(broken))
    return ast.copy_location(free if test is None else ast.BoolOp(ast.And(), [free, test]), loop)

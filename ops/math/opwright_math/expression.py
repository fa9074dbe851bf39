"""Expressions in C: `log1p(exp(-fabs(x))) + fmax(x, 0)` as a syntax tree of Python's, every part of it known."""

from __future__ import annotations

import ast
import keyword
import re

from opwright.errors import SchemaError, did_you_mean
from opwright.scalars import CONSTANTS

# math.h's functions and the ops they are; with an f at the end too.
FUNCTIONS = {
    name: name
    for name in (
        "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 floor fmax fmin "
        "hypot isfinite isinf isnan lgamma log log10 log1p log2 pow rint signbit sin sinh sqrt tan tanh trunc"
    ).split()
} | {"fabs": "abs", "fmod": "truncatemod", "nearbyint": "rint"}
_BINARY = ("atan2", "copysign", "fmax", "fmin", "fmod", "hypot", "pow")
_SPELLING = {"&&": "and", "||": "or", "!": "~"}  # ~ binds as C's ! does, which Python's not does not
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fF]?(?!\w)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>&&|\|\||[<>=!]=|/(?!/)|[-+*<>!?:(),]))"
)
_KNOWN = (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call)


class Expression:
    """A parsed expression: `tree`, its `arguments` in the order they first appear, and its text in terms of x0, x1, ...

    Raises SchemaError, for the op `name`, for what is no expression, or not one known here, and names it.
    """

    def __init__(self, name: str, text: str) -> None:
        tokens = _tokens(name, text)
        self.tree = _parsed(name, text, tokens)
        for node in ast.walk(self.tree):
            _require_known(name, node)
        called = {id(n.func) for n in ast.walk(self.tree) if isinstance(n, ast.Call)}
        names = {n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name) and id(n) not in called}
        self.arguments = [t for t in dict.fromkeys(tokens) if t in names and t not in CONSTANTS]
        if not self.arguments:
            raise SchemaError(f"[{name}] the expression must have an argument, got {text!r}")
        self.scalar = " ".join(f"x{self.arguments.index(t)}" if t in self.arguments else t for t in tokens)


def _tokens(name: str, expression: str) -> list[str]:
    found, at = [], 0
    while expression[at:].strip():
        token = _TOKEN.match(expression, at)
        if token is None or keyword.iskeyword(token.group().strip()):
            raise SchemaError(
                f"[{name}] the expression must consist of numbers, names and + - * / < <= > >= == != && || ! ?: ( ), "
                f"got {expression[at:].split()[0]!r} in {expression!r}"
            )
        found.append(token.group().strip())
        at = token.end()
    return found


def _parsed(name: str, expression: str, tokens: list[str]) -> ast.expr:
    try:
        text, rest = _python(tokens, 0)
        if rest != len(tokens):
            raise SyntaxError("unmatched ')'")
        return ast.parse(text, mode="eval").body
    except SyntaxError as e:
        raise SchemaError(f"[{name}] the expression must be one of C, got {expression!r}: {e.msg}") from None


def _python(tokens: list[str], at: int) -> tuple[str, int]:
    """The tokens up to the next closing parenthesis in Python's syntax, and where that stands."""
    parts: list[list[str]] = [[]]
    while at < len(tokens) and tokens[at] != ")":
        token = tokens[at]
        if token == "(":
            inner, at = _python(tokens, at + 1)
            if at == len(tokens):
                raise SyntaxError("'(' was never closed")
            token = f"({inner})"
        elif token == ",":
            parts.append([])
        if token != ",":
            parts[-1].append(_SPELLING.get(token, token.rstrip("fF") if token[0] in ".0123456789" else token))
        at += 1
    return ", ".join(_choice(part) for part in parts), at


def _choice(tokens: list[str]) -> str:
    """a ? b : c as (b if a else c)."""
    if "?" not in tokens:
        return " ".join(tokens)
    first = tokens.index("?")
    depth = 0
    for i in range(first, len(tokens)):
        depth += {"?": 1, ":": -1}.get(tokens[i], 0)
        if depth == 0:
            condition, yes, no = (_choice(t) for t in (tokens[:first], tokens[first + 1 : i], tokens[i + 1 :]))
            return f"(({yes}) if ({condition}) else ({no}))"
    raise SyntaxError("'?' without ':'")


def _require_known(name: str, node: ast.AST) -> None:
    """Raises SchemaError for a part of the expression that has no meaning here, or another one in C."""
    if not isinstance(node, ast.expr):
        return
    text = ast.unparse(node).replace("~", "!")
    if not isinstance(node, _KNOWN):
        raise SchemaError(f"[{name}] the expression must give one number, got {text!r}")
    if isinstance(node, ast.Compare) and len(node.ops) > 1:
        raise SchemaError(f"[{name}] comparisons must not be chained, got {text!r}; use &&")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _is_integer(node):
        raise SchemaError(
            f"[{name}] a quotient must have a float in it, got {text!r}; C divides integers without fraction"
        )
    if isinstance(node, ast.Call):
        called = op_of(node.func.id) if isinstance(node.func, ast.Name) else None
        if called is None:
            what = ast.unparse(node.func)
            raise SchemaError(
                f"[{name}] functions must be math.h's, got {what!r}{did_you_mean(what, FUNCTIONS)}; there are "
                f"{', '.join(sorted(FUNCTIONS))}"
            )
        arity = 2 if called in (FUNCTIONS[b] for b in _BINARY) else 1
        if len(node.args) != arity:
            raise SchemaError(f"[{name}] {ast.unparse(node.func)} must have {arity} arguments, got {text!r}")


def op_of(function: str) -> str | None:
    """The op that a function of math.h is, in its form for double or for float."""
    return FUNCTIONS.get(function, FUNCTIONS.get(function.removesuffix("f")))


def _is_integer(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    if isinstance(node, ast.BinOp):
        return _is_integer(node.left) and _is_integer(node.right)
    if isinstance(node, ast.IfExp):
        return _is_integer(node.body) and _is_integer(node.orelse)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Invert) or _is_integer(node.operand)
    return isinstance(node, (ast.Compare, ast.BoolOp))

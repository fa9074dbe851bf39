"""converted: a Python function rewritten, with the globals and the closure of the one it is made of."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
import types
from collections.abc import Callable
from typing import Any

from opwright import export
from opwright.errors import GraphError

from opwright_function.autograph import operators
from opwright_function.autograph.jumps import Refused
from opwright_function.autograph.rewrite import AG, rewrite

_codes: dict[types.CodeType, types.CodeType | str] = {}  # a function's code rewritten, or why it could not be
_made: set[types.CodeType] = set()  # what has come out of rewriting
_LIBRARIES = frozenset(sys.stdlib_module_names) | {"numpy", "scipy", "hypothesis", "pytest", "absl", "six"}


@export("autograph.experimental.do_not_convert")
def do_not_convert(func: Any = None) -> Any:
    """Marks a function to be called as it is."""

    def mark(function: Any) -> Any:
        function.__opwright_as_it_is__ = True
        return function

    return mark if func is None else mark(func)


def converted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its control flow rewritten; itself where there is nothing to rewrite or no source to be had."""
    if isinstance(function, functools.partial):
        return functools.partial(converted(function.func), *function.args, **function.keywords)
    if isinstance(function, types.MethodType):
        return types.MethodType(converted(function.__func__), function.__self__)
    if not isinstance(function, types.FunctionType):
        method = _method(function)
        own = isinstance(method, types.FunctionType) and not isinstance(function, type) and wanted(method)
        return types.MethodType(converted(method), function) if own else function
    code = function.__code__
    if code in _made or getattr(function, "__opwright_as_it_is__", False):
        return function
    if code not in _codes:
        _codes[code] = _rewritten(function)
    made = _codes[code]
    if isinstance(made, str):
        return operators.explained(function, made)
    return _bound(function, made)


def _method(thing: Any) -> Any:
    """What is called when an object is; None for what has no method of its own for that."""
    return next((vars(c)["__call__"] for c in type(thing).__mro__ if "__call__" in vars(c)), None)


def wanted(function: Any) -> bool:
    """Whether a function that is called is the user's own, and so to be rewritten."""
    if isinstance(function, functools.partial):
        return wanted(function.func)
    inner = getattr(function, "__func__", function)
    if not isinstance(inner, types.FunctionType):
        method = _method(inner)
        return isinstance(method, types.FunctionType) and not isinstance(inner, type) and wanted(method)
    top = (inner.__module__ or "").partition(".")[0]
    return not (top.startswith("opwright") or top in _LIBRARIES)


def _definition(function: types.FunctionType) -> tuple[ast.Module, ast.FunctionDef] | str:
    """The source of a function rewritten, or why it cannot be."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return "its source is not to be had"
    definition = tree.body[0] if tree.body else None
    if not isinstance(definition, ast.FunctionDef):
        return "it is not defined by def"
    try:
        rewrite(definition)
    except Refused as e:
        return str(e)
    return tree, definition


@export("autograph.to_code")
def to_code(entity: Callable[..., Any], recursive: bool = True, experimental_optional_features: Any = None) -> str:
    """The source that `function` makes of a Python function. Raises GraphError where it cannot be rewritten."""
    function = getattr(entity, "python_function", entity)
    function = getattr(function, "__func__", function)
    found = _definition(function) if isinstance(function, types.FunctionType) else "it is no Python function"
    if isinstance(found, str):
        raise GraphError(
            f"[autograph.to_code] entity must be a function that can be rewritten, got {entity!r}: {found}"
        )
    return ast.unparse(ast.fix_missing_locations(found[1]))


def _rewritten(function: types.FunctionType) -> types.CodeType | str:
    code = function.__code__
    found = _definition(function)
    if isinstance(found, str):
        return found
    tree, definition = found
    ast.increment_lineno(tree, code.co_firstlineno - 1)
    names = [*code.co_freevars, AG]
    cells = [ast.Assign([ast.Name(n, ast.Store())], ast.Constant(None)) for n in names]
    around = ast.FunctionDef("ag__around", ast.arguments([], [], None, [], [], None, []), [*cells, definition], [])
    around.type_params = []  # type: ignore[attr-defined]
    module = ast.fix_missing_locations(ast.Module([around], []))
    outer = next(c for c in compile(module, code.co_filename, "exec").co_consts if isinstance(c, types.CodeType))
    made = next(c for c in outer.co_consts if isinstance(c, types.CodeType) and c.co_name == definition.name)
    _made.add(made)
    return made


def _bound(function: types.FunctionType, code: types.CodeType) -> types.FunctionType:
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    cells[AG] = types.CellType(operators)
    made = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, tuple(cells[n] for n in code.co_freevars)
    )
    made.__kwdefaults__ = function.__kwdefaults__
    made.__dict__.update(function.__dict__)
    made.__module__, made.__qualname__, made.__doc__ = function.__module__, function.__qualname__, function.__doc__
    return made

"""The signature language: `softmax(x: T['*b n'], *, axis: int = -1) -> (y: T['*b n'])`.

An argument is a tensor if its annotation is a dtype (`int32`), a type variable (`T`), `list[T]`, `ref[T]` (a variable's
storage, written in place), or one of these `| None`; it is an attribute if its annotation is one of ATTRIBUTES. A
string in brackets names the dimensions:

    'm k'       two dimensions; a name stands for one size wherever it occurs, an attribute's name for its value
    '*b n'      any number of dimensions b, then n
    '... m k'   leading dimensions that broadcast against each other, then m, k
    '3 _'       exactly 3, then anything

An output's dtype may also be an attribute of kind dtype: `cast(x: T, dtype: dtype) -> (y: dtype)`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from opwright.dtypes import BY_NAME, as_dtype
from opwright.errors import ArgumentError, DTypeError, SchemaError, ShapeError, did_you_mean
from opwright.shapes import as_shape

REQUIRED = object()


@dataclass(frozen=True)
class TensorArg:
    """A tensor argument or output."""

    name: str
    dtype: str  # a dtype, a type variable or (outputs) an attribute
    dims: tuple[str, ...] | None = None
    is_list: bool = False
    is_ref: bool = False
    optional: bool = False

    def __str__(self) -> str:
        inner = self.dtype + (f"[{' '.join(self.dims)!r}]" if self.dims is not None else "")
        for wrapper in ("list",) * self.is_list + ("ref",) * self.is_ref:
            inner = f"{wrapper}[{inner}]"
        return f"{self.name}: {inner}" + " | None = None" * self.optional


@dataclass(frozen=True)
class Attribute:
    """A value fixed when the node is built."""

    name: str
    kind: str
    default: Any = REQUIRED
    optional: bool = False

    def __str__(self) -> str:
        default = "" if self.default is REQUIRED else f" = {self.default!r}"
        return f"{self.name}: {self.kind}{' | None' * self.optional}{default}"


def _sequence(item: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def convert(value: Any) -> tuple[Any, ...]:
        if isinstance(value, (str, bytes)) or np.ndim(value) == 0:
            value = (value,)
        return tuple(item(v) for v in value)

    return convert


def _boolean(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise TypeError(value)


def _string(value: Any) -> str:
    if isinstance(value, (str, bytes)):
        return value if isinstance(value, str) else value.decode()
    raise TypeError(value)


def _real(value: Any) -> float:
    if isinstance(value, (str, bytes)):
        raise TypeError(value)
    return float(value)


def _integer(value: Any) -> int:
    return operator.index(value.item() if isinstance(value, np.ndarray) else value)


ATTRIBUTES: dict[str, Callable[[Any], Any]] = {
    "int": _integer,
    "float": _real,
    "bool": _boolean,
    "str": _string,
    "dtype": as_dtype,
    "shape": as_shape,
    "ints": _sequence(_integer),
    "floats": _sequence(_real),
    "strs": _sequence(_string),
    "array": np.asarray,
    "object": lambda value: value,
}


@dataclass(frozen=True)
class Schema:
    """A parsed signature."""

    name: str
    args: tuple[TensorArg | Attribute, ...]
    n_positional: int
    outputs: tuple[TensorArg, ...]
    types: Mapping[str, tuple[str, ...]]  # type variable -> names of the dtypes it ranges over

    @cached_property
    def tensors(self) -> tuple[TensorArg, ...]:
        return tuple(a for a in self.args if isinstance(a, TensorArg))

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        return tuple(a for a in self.args if isinstance(a, Attribute))

    def dtypes_of(self, arg: TensorArg) -> tuple[str, ...]:
        """The dtypes an argument or output may have."""
        if arg.dtype in self.types:
            return self.types[arg.dtype]
        return (arg.dtype,) if arg.dtype in BY_NAME else tuple(d for d in BY_NAME if d == BY_NAME[d].name)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The tensor arguments by name, unconverted, and the attributes by name, converted and with their defaults.

        Raises ArgumentError for missing, unexpected or ill-typed arguments.
        """
        if len(args) > self.n_positional:
            raise ArgumentError(f"[{self.name}] at most {self.n_positional} positional arguments fit, got {len(args)}")
        given = dict(zip((a.name for a in self.args), args, strict=False))
        for name, value in kwargs.items():
            if name in given:
                raise ArgumentError(f"[{self.name}] argument {name!r} was given twice")
            given[name] = value
        tensors: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for arg in self.args:
            if isinstance(arg, Attribute):
                attributes[arg.name] = self._attribute(arg, given.pop(arg.name, arg.default))
            else:
                tensors[arg.name] = self._tensor(arg, given.pop(arg.name, None))
        if given:
            stray = next(iter(given))
            known = did_you_mean(stray, [a.name for a in self.args])
            raise ArgumentError(f"[{self.name}] there is no argument {stray!r}{known}; the signature is {self}")
        return tensors, attributes

    def _tensor(self, arg: TensorArg, value: Any) -> Any:
        if value is None and not arg.optional:
            raise ArgumentError(f"[{self.name}] argument {arg.name!r} is required; the signature is {self}")
        return value

    def _attribute(self, arg: Attribute, value: Any) -> Any:
        if value is REQUIRED:
            raise ArgumentError(f"[{self.name}] argument {arg.name!r} is required; the signature is {self}")
        if value is None:
            if arg.optional:
                return None
            raise ArgumentError(f"[{self.name}] {arg.name} must be {_article(arg.kind)}, got None")
        if hasattr(value, "static_value"):
            value = self._static(arg, value)
        try:
            return ATTRIBUTES[arg.kind](value)
        except (TypeError, ValueError) as e:
            if isinstance(e, (DTypeError, ShapeError)):
                raise type(e)(f"[{self.name}] {arg.name}: {e}") from None
            raise ArgumentError(f"[{self.name}] {arg.name} must be {_article(arg.kind)}, got {value!r}") from None

    def _static(self, arg: Attribute, tensor: Any) -> Any:
        value = tensor.static_value()
        if value is None:
            raise ArgumentError(
                f"[{self.name}] {arg.name} must be known when the graph is built, got {tensor}; give a Python value"
            )
        return value

    def __str__(self) -> str:
        parts = [str(a) for a in self.args]
        if self.n_positional < len(parts):
            parts.insert(self.n_positional, "*")
        return f"{self.name}({', '.join(parts)}) -> ({', '.join(map(str, self.outputs))})"


def _article(kind: str) -> str:
    names = {"ints": "an int or a sequence of ints", "floats": "a sequence of floats", "strs": "a sequence of strings"}
    return names.get(kind, f"{'an' if kind[0] in 'aeio' else 'a'} {kind}")


def parse(text: str, types: Mapping[str, tuple[str, ...]]) -> Schema:
    """The Schema that `text` describes, its type variables ranging over the dtypes in `types`.

    Raises SchemaError, with the text, if it is not well formed.
    """
    try:
        head, _, tail = text.partition("->")
        name, _, rest = head.strip().partition("(")
        arguments, outputs = _function(f"({rest.strip()}"), _function(tail.strip() or "()")
    except SyntaxError as e:
        raise SchemaError(
            f"a signature must read 'name(x: T, *, k: int = 0) -> (y: T)', got {text!r}: {e.msg}"
        ) from None
    if not all(part.isidentifier() for part in name.split("::")):
        raise SchemaError(f"an op's name must be an identifier or namespace::identifier, got {name!r}")
    defaults: list[ast.expr | None] = [None] * (len(arguments.args) - len(arguments.defaults)) + list(
        arguments.defaults
    )
    declared = list(zip(arguments.args, defaults, strict=True)) + list(
        zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    )
    parser = _Parser(name, types)
    schema = Schema(
        name,
        tuple(parser.argument(a, default) for a, default in declared),
        len(arguments.args),
        tuple(parser.tensor(a.arg, parser.annotation(a), None) for a in outputs.args),
        dict(types),
    )
    parser.check_outputs(schema)
    return schema


def _function(parameters: str) -> ast.arguments:
    (function,) = ast.parse(f"def f{parameters}: pass").body
    assert isinstance(function, ast.FunctionDef)
    return function.args


class _Parser:
    def __init__(self, op: str, types: Mapping[str, tuple[str, ...]]) -> None:
        self.op = op
        self.types = types
        for variable, dtypes in types.items():
            for dtype in dtypes:
                if dtype not in BY_NAME:
                    raise SchemaError(
                        f"[{op}] {variable} must range over dtypes, got {dtype!r}{did_you_mean(dtype, BY_NAME)}"
                    )

    def annotation(self, arg: ast.arg) -> ast.expr:
        if arg.annotation is None:
            raise SchemaError(f"[{self.op}] argument {arg.arg!r} needs a type: {arg.arg}: T")
        return arg.annotation

    def argument(self, arg: ast.arg, default: ast.expr | None) -> TensorArg | Attribute:
        annotation, optional = self.annotation(arg), False
        if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
            annotation, optional = annotation.left, True
        if isinstance(annotation, ast.Name) and annotation.id in ATTRIBUTES:
            value = REQUIRED if default is None else ast.literal_eval(default)
            attribute = Attribute(arg.arg, annotation.id, value, optional)
            if value is not REQUIRED and value is not None:
                ATTRIBUTES[annotation.id](value)
            return attribute
        if default is not None and not (optional and ast.literal_eval(default) is None):
            raise SchemaError(
                f"[{self.op}] tensor {arg.arg!r} may only have the default None, as {arg.arg}: T | None = None"
            )
        return self.tensor(arg.arg, annotation, optional)

    def tensor(self, name: str, annotation: ast.expr, optional: bool | None) -> TensorArg:
        flags = {"list": False, "ref": False}
        while (
            isinstance(annotation, ast.Subscript)
            and isinstance(annotation.value, ast.Name)
            and annotation.value.id in flags
        ):
            flags[annotation.value.id] = True
            annotation = annotation.slice
        dims = None
        if isinstance(annotation, ast.Subscript):
            dims = self.dims(name, annotation.slice)
            annotation = annotation.value
        if not isinstance(annotation, ast.Name):
            raise SchemaError(
                f"[{self.op}] {name!r} must be T, T['dims'], list[T] or ref[T], got {ast.unparse(annotation)}"
            )
        if optional is not None and annotation.id not in self.types and annotation.id not in BY_NAME:
            known = did_you_mean(annotation.id, [*self.types, *BY_NAME, *ATTRIBUTES])
            raise SchemaError(f"[{self.op}] {name!r} has the unknown type {annotation.id!r}{known}")
        return TensorArg(name, annotation.id, dims, flags["list"], flags["ref"], bool(optional))

    def dims(self, name: str, node: ast.expr) -> tuple[str, ...]:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            raise SchemaError(f"[{self.op}] the dimensions of {name!r} must be a string, got {ast.unparse(node)}")
        dims = tuple(node.value.split())
        for dim in dims:
            if not (dim == "..." or dim.lstrip("*").isidentifier() or dim.isdigit()):
                raise SchemaError(f"[{self.op}] a dimension must be a name, *name, ..., _ or a number, got {dim!r}")
        if sum(dim == "..." or dim.startswith("*") for dim in dims) > 1:
            raise SchemaError(f"[{self.op}] {name!r} may have one *name or ..., got {' '.join(dims)!r}")
        return dims

    def check_outputs(self, schema: Schema) -> None:
        attributes = {a.name for a in schema.attributes if a.kind == "dtype"}
        bound = {a.dtype for a in schema.tensors} | attributes
        for out in schema.outputs:
            if out.dtype not in BY_NAME and out.dtype not in bound:
                raise SchemaError(
                    f"[{self.op}] output {out.name!r} has the type {out.dtype!r}, which no argument determines"
                )

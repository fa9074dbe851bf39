"""Writes a C header with the index of each attribute of each op: `enum { CLIP_LOW = 0, CLIP_HIGH = 1 };`.

usage: make_attributes.py HEADER MODULE.py...

Reads the signatures out of the sources, so that it needs nothing but Python.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

KINDS = {"int", "float", "bool", "str", "dtype", "shape", "ints", "floats", "strs", "array", "object"}


def signatures(source: str) -> Iterator[str]:
    """The first arguments of the calls of OpDef."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "OpDef" and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def attributes(signature: str) -> tuple[str, list[str]]:
    """The op's name and its attributes, in order."""
    name, _, rest = signature.partition("->")[0].strip().partition("(")
    (function,) = ast.parse(f"def f({rest}: pass").body
    assert isinstance(function, ast.FunctionDef)
    found = []
    for arg in function.args.args + function.args.kwonlyargs:
        kind = arg.annotation
        if isinstance(kind, ast.BinOp):
            kind = kind.left
        if isinstance(kind, ast.Name) and kind.id in KINDS:
            found.append(arg.arg)
    return name, found


def main() -> None:
    header, *modules = sys.argv[1:]
    lines = ["// Made from the signatures of the ops: the index of each attribute.", "#pragma once", ""]
    for module in modules:
        for signature in signatures(Path(module).read_text(encoding="utf-8")):
            name, found = attributes(signature)
            op = name.replace("::", "_").upper()
            if found:
                lines.append(f"enum {{ {', '.join(f'{op}_{a.upper()} = {i}' for i, a in enumerate(found))} }};")
    text = "\n".join(lines) + "\n"
    path = Path(header)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


main()

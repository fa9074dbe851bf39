"""Type stubs of everything that `opwright` offers: the core's names and the installed ops'."""

from __future__ import annotations

import inspect
import keyword
from typing import Any

import opwright
from opwright.opdef import OpDef
from opwright.registry import registry
from opwright.schema import REQUIRED, Attribute, TensorArg

_KINDS = {"int": "int", "float": "float", "bool": "bool", "str": "str", "dtype": "Any", "shape": "Any",
          "ints": "int | Sequence[int]", "floats": "Sequence[float]", "strs": "Sequence[str]"}  # fmt: skip


def stub() -> str:
    """The text of opwright/__init__.pyi. Names with dots become classes of static methods."""
    registry.load_all()
    tree: dict[str, Any] = {}
    for name in registry.all_names():
        *path, last = name.split(".")
        try:
            thing = registry.name(name)
        except Exception:  # a clash, or a package that cannot be loaded, explains itself when it is used
            continue
        if not (isinstance(thing, OpDef) or callable(thing)) or not last.isidentifier() or keyword.iskeyword(last):
            continue
        place = tree
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                break
        else:
            place.setdefault(last, thing)
    lines = ["from collections.abc import Sequence", "from typing import Any", ""]
    ours = [n for n in opwright.__all__ if n not in tree]
    lines += [f"{n}: Any" for n in sorted(ours) if not n.startswith("_")]
    lines += _scope(tree, "")
    lines += ["", "class ops:", *(_scope(tree, "    ") or ["    ..."])]
    return "\n".join(lines) + "\n"


def _scope(tree: dict[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for name, thing in sorted(tree.items()):
        if isinstance(thing, dict):
            lines += ["", f"{indent}class {name}:", *(_scope(thing, indent + "    ") or [f"{indent}    ..."])]
        elif inspect.isclass(thing):
            lines.append(f"{indent}{name}: Any")
        else:
            lines += [f"{indent}@staticmethod"] if indent else []
            text = (inspect.getdoc(thing) or "").partition("\n")[0].replace('"""', "'''").replace("\\", "\\\\")
            lines.append(
                f"{indent}def {name}{signature(thing)}:" + (" ..." if isinstance(thing, OpDef) or not text else "")
            )
            if not isinstance(thing, OpDef) and text:
                lines += [f'{indent}    """{text}"""', f"{indent}    ..."]
    return lines


def signature(thing: Any) -> str:
    """The parameters and result of an op or function, as a stub spells them."""
    if isinstance(thing, OpDef):
        return _of_op(thing)
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return "(*args: Any, **kwargs: Any) -> Any"
    parts, star = [], False
    for p in found.parameters.values():
        if p.kind is p.KEYWORD_ONLY and not star:
            parts.append("*")
        star = star or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        prefix = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        parts.append(f"{prefix}{p.name}: Any" + ("" if p.default is p.empty else " = ..."))
    return f"({', '.join(parts)}) -> Any"


def _of_op(op: OpDef) -> str:
    parts = [_argument(a) for a in op.schema.args]
    optional = False
    for i, part in enumerate(parts):  # after an optional one Python wants optional ones
        optional = optional or part.endswith("= ...")
        parts[i] = part if part.endswith("= ...") or not optional or i >= op.schema.n_positional else f"{part} = ..."
    if op.schema.n_positional < len(parts):
        parts.insert(op.schema.n_positional, "*")
    parts.append("name: str | None = ..." if "*" in parts else "*, name: str | None = ...")
    return f"({', '.join(parts)}) -> Any"


def _argument(arg: TensorArg | Attribute) -> str:
    if isinstance(arg, TensorArg):
        return f"{arg.name}: Any" + (" = ..." if arg.optional else "")
    kind = _KINDS.get(arg.kind, "Any") + (" | None" if arg.optional else "")
    return f"{arg.name}: {kind}" + ("" if arg.default is REQUIRED else " = ...")

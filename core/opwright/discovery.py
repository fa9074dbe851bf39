"""Which installed packages offer ops, and which ops, found without importing any of them."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

OPS_GROUP = "opwright.ops"
PLUGINS_GROUP = "opwright.plugins"

# Each begins with the letters it looks for, which is ten times as fast as with \b.
_DEFINES = [re.compile(rf"{word}(?<!\w{word})\(\s*[\"']([\w:]+)") for word in ("OpDef", "elementwise")]
_EXPORTS = re.compile(r"export(?<!\wexport)(?:=\(?|\()((?:\s*[\"'][\w.]+[\"'],?)+)")
_PREFIX = re.compile(r"prefix(?<!\wprefix)=[\"'](\w+)[\"']")
_WORD = re.compile(r"[\w.]+")


@dataclass
class Package:
    """An installed package that names itself in one of the entry-point groups."""

    name: str  # the entry point's
    module: str
    dist: str
    version: str
    error: str | None = None  # why it could not be loaded
    loaded: bool = False
    _names: set[str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.dist} {self.version}"

    def names(self) -> set[str]:
        """The public names that stand in its sources: ops', exported ones, both under each prefix that stands there.

        A guess that saves imports: names made at run time are missing, and some names may not exist.
        """
        if self._names is None:
            found: set[str] = set()
            prefixes: set[str] = set()
            for text in _sources(self.module):
                found.update(name.replace("::", ".") for defines in _DEFINES for name in defines.findall(text))
                for names in _EXPORTS.findall(text):
                    found.update(_WORD.findall(names))
                prefixes.update(_PREFIX.findall(text))
            self._names = found | {f"{p}.{n}" for p in prefixes for n in found if "." not in n}
        return self._names


def _sources(module: str) -> Iterator[str]:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return
    folders = [Path(p) for p in spec.submodule_search_locations or ()]
    files = [f for folder in folders if folder.is_dir() for f in sorted(folder.glob("*.py"))]
    if not files and spec.origin:
        files = [Path(spec.origin)]
    for file in files:
        if file.suffix == ".py" and file.is_file():
            yield file.read_text(encoding="utf-8", errors="replace")


def wanted() -> set[str] | None:
    """The plugins OPWRIGHT_PLUGINS asks for, by entry-point name; None: all."""
    chosen = os.environ.get("OPWRIGHT_PLUGINS")
    return None if chosen is None else {name.strip() for name in chosen.split(",") if name.strip()}


def packages(group: str) -> list[Package]:
    """The packages of an entry-point group, each once even if it is found on several paths."""
    found: dict[str, Package] = {}
    chosen = wanted()
    import importlib.metadata  # a quarter of what importing opwright takes, and needed when a name is first looked up

    for point in importlib.metadata.entry_points(group=group):
        if chosen is not None and point.name not in chosen:
            continue
        about = point.dist.metadata if point.dist else {"Name": "?", "Version": "?"}  # read once: it takes a while
        package = Package(point.name, point.module, about["Name"], about["Version"])
        found.setdefault(package.module, package)
    return sorted(found.values(), key=lambda p: p.module)

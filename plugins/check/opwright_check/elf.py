"""What an ELF library exports, needs and expects of the system, and what of it a kernel library may not."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from opwright.errors import LibraryError

EXPORTS = {"ow_library_v1"}
# What every Linux system with glibc has; libdnnl comes with kernel packs that open it before.
ALLOWED = re.compile(r"(libc|libm|libstdc\+\+|libgcc_s|libpthread|libdl|librt|ld-linux[\w-]*)\.so\.\d+$")
FORBIDDEN = re.compile(r"lib(python|cudart|gomp|omp|iomp)")
_PYTHON = re.compile(r"_?Py[A-Z]\w+")
_VERSION = re.compile(r"(GLIBC|GLIBCXX|CXXABI)_(\d+(?:\.\d+)*)$")


@dataclass
class Audit:
    """What was found in a library. `problems` are sentences; empty if it may be shipped."""

    path: str
    exports: list[str] = field(default_factory=list)
    needed: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)  # GLIBC -> the newest version it needs
    undefined: list[str] = field(default_factory=list)
    gpu_code: bool = False
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if k != "undefined"}


def audit(path: str | Path, glibc: str | None = None, pack: bool = False) -> Audit:
    """Reads a library. `glibc` is the newest version of it that may be needed; a pack may need libdnnl.

    Raises LibraryError where it is no ELF file, or pyelftools is missing.
    """
    try:
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile
    except ImportError:
        raise LibraryError("reading libraries needs pyelftools; pip install 'opwright[audit]'") from None
    found = Audit(str(path))
    try:
        with open(path, "rb") as f:
            _read(ELFFile(f), found)
    except (ELFError, OSError) as e:
        raise LibraryError(f"{Path(path).name} must be an ELF library, got {e or type(e).__name__}") from None
    found.problems = _problems(found, glibc, pack)
    return found


def _read(elf: Any, found: Audit) -> None:
    symbols = elf.get_section_by_name(".dynsym")
    for symbol in symbols.iter_symbols() if symbols else ():
        bound = symbol["st_info"]["bind"] in ("STB_GLOBAL", "STB_WEAK")
        if not symbol.name or not bound:
            continue
        if symbol["st_shndx"] == "SHN_UNDEF":
            found.undefined.append(symbol.name)
        elif symbol["st_other"]["visibility"] in ("STV_DEFAULT", "STV_PROTECTED"):
            found.exports.append(symbol.name)
    dynamic = elf.get_section_by_name(".dynamic")
    found.needed = [tag.needed for tag in dynamic.iter_tags("DT_NEEDED")] if dynamic else []
    versions = elf.get_section_by_name(".gnu.version_r")
    for _, auxiliary in versions.iter_versions() if versions else ():
        for entry in auxiliary:
            match = _VERSION.match(entry.name)
            if match:
                name, version = match.groups()
                found.versions[name] = max(found.versions.get(name, "0"), version, key=parts)
    found.gpu_code = elf.get_section_by_name(".nv_fatbin") is not None


def parts(version: str) -> tuple[int, ...]:
    """A version as numbers, to compare."""
    return tuple(int(p) for p in version.split("."))


def _problems(found: Audit, glibc: str | None, pack: bool) -> list[str]:
    problems = []
    if set(found.exports) != EXPORTS:
        extra = sorted(set(found.exports) - EXPORTS)
        shown = ", ".join(extra[:4]) + (f" and {len(extra) - 4} more" if len(extra) > 4 else "")
        lacking = "" if EXPORTS <= set(found.exports) else "ow_library_v1 is not exported; "
        problems.append(
            f"{lacking}it must export ow_library_v1 alone, got {shown or 'nothing'}; build with hidden visibility"
        )
    for name in found.needed:
        if FORBIDDEN.match(name):
            problems.append(
                f"it must not need {name}: no Python, CUDA runtime or OpenMP crosses the line; link without it"
            )
        elif not ALLOWED.match(name) and not (pack and name.startswith("libdnnl")):
            problems.append(f"it needs {name}, which not every system has; link it statically")
    python = [s for s in found.undefined if _PYTHON.match(s)]
    if python:
        problems.append(f"it must not use Python's C API, got {', '.join(sorted(python)[:4])}")
    newest = found.versions.get("GLIBC", "0")
    if glibc is not None and parts(newest) > parts(glibc):
        problems.append(f"it needs glibc {newest}, its wheel promises {glibc}; build it on an older system")
    return problems

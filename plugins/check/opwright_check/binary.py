"""Whether a package's libraries may be shipped: what they export, need, and expect of the system."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import sys

from opwright.errors import LibraryError
from opwright.kernels import kernels
from opwright.registry import registry
from opwright.runtime import SUFFIX, package_files

from opwright_check.elf import audit
from opwright_check.outcome import Outcome, check, fail, ok, skip


@check("binary", "package")
def binary(package: str) -> Outcome:
    """One export, no library but the system's, no newer glibc than the wheel promises, no Python, CUDA, OpenMP."""
    files = package_files(getattr(importlib.import_module(package), "__path__", ()), f"lib*{SUFFIX}")
    if not files:
        return skip("the package has no kernel library")
    if not sys.platform.startswith("linux"):
        return skip("only ELF libraries are read")
    pack = any(p.package == package for p in kernels.packs())
    promised = promised_glibc(package)
    newest = set()
    for file in files:
        try:
            found = audit(file, promised, pack)
        except LibraryError as e:
            return skip(str(e)) if "pyelftools" in str(e) else fail(str(e))
        if found.problems:
            return fail(f"{file.name}: {'; '.join(found.problems)}")
        newest.add(found.versions.get("GLIBC", "none"))
    floor = f"glibc {', '.join(sorted(newest))}" + (f", {promised} promised" if promised else "")
    return ok(f"{len(files)} libraries, {floor}")


def promised_glibc(package: str) -> str | None:
    """The glibc that the tag of the package's wheel promises (manylinux_2_28: 2.28); None if it promises none."""
    owner = next((p.dist for p in registry.packages() if p.module == package), package.replace("_", "-"))
    try:
        tags = importlib.metadata.distribution(owner).read_text("WHEEL") or ""
    except importlib.metadata.PackageNotFoundError:
        return None
    match = re.search(r"manylinux_(\d+)_(\d+)", tags)
    return f"{match[1]}.{match[2]}" if match else None

"""Prints, for CMake, the folder of dnnl.h and the path of libdnnl.so.3, separated by ";"; nothing if one is missing."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path


def files(distribution: str, name: str) -> list[Path]:
    """The files of that name which a distribution has installed."""
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return []
    paths = [Path(str(found.locate_file(f))).resolve() for f in found.files or () if f.name == name]
    return [p for p in paths if p.exists()]


headers = files("onednn-devel-cpu-gomp", "dnnl.h")
libraries = files("onednn-cpu-gomp", "libdnnl.so.3")
if headers and libraries:
    print(f"{min(headers, key=lambda p: len(p.parts)).parent};{libraries[0]}")

"""From CUDA C to code for a GPU: NVRTC, as CuPy opens it, and what it has made before, kept on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import opwright
from opwright.errors import InternalError
from opwright.runtime import package_files

HEADER = "opwright/half.hpp"


def cache_folder() -> Path:
    """Where compiled kernels are kept: $OPWRIGHT_CUDA_CACHE, else the user's cache folder."""
    given = os.environ.get("OPWRIGHT_CUDA_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "opwright" / "cuda"


def header() -> str:
    """The text of the header that generated code includes."""
    return package_files(opwright.__path__, f"include/{HEADER}")[0].read_text()


class Nvrtc:
    """Compiles for one compute capability (90 is 9.0)."""

    def __init__(self, capability: int) -> None:
        from cupy.cuda import nvrtc

        self._nvrtc = nvrtc
        known = nvrtc.getSupportedArchs()
        supported = [arch for arch in known if arch <= capability]
        if not supported:
            raise InternalError(
                f"[cuda] NVRTC {nvrtc.getVersion()} must know capability {capability / 10}, got {min(known) / 10} "
                "and more; install the CuPy for an older CUDA"
            )
        best = max(supported)
        # For a GPU newer than this NVRTC the driver translates its PTX.
        self._options = (f"-arch={'sm' if best == capability else 'compute'}_{best}", "--std=c++17")
        self._as_ptx = best != capability

    def compile(self, source: str) -> bytes:
        """The image of a source, from disk if it was compiled before."""
        folder = cache_folder()
        text = "\n".join((repr(self._nvrtc.getVersion()), *self._options, header(), source))
        file = folder / f"{hashlib.sha256(text.encode()).hexdigest()}.{'ptx' if self._as_ptx else 'cubin'}"
        try:
            return file.read_bytes()
        except OSError:
            image = self._compile(source)
            _keep(file, image)
            return image

    def _compile(self, source: str) -> bytes:
        nvrtc = self._nvrtc
        program = nvrtc.createProgram(source, "cluster.cu", [header().encode()], [HEADER.encode()])
        try:
            nvrtc.compileProgram(program, list(self._options))
            image: Any = nvrtc.getPTX(program) if self._as_ptx else nvrtc.getCUBIN(program)
        except nvrtc.NVRTCError as e:
            raise InternalError(
                f"[cuda] generated code must compile, got {e}:\n{nvrtc.getProgramLog(program)}"
            ) from None
        finally:
            nvrtc.destroyProgram(program)
        return image.encode() if isinstance(image, str) else bytes(image)


def _keep(file: Path, image: bytes) -> None:
    """Writes a file as a whole or not at all; where nothing can be written, nothing is kept."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "wb") as target:
            target.write(image)
        os.replace(temporary, file)
    except OSError:
        return

"""Kernel libraries: opening them, reading their tables, choosing the kernel for a node."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from opwright._abi import ffi
from opwright.dtypes import DType
from opwright.errors import LibraryError, OpwrightError
from opwright.opdef import OpDef
from opwright.runtime import NULL, SUFFIX, host, open_forever, package_files

_LEVELS = (("avx512", lambda cpu: cpu & 2), ("avx2", lambda cpu: cpu & 1), ("", lambda cpu: True))


@dataclass(eq=False)
class Kernel:
    """A row of a library's table. `struct` is our own copy, zero beyond what the library knows of."""

    op: str
    device: str
    signature: str
    variant: str
    library: str
    struct: Any
    python: Callable[..., Any] | None = None

    @cached_property
    def caps(self) -> int:
        return int(self.struct.caps)

    @cached_property
    def tiles(self) -> bool:
        """Whether there is a tile function."""
        return bool(self.struct.tile != NULL)

    @property
    def scalar(self) -> str:
        """The elementwise expression over x0, x1, ...; empty if there is none."""
        return _text(self.struct.scalar)

    def takes(self, signature: str) -> bool:
        """Whether the kernel's dtypes are those of a node ('float32,int32->float32')."""
        if self.signature == signature:
            return True
        if "*" not in self.signature:
            return False
        ours, theirs = _split(self.signature), _split(signature)
        return len(ours) == len(theirs) and all(a in ("*", b) for a, b in zip(ours, theirs, strict=True))


def signature(definition: OpDef, ins: Sequence[DType | None], outs: Sequence[DType]) -> str:
    """A node's dtypes as kernels spell them: one per argument, 'none' for an absent one, '->', one per output."""
    given = [dtype.kernel_name if dtype is not None else "none" for dtype in ins]
    made = [dtype.kernel_name for dtype in outs[: len(definition.schema.outputs)]]
    if not made and definition.schema.outputs:
        made = ["*"]
    return f"{','.join(given)}->{','.join(made)}"


def _split(signature: str) -> list[str]:
    return signature.replace("->", ",").split(",")


@dataclass
class Library:
    """An opened library, or why it could not be opened."""

    path: str
    dist: str = ""
    version: str = ""
    kernels: list[Kernel] = field(default_factory=list)
    error: str | None = None


@dataclass
class KernelPack:
    """Kernels for ops of other packages. `prepare` readies what its libraries need, or raises an error."""

    name: str
    ops: tuple[str, ...]
    package: str
    prepare: Callable[[], None] = lambda: None
    error: str | None = None


def open_library(path: str | Path, host_table: Any = None) -> Library:
    """Opens a kernel library and reads its table. A refusal is in `error`, as a sentence."""
    library = Library(str(path))
    try:
        entry = open_forever(path).ow_library_v1
    except (OSError, AttributeError, ffi.error) as e:
        library.error = _foreign(Path(path)) or f"{Path(path).name} could not be opened: {e}"
        return library
    table = entry(host if host_table is None else host_table)
    if table == NULL:
        library.error = f"{Path(path).name} does not run on this machine"
        return library
    library.dist, library.version = _text(table.dist), _text(table.version)
    library.error = _refusal(library, table, host if host_table is None else host_table)
    if library.error is None:
        library.kernels = [_read(library, table.kernels[i]) for i in range(table.n_kernels)]
    return library


_MACHINES = {3: "32-bit x86", 40: "32-bit ARM", 62: "x86_64", 183: "aarch64", 243: "RISC-V"}  # e_machine of ELF


def _foreign(path: Path) -> str | None:
    """That a library is for another platform, by its first bytes; None if it is for this one, or is no library."""
    try:
        with path.open("rb") as file:
            head = file.read(20)
    except OSError:
        return None
    system = {b"\x7fELF": "linux", b"\xcf\xfa\xed\xfe": "darwin", b"\xca\xfe\xba\xbe": "darwin"}.get(head[:4])
    system = "win32" if head[:2] == b"MZ" else system
    machine = platform.machine()
    if system == "linux":
        machine = _MACHINES.get(int.from_bytes(head[18:], "little"), "another machine")
        machine = machine if head[4] == 2 else "32 bits"
    if system is None or (system == sys.platform and machine == platform.machine()):
        return None
    theirs = machine if system == sys.platform else {"win32": "Windows", "darwin": "macOS", "linux": "Linux"}[system]
    return (
        f"{path.name} is built for {theirs}, this is {sys.platform} on {platform.machine()}; install the package's "
        "wheel for that"
    )


def _refusal(library: Library, table: Any, host_table: Any) -> str | None:
    who = f"{library.dist} {library.version} ({Path(library.path).name})"
    if table.abi_major != host_table.abi_major:
        return (
            f"{who} is built for kernel ABI {table.abi_major}, this Opwright has {host_table.abi_major}; reinstall it"
        )
    missing = table.needs & ~host_table.features
    if missing:
        bits = ", ".join(str(bit) for bit in range(64) if missing >> bit & 1)
        return f"{who} needs feature {bits} of the kernel ABI, which this Opwright does not have; upgrade opwright"
    return None


def _read(library: Library, theirs: Any) -> Kernel:
    struct = ffi.new("ow_kernel *")
    size = min(theirs.struct_size, ffi.sizeof("ow_kernel"))
    ffi.memmove(struct, theirs, size)
    return Kernel(
        _text(struct.op), _text(struct.device), _text(struct.signature), _text(struct.variant), library.path, struct
    )


def _text(chars: Any) -> str:
    return "" if chars == NULL else ffi.string(chars).decode()


class Kernels:
    """The kernels of every op, read from libraries when an op first needs one."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._libraries: dict[tuple[str, str], list[Library]] = {}
        self._candidates: dict[tuple[str, str], list[Kernel]] = {}
        self._matching: dict[Any, tuple[list[Kernel], list[Kernel]]] = {}  # and among which candidates
        self._packs: list[KernelPack] | None = None
        self._added: list[Kernel] = []

    def candidates(self, definition: OpDef, device: str) -> list[Kernel]:
        """The op's kernels for a kind of device, of its own package and of packs, those in Python last."""
        key = definition.name, device
        with self._lock:
            if key not in self._candidates:
                libraries = self.libraries(definition.package, device) if definition.package else []
                found = [k for lib in libraries for k in lib.kernels if k.op == definition.name and k.device == device]
                for pack in self.packs():
                    if definition.name in pack.ops:
                        libraries = self.libraries(pack.package, device)
                        found += [k for lib in libraries for k in lib.kernels if (k.op, k.device) == key]
                found += [k for k in self._added if (k.op, k.device) == key]
                if device in definition.python_kernels:
                    found.append(python_kernel(definition, device))
                self._candidates[key] = _pinned(definition.name, device, found)
            return self._candidates[key]

    def matching(
        self, definition: OpDef, device: str, ins: tuple[DType | None, ...], outs: tuple[DType, ...]
    ) -> list[Kernel]:
        """Those candidates that take a node's dtypes: one per argument, None for an absent one; one per output."""
        candidates, key = self.candidates(definition, device), (definition, device, ins, outs)
        known, found = self._matching.get(key, ([], []))
        if known != candidates:
            wanted = signature(definition, ins, outs)
            found = [k for k in candidates if k.takes(wanted)]
            self._matching[key] = list(candidates), found
        return found

    def add(self, kernels: Iterable[Kernel]) -> None:
        """Enters the kernels of a library opened by hand."""
        with self._lock:
            self._added += kernels
            self._candidates.clear()

    def packs(self) -> list[KernelPack]:
        """The installed kernel packs."""
        if self._packs is None:
            from opwright.plugins import hooks

            self._packs = []
            hooks().opwright_register_kernels(register=lambda *packs: self._packs.extend(packs))
        return self._packs

    def libraries(self, package: str, device: str) -> list[Library]:
        """The package's libraries for a kind of device, opened; those of a pack once it is prepared."""
        key = package, device
        with self._lock:
            if key not in self._libraries:
                self._libraries[key] = self._open(package, device)
            return self._libraries[key]

    def _open(self, package: str, device: str) -> list[Library]:
        pack = next((p for p in self.packs() if p.package == package), None)
        if pack is not None:
            try:
                pack.prepare()
            except (OpwrightError, OSError) as e:
                pack.error = str(e)
                return []
        module = importlib.import_module(package)
        files = package_files(getattr(module, "__path__", ()), f"lib*_{device}*{SUFFIX}")
        stems = {file.name.partition(f"_{device}")[0] for file in files}
        return [open_library(best) for stem in sorted(stems) for best in _best(files, f"{stem}_{device}")]


def _pinned(op: str, device: str, found: list[Kernel]) -> list[Kernel]:
    """Of an op's kernels those that OPWRIGHT_KERNELS leaves: "matmul=portable,-winograd" pins an op to one of its
    variants and drops another wherever it is."""
    pins = {}
    for pin in filter(None, os.environ.get("OPWRIGHT_KERNELS", "").split(",")):
        name, equals, variant = pin.strip().rpartition("=")
        if equals:
            pins[name] = variant
        elif variant.startswith("-"):
            found = [k for k in found if k.variant != variant[1:]]
        else:
            raise LibraryError(f"OPWRIGHT_KERNELS must read op=variant,-variant, got {pin!r}")
    if op not in pins or not found:
        return found
    kept = [k for k in found if k.variant == pins[op]]
    if not kept:
        there = ", ".join(dict.fromkeys(k.variant or "(no name)" for k in found))
        raise LibraryError(f"[{op}] OPWRIGHT_KERNELS must name one of its {device} kernels ({there}), got {pins[op]!r}")
    return kept


def _best(files: list[Path], stem: str) -> list[Path]:
    """Of a library's builds for different processors, the most capable that this one runs."""
    cap = os.environ.get("OPWRIGHT_CPU", "avx512")
    allowed = [level for level, _ in _LEVELS][[level for level, _ in _LEVELS].index(cap if cap != "baseline" else "") :]
    for level, supported in _LEVELS:
        name = f"{stem}.{level}{SUFFIX}" if level else f"{stem}{SUFFIX}"
        match = [f for f in files if f.name == name]
        if match and level in allowed and supported(host.cpu):
            return match[:1]
    return []


def python_kernel(definition: OpDef, device: str) -> Kernel:
    """The op's Python function as a kernel for every dtype."""
    struct = ffi.new("ow_kernel *", {"struct_size": ffi.sizeof("ow_kernel")})
    schema = definition.schema
    signature = f"{','.join('*' for _ in schema.tensors)}->{','.join('*' for _ in schema.outputs)}"
    return Kernel(definition.name, device, signature, "python", "", struct, definition.python_kernels[device])


kernels = Kernels()


def no_kernel(definition: OpDef, device: str, signature: str, reasons: list[str]) -> LibraryError:
    """Why no kernel of the op serves a node."""
    found = kernels.candidates(definition, device)
    there = "; ".join(sorted({k.signature for k in found})) or "none at all"
    why = f" ({'; '.join(reasons)})" if reasons else ""
    if not found and definition.package:
        folders = getattr(importlib.import_module(definition.package), "__path__", [])  # none: a module of one file
        if not package_files(folders, f"*{SUFFIX}"):
            there += f"; there is no library in {', '.join(folders)}: install the package"
    broken = [
        lib.error
        for (package, _), libs in kernels._libraries.items()
        if package == definition.package
        for lib in libs
        if lib.error
    ]
    blame = f"; {'; '.join(b for b in broken if b)}" if broken else ""
    return LibraryError(f"[{definition.name}] no {device} kernel for {signature}{why}; {device} has {there}{blame}")

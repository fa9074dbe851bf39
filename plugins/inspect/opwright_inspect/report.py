"""What the command line prints, as plain data."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import platform
import shutil
import sys
from typing import Any

import numpy as np
from opwright import runtime
from opwright.devices import devices
from opwright.kernels import Kernel, kernels
from opwright.opdef import MISSING, OpDef
from opwright.plugins import manager, plugins
from opwright.registry import registry

_CPU_BITS = ("AVX2", "AVX-512", "AVX-512 VNNI", "AVX-512 BF16", "AMX", "NEON", "SVE")


def packages() -> list[dict[str, Any]]:
    """The installed packages of ops and plugins."""
    count: dict[str | None, int] = {}
    for op in registry.ops():
        count[op.package] = count.get(op.package, 0) + 1
    found = [(p, "ops") for p in registry.packages()] + [(p, "plugin") for p in plugins()]
    return [
        {
            "name": p.name,
            "kind": kind,
            "module": p.module,
            "dist": p.dist,
            "version": p.version,
            "ops": count.get(p.module, 0) if kind == "ops" else None,
            "error": p.error,
            "conformance": conformance(p.module),
        }
        for p, kind in found
    ]


def conformance(module: str) -> str | None:
    """What the checks of a package came to when its wheel was made; None if it does not say."""
    found = importlib.util.find_spec(module)
    for folder in (found.submodule_search_locations or ()) if found else ():
        file = os.path.join(folder, "conformance.json")
        if os.path.isfile(file):
            with open(file, encoding="utf-8") as f:
                return str(json.load(f).get("summary"))
    return None


def ops() -> list[dict[str, Any]]:
    """Every op: name, signature, package."""
    return [{"name": op.name, "signature": str(op.schema), "package": op.package or ""} for op in registry.ops()]


def op(name: str) -> dict[str, Any]:
    """All there is to know of an op. Raises UnknownOpError."""
    found = registry.name(name.replace("::", "."))
    if not isinstance(found, OpDef):
        return _function(name, found)
    owner = registry.owner(found)
    module = importlib.import_module(found.package) if found.package else None
    return {
        "name": found.name,
        "signature": str(found.schema),
        "types": {variable: list(dtypes) for variable, dtypes in found.schema.types.items()},
        "public names": registry.names_of(found),
        "gradient": _gradient(found),
        "reference": "yes" if found.reference else "no",
        "from": str(owner) if owner else "this program",
        "file": getattr(module, "__file__", None) or "",
        "kernels": [_kernel(k) for kind in _kinds() for k in kernels.candidates(found, kind)],
    }


def _function(name: str, found: Any) -> dict[str, Any]:
    code = inspect.unwrap(found)
    return {
        "name": name,
        "signature": f"{name}{inspect.signature(code)}" if callable(code) else repr(found),
        "types": {},
        "public names": registry.names_of(found),
        "gradient": "that of the ops it is made of",
        "reference": "no",
        "from": getattr(found, "__module__", ""),
        "file": inspect.getsourcefile(code) or "" if callable(code) else "",
        "kernels": [],
    }


def _kinds() -> list[str]:
    return list(dict.fromkeys(name.partition(":")[0] for name in devices()))


def _gradient(found: OpDef) -> str:
    if found.gradient_function is None:
        return "none, declared so"
    return "that of its reference" if found.gradient_function is MISSING else "yes"


def _kernel(kernel: Kernel) -> dict[str, str]:
    kind = "tile" if kernel.struct.tile != runtime.NULL else "python" if kernel.python else "run"
    library = os.path.basename(kernel.library)
    return {
        "device": kernel.device,
        "signature": kernel.signature,
        "variant": kernel.variant or kind,
        "library": library or "(Python)",
    }


def doctor() -> list[dict[str, str]]:
    """What was checked: {"what", "state": ok, note or wrong, "text"}."""
    checks: list[dict[str, str]] = []

    def report(what: str, state: bool | str, text: str) -> None:
        named = state if isinstance(state, str) else "ok" if state else "wrong"
        checks.append({"what": what, "state": named, "text": text})

    features = [bit for i, bit in enumerate(_CPU_BITS) if runtime.host.cpu >> i & 1]
    report("python", True, f"{platform.python_version()} ({sys.executable}), NumPy {np.__version__}")
    report("machine", True, f"{platform.machine()}, {', '.join(features) or 'baseline instructions'}")
    report("workers", True, f"{runtime.workers()} (set OPWRIGHT_WORKERS to change)")
    for variable in ("OPWRIGHT_PLUGINS", "OPWRIGHT_PLAN", "OPWRIGHT_CPU", "OPWRIGHT_KERNELS", "OPWRIGHT_WORKERS"):
        if variable in os.environ:
            report("setting", "note", f"{variable}={os.environ[variable]!r}")
    _check_packages(report)
    for compiler, what in (("c++", "needed to build packages of ops"), ("nvcc", "needed to build their CUDA kernels")):
        path = shutil.which(compiler)
        report("compiler", True if path else "note", path or f"no {compiler}; {what}")
    for name, device in devices().items():
        reason = device.why_unavailable()
        report("device", "note" if reason else True, f"{name}: {reason or 'ready'}")
    everyone = manager().get_plugins()
    for plugin in everyone:
        try:
            manager().subset_hook_caller("opwright_doctor", everyone - {plugin})(report=report)
        except Exception as e:  # a plugin may fail in any way; it must not harm the others
            report(manager().get_name(plugin), False, f"its part of doctor fails: {type(e).__name__}: {e}")
    return checks


def _check_packages(report: Any) -> None:
    registry.load_all()
    for package in [*registry.packages(), *plugins()]:
        where = f"{package.name} ({package})"
        if package.error:
            report("package", False, f"{where} could not be loaded: {package.error}; reinstall or uninstall it")
            continue
        broken = [lib.error for lib in kernels.libraries(package.module, "cpu") if lib.error]
        report("package", not broken, f"{where}" + "".join(f"; {b}" for b in broken))
    for clash in registry.clashes():
        report("name", False, str(clash.error()))
    for pack in kernels.packs():
        kernels.libraries(pack.package, "cpu")
        lost = f"{pack.error}; the portable kernels serve" if pack.error else f"kernels for {', '.join(pack.ops)}"
        report("kernels", "note" if pack.error else True, f"{pack.name}: {lost}")

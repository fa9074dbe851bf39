"""What the checks of a package come to: a table, and the conformance.json that its wheel may carry."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from opwright.errors import ArgumentError, UnknownOpError
from opwright.opdef import OpDef
from opwright.registry import registry

from opwright_check.cost import SLOWER
from opwright_check.suite import CHECKS, Result

FILE = "conformance.json"


def package_of(what: str) -> tuple[str, list[str]]:
    """The import package that `what` names, by its module or distribution, and no ops; or "" and the op it names."""
    for package in registry.packages():
        if what in (package.module, package.module.replace("_", "-")):
            return package.module, []
    owned = [p for p in registry.packages() if what == p.dist]
    if len(owned) == 1:
        return owned[0].module, []
    found = registry.name(what.replace("::", "."))
    if not isinstance(found, OpDef):
        raise UnknownOpError(f"{what!r} must be an op or a package of ops, got {found!r}; check the ops it is made of")
    return "", [found.name]


def rows(results: Iterable[Result]) -> list[tuple[str, int, int, int, str]]:
    """A row a check: how many ops pass, fail and are skipped, and what the check is."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        counts.setdefault(result.check, Counter())[result.state] += 1
    order = [n for n in CHECKS if n in counts] + [n for n in counts if n not in CHECKS]
    return [
        (n, counts[n]["ok"], counts[n]["fail"], counts[n]["skip"], CHECKS[n].text if n in CHECKS else "") for n in order
    ]


def skipped(results: Iterable[Result]) -> list[str]:
    """A line for each reason for which something was skipped: the reason, the checks and the ops."""
    reasons: dict[str, list[Result]] = {}
    for result in results:
        if result.state == "skip":
            reasons.setdefault(result.text.partition("\n")[0], []).append(result)
    return [
        f"skipped: {reason} ({_several(r.check for r in of_it)} of {_several(r.subject for r in of_it)})"
        for reason, of_it in reasons.items()
    ]


def _several(names: Iterable[str]) -> str:
    found = list(dict.fromkeys(names))
    return ", ".join(found[:6]) + (f" and {len(found) - 6} more" if len(found) > 6 else "")


def conformance(what: str, package: str, results: list[Result]) -> dict[str, Any]:
    """The results as data. A check of the package counts as passed where no op fails it and one passes it."""
    owner = next((p for p in registry.packages() if p.module == package), None)
    table = rows(results)
    passed = sum(1 for _, good, bad, _, _ in table if good and not bad)
    failed = sum(1 for _, _, bad, _, _ in table if bad)
    skipped = len(table) - passed - failed
    summary = f"{passed}/{len(table)} checks passed" + (f", {failed} failed" if failed else "")
    summary += f", {skipped} skipped" if skipped else ""
    return {
        "what": what,
        "dist": owner.dist if owner else None,
        "version": owner.version if owner else None,
        "summary": summary,
        "results": [r.as_dict() for r in results],
    }


def write_conformance(package: str, found: dict[str, Any]) -> Path:
    """Writes the results, with reasons for what was skipped, beside the package's modules.

    Raises ArgumentError for a single op, and for a package that is a single file."""
    if not package:
        raise ArgumentError("conformance.json belongs to a package; give the package's name instead of an op's")
    folders = getattr(importlib.import_module(package), "__path__", ())
    if not folders:
        raise ArgumentError(f"conformance.json needs a folder, got the package {package}, a single file")
    folder = Path(folders[0])
    kept = [{k: v for k, v in r.items() if _worth(k, v, r["state"])} for r in found["results"]]
    file = folder / FILE
    file.write_text(json.dumps({**found, "results": kept}, indent=1) + "\n")
    return file


def _worth(key: str, value: Any, state: str) -> bool:
    """Whether a part of a result goes into conformance.json."""
    return key in ("subject", "check", "state") or (key == "text" and state == "skip") or (key == "data" and value)


def costs_before(package: str) -> dict[str, dict[str, Any]]:
    """By op, the costs that the package's conformance.json says; none if it has no such file."""
    folders = getattr(importlib.import_module(package), "__path__", ()) if package else ()
    files = [file for folder in folders if (file := Path(folder, FILE)).is_file()]
    found = json.loads(files[0].read_text())["results"] if files else []
    return {r["subject"]: r["data"] for r in found if r["check"] == "cost" and r.get("data")}


def slower(results: Iterable[Result], before: dict[str, dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """By op, its cost then and now, where the same call costs SLOWER times as much as it did."""
    found = {}
    for result in results:
        then, now = before.get(result.subject), result.data
        if result.check == "cost" and then and now and then["call"] == now["call"]:
            if now["multiple"] > SLOWER * then["multiple"]:
                found[result.subject] = then["multiple"], now["multiple"]
    return found

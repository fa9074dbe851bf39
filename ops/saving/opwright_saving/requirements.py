"""What a saved graph needs: ops of certain versions, from certain packages."""

from __future__ import annotations

from typing import Any

from opwright.errors import PluginError, UnknownOpError
from opwright.registry import registry


def check(needed: dict[str, dict[str, Any]]) -> None:
    """Raises PluginError unless every op is there, in its version or with upgrades to a later one.

    The message names all that is missing, and the pip command for it.
    """
    problems: list[str] = []
    install: dict[str, str] = {}
    for name, saved in needed.items():
        problem, helps = _problem(name, saved)
        if problem:
            problems.append(problem)
        if helps and saved["dist"]:
            install[saved["dist"]] = f"'{saved['dist']}>={saved['dist_version']}'"
    if problems:
        way = f"; pip install {' '.join(install.values())}" if install else ""
        raise PluginError(f"the saved graph needs {'; '.join(problems)}{way}")


def _problem(name: str, saved: dict[str, Any]) -> tuple[str, bool]:
    """What is wrong, if anything, and whether installing the package that was there helps."""
    wanted = f"{name} version {saved['version']}"
    wanted += f" from {saved['dist']} {saved['dist_version']}" if saved["dist"] else ", defined by the program itself"
    try:
        definition = registry.op(name)
    except UnknownOpError:
        return f"{wanted} (installed: none)", True
    except PluginError as e:
        return f"{wanted} ({e})", False
    owner = registry.owner(definition) or "this program"
    if definition.version < saved["version"]:
        return f"{wanted} (installed: version {definition.version} from {owner})", True
    version = saved["version"]
    while version < definition.version:
        if version not in definition.upgrades:
            return f"{wanted} ({owner} has version {definition.version} and no upgrade from {version})", False
        version = definition.upgrades[version][0]
    return "", False

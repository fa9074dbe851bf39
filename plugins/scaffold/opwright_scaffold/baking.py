"""From the template and its answers to a project."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import click

import opwright_scaffold

RECORD = ".opwright.json"  # what post_gen_project.py writes: the answers, and the files as they were baked


def template() -> Path:
    """The template's folder: in the installed package, or of an editable install the repository's own."""
    packages = [Path(folder) for folder in opwright_scaffold.__path__]
    found = [folder.parents[2] / "cookiecutter-op" for folder in packages] + [p / "template" for p in packages]
    return next(folder for folder in found if (folder / "cookiecutter.json").exists())


def questions() -> dict[str, Any]:
    """What the template asks: a default for each, or a list of choices."""
    asked = json.loads((template() / "cookiecutter.json").read_text(encoding="utf-8"))
    return {name: default for name, default in asked.items() if not name.startswith("_")}


def bake(into: Path, answers: dict[str, Any], ask: bool = False) -> Path:
    """Bakes the template into a new folder inside `into`, and returns that. Raises click.ClickException."""
    try:
        from cookiecutter.exceptions import CookiecutterException, FailedHookException
        from cookiecutter.main import cookiecutter
    except ImportError as e:
        raise click.ClickException(f"cookiecutter is needed, got {e}; pip install 'opwright[new]'") from e
    logging.getLogger("cookiecutter").setLevel(logging.CRITICAL)  # it would add a traceback to a hook's refusal
    try:
        made = cookiecutter(str(template()), no_input=not ask, extra_context=answers, output_dir=str(into))
    except FailedHookException:
        sys.exit(1)  # the hook has said why
    except (CookiecutterException, ValueError) as e:
        raise click.ClickException(f"the project was not made: {e}") from e
    return Path(made)


def record(project: Path) -> dict[str, Any]:
    """What the template left in a project. Raises click.ClickException where it did not make that."""
    try:
        found: dict[str, Any] = json.loads((project / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise click.ClickException(f"{project} must be a project that `opwright new` made: {e}") from e
    return found

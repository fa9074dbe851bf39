"""A project and a newer template: three-way merges, file by file."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import click

from opwright_scaffold.baking import RECORD, bake, record


def update(project: Path) -> dict[str, str]:
    """Merges what the template has changed into the project's files. Returns what became of each that it touched:
    "updated", "added", "removed", "merged", "conflict" or "kept"."""
    known = record(project)
    old = known["files"]
    with tempfile.TemporaryDirectory() as folder:
        baked = bake(Path(folder), known["answers"])
        new = record(baked)["files"]
        outcome = {name: _merge(project / name, old.get(name), new.get(name)) for name in sorted({*old, *new})}
        shutil.copy(baked / RECORD, project / RECORD)
    return {name: state for name, state in outcome.items() if state}


def _merge(file: Path, base: str | None, theirs: str | None) -> str:
    """Brings the change from `base` to `theirs` (None: no such file) into the file."""
    ours = file.read_text(encoding="utf-8") if file.exists() else None
    if theirs in (base, ours):
        return ""
    if theirs is None:
        if ours != base:
            return "kept"  # the template has dropped it, the author has changed it
        file.unlink()
        return "removed"
    if ours is None and base is not None:
        return "kept"  # the author has deleted it
    if ours == base:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(theirs, encoding="utf-8")
        return "added" if base is None else "updated"
    return _merge_lines(file, base or "", theirs)


def _merge_lines(file: Path, base: str, theirs: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before"), Path(folder, "after")
        before.write_text(base, encoding="utf-8")
        after.write_text(theirs, encoding="utf-8")
        labels = [word for label in ("yours", "the old template", "the new template") for word in ("-L", label)]
        try:
            status = subprocess.run(["git", "merge-file", *labels, str(file), str(before), str(after)]).returncode
        except FileNotFoundError as e:
            raise click.ClickException("git is needed to merge files; install it") from e
    if status < 0 or status > 127:
        raise click.ClickException(f"git merge-file failed on {file}")
    return "conflict" if status else "merged"

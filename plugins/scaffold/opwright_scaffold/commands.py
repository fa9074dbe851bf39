"""The commands."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from opwright_scaffold import baking, updating


def _choices(name: str) -> click.Choice[str]:
    return click.Choice(baking.questions()[name])


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--name", help="The op's name.")
@click.option("--namespace", help="The op's namespace: users write ow.<namespace>.<name>.")
@click.option("--kind", type=_choices("kind"), help="What kind of op it is.")
@click.option("--devices", type=_choices("devices"), help="Where its kernels run.")
@click.option("--no-input", is_flag=True, help="Ask nothing: take the defaults for what is not given.")
def new(folder: Path | None, no_input: bool, **given: Any) -> None:
    """Make a project for an op of your own, in FOLDER (by default: <namespace>-<name>)."""
    answers = {name: value for name, value in given.items() if value is not None}
    if folder is not None and folder.exists():
        raise click.ClickException(f"{folder} must not exist yet; choose another folder")
    with tempfile.TemporaryDirectory() as work:
        made = baking.bake(Path(work), answers, ask=not no_input and len(answers) < len(given))
        target = folder or Path(made.name)
        if target.exists():
            raise click.ClickException(f"{target} must not exist yet; give the folder's name")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, target)
    known = baking.record(target)["answers"]
    click.echo(
        f"{target} is ready. Next:\n"
        f"    pip install --no-build-isolation -e {target}\n"
        f"    python -m pytest {target}\n"
        f"    opwright info {known['namespace']}::{known['name']}"
    )


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path, exists=True, file_okay=False))
def update(folder: Path) -> None:
    """Bring what the installed Opwright's template has to offer into the project in FOLDER, keeping your changes."""
    outcome = updating.update(folder)
    for name, state in outcome.items():
        click.echo(f"{state:9} {name}")
    if not outcome:
        click.echo("nothing to do: the template has not changed")
    sys.exit("conflict" in outcome.values())

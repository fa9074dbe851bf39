"""`opwright explain` of a program or saved graph: its planned steps, and the memory plan of the largest one."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from opwright.plan.executable import Executable

from opwright_profile.memory import MemoryPlan, of_program, of_saved


def explain_memory(
    what: str, arguments: Sequence[str], fetches: Sequence[str], feeds: Sequence[str], svg: str | None, as_json: bool
) -> None:
    """Prints the plan, as JSON if asked, and draws it into the file `svg`. Raises UsageError for bad arguments."""
    plan = MemoryPlan(largest(what, arguments, fetches, feeds, as_json).emitted.layout)
    click.echo(plan.to_json() if as_json else str(plan))
    if svg is not None:
        plan.save(svg)


def largest(
    what: str, arguments: Sequence[str], fetches: Sequence[str], feeds: Sequence[str], as_json: bool
) -> Executable:
    """Of the steps of a program, which is run, the one that takes most memory; or the step of a saved graph.

    Raises UsageError where `what` is neither."""
    found = _planned(what, arguments, fetches, feeds, as_json)
    return max(found, key=lambda one: MemoryPlan(one.emitted.layout).peak)


def _planned(
    what: str, arguments: Sequence[str], fetches: Sequence[str], feeds: Sequence[str], as_json: bool
) -> list[Executable]:
    if Path(what).is_dir():
        return of_saved(what, fetches, dict(map(_shaped, feeds)))
    if not Path(what).is_file():
        raise click.UsageError(f"WHAT must be a Python program or a saved graph, got {what!r}")
    if fetches or feeds:
        raise click.UsageError("--fetch and --feed are for saved graphs; a program runs its own steps")
    with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):  # JSON is all that stdout gets
        return of_program([what, *arguments])


def _shaped(feed: str) -> tuple[str, tuple[int, ...]]:
    name, _, sizes = feed.partition("=")
    try:
        return name, tuple(int(n) for n in sizes.split(",") if n)
    except ValueError:
        raise click.UsageError(f"--feed must be NAME=N,N, got {feed!r}") from None

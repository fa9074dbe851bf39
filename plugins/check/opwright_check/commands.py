"""The commands check, audit, explain, bench and stubs. What does the work is imported when a command runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def console(quiet: bool = False) -> Any:
    """Where to print; progress goes to stderr if stdout is to hold JSON."""
    from rich.console import Console

    return Console(
        file=sys.stderr if quiet else sys.stdout, width=None if sys.stdout.isatty() else 120, highlight=False
    )


def table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    return made


@click.command()
@click.argument("what")
@click.option("--only", multiple=True, metavar="CHECK", help="Run this check alone; may be repeated.")
@click.option("--quick", is_flag=True, help="Draw fewer and smaller calls.")
@click.option("--write", is_flag=True, help="Write conformance.json into the package, for its wheel.")
@click.option("--seconds", default=120, show_default=True, help="How long one check of an op may take.")
@as_json
def check(what: str, only: tuple[str, ...], quick: bool, write: bool, seconds: int, as_json: bool) -> None:
    """Check an op, or all ops of a package: everything that its registration promises. Exits with 1 on a failure.

    WHAT is an op ("softmax", "acme::gelu") or a package ("opwright_softmax", "acme-ops").
    """
    from rich.progress import Progress

    from opwright_check.isolated import check_ops
    from opwright_check.report import conformance, costs_before, package_of, slower, write_conformance
    from opwright_check.suite import check_package, ops_of, selected

    selected(only)  # refuses a name that is none, before anything is loaded
    package, names = package_of(what)
    results = list(check_package(package, only)) if package else []
    names = [op.name for op in ops_of(package)] if package else names
    out = console(as_json)
    with Progress(console=out, transient=True) as progress:
        task = progress.add_task("checking", total=len(names))
        seen: set[str] = set()
        for result in check_ops(names, only, not quick, seconds):
            results.append(result)
            if result.subject not in seen:
                seen.add(result.subject)
                progress.update(task, completed=len(seen) - 1, description=result.subject)
    before = costs_before(package)
    suspects = slower(results, before)
    if suspects:  # once more: a machine has its moods
        suspects = slower(check_ops(suspects, ["cost"], not quick, seconds), before)
    found = conformance(what, package, results) | {"slower": suspects}
    if write:
        write_conformance(package, found)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _print(out, results, found)
    sys.exit(any(r.state == "fail" for r in results))


def _print(out: Any, results: list[Any], found: dict[str, Any]) -> None:
    from opwright_check.report import rows, skipped

    out.print(table(["check", "ok", "failed", "skipped", ""], rows(results)))
    for line in skipped(results):
        out.print(line, style="dim", markup=False)
    for result in results:
        if result.state == "fail":
            out.print(f"[red]{result.subject}[/red] {result.check}: ", end="")
            out.print(result.text, markup=False)
    for name, (then, now) in found["slower"].items():
        out.print(f"slower: {name} costs {now} times the yardstick, {then} when conformance.json was written")
    out.print(found["summary"])


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--glibc", metavar="VERSION", help="The newest glibc that the library may need, as 2.28.")
@as_json
def audit(file: str, glibc: str | None, as_json: bool) -> None:
    """Read a kernel library: what it exports, needs, expects of the system. Exits with 1 if it may not be shipped."""
    from opwright_check.elf import audit as read

    found = read(file, glibc)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        versions = ", ".join(f"{name} {version}" for name, version in sorted(found.versions.items()))
        facts = [("exports", ", ".join(found.exports)), ("needs", ", ".join(found.needed)), ("versions", versions)]
        console().print(table(["", Path(file).name], [*facts, ("GPU code", "yes" if found.gpu_code else "no")]))
        for problem in found.problems:
            console().print(f"[red]wrong[/red] {problem}")
    sys.exit(bool(found.problems))


@click.command()
@click.argument("what")
@click.argument("arguments", nargs=-1)
@click.option("--device", default="cpu", show_default=True, help="Of an op: cpu or cuda:0.")
@click.option("--dtype", metavar="DTYPE", help="Of an op: the dtype of its first type variable.")
@click.option("--shape", multiple=True, metavar="N,N", help="Of an op: the shape of an input; repeated, of all inputs.")
@click.option("--fetch", multiple=True, metavar="NAME", help="What is fetched of a saved graph.")
@click.option("--feed", multiple=True, metavar="NAME=N,N", help="What a saved graph is fed, and of which shape.")
@click.option("--memory", is_flag=True, help="Of a program or a saved graph: where the values of its step lie.")
@click.option("--svg", type=click.Path(dir_okay=False), help="With --memory: draw it into this file.")
@as_json
def explain(
    what: str,
    arguments: tuple[str, ...],
    device: str,
    dtype: str | None,
    shape: tuple[str, ...],
    fetch: tuple[str, ...],
    feed: tuple[str, ...],
    memory: bool,
    svg: str | None,
    as_json: bool,
) -> None:
    """Say how a call of an op, or a step, runs: which kernels serve it and why others lost; what is fused.

    WHAT is an op ("softmax", "acme::gelu"); or a Python program, with its ARGUMENTS after --, or a folder that ow.save
    wrote. The program is run; shown is its largest step: which nodes run as one loop, which reductions end them, what
    is done to a kernel's result while that is in cache, and why neighbours run apart.
    """
    if svg and not memory:
        raise click.UsageError("--svg goes with --memory")
    if memory:
        from opwright_profile.explain import explain_memory

        explain_memory(what, arguments, fetch, feed, svg, as_json)
    elif Path(what).exists() or what.endswith(".py"):
        _explain_step(what, arguments, fetch, feed, as_json)
    elif arguments or fetch or feed:
        raise click.UsageError(f"ARGUMENTS, --fetch and --feed go with a program or saved graph, got {what!r}")
    else:
        _explain_op(what, device, dtype, [tuple(int(n) for n in s.split(",") if n) for s in shape], as_json)


def _explain_step(what: str, arguments: Any, fetch: Any, feed: Any, as_json: bool) -> None:
    from opwright_profile.explain import largest

    from opwright_check.fusing import fused, lines

    step = largest(what, arguments, fetch, feed, as_json)
    found = fused(step.emitted.nodes, step.program.fetches)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(lines(found)))


def _explain_op(op: str, device: str, dtype: str | None, shapes: list[tuple[int, ...]], as_json: bool) -> None:
    from opwright_check.explain import explained

    found = explained(op, device, dtype, shapes)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    out = console()
    out.print(found["call"], markup=False)
    rows = [(k["kernel"], k["library"], k["score"], k["verdict"]) for k in found["kernels"]]
    out.print(table(["kernel", "library", "score", "verdict"], rows))
    for line in found["notes"]:
        out.print(line, markup=False)


@click.command()
@click.argument("op")
@click.option("--seconds", default=0.2, show_default=True, help="How long to measure each size.")
@as_json
def bench(op: str, seconds: float, as_json: bool) -> None:
    """Measure calls of an op at several sizes, beside the bandwidth of a copy."""
    from rich.progress import Progress

    from opwright_check.bench import benchmarks

    out = console(as_json)
    found = []
    with Progress(console=out, transient=True) as progress:
        task = progress.add_task(op, total=None)
        for total, row in benchmarks(op, seconds):
            found.append(row)
            progress.update(task, total=total, advance=1)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    columns = ["call", "ns a call", "GB/s", "share of a copy"]
    out.print(table(columns, [(r["call"], f"{r['ns']:,.0f}", f"{r['gbs']:.2f}", f"{r['share']:.0%}") for r in found]))


@click.command()
@click.option("--output", type=click.Path(file_okay=False), help="The folder to write opwright/__init__.pyi into.")
def stubs(output: str | None) -> None:
    """Write type stubs of all installed ops, so that editors complete `ow.`; to stdout, or into a folder of stubs."""
    from opwright_check.stubs import stub

    if output is None:
        click.echo(stub())
        return
    file = Path(output, "opwright", "__init__.pyi")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(stub())
    click.echo(str(file))

"""`opwright list`, `opwright info OP`, `opwright doctor`: what is installed, what an op is, whether all is well."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from opwright_inspect import report


def _print(*things: Any) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    for thing in things:
        console.print(thing)


def _table(title: str, columns: list[str], rows: list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


@click.command(name="list")
@click.option("--ops", is_flag=True, help="List every op with its signature.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(ops: bool, as_json: bool) -> None:
    """List the installed packages of ops and plugins, and their ops."""
    packages = report.packages()
    found = report.ops()
    if as_json:
        click.echo(json.dumps({"packages": packages, "ops": found}, indent=2))
        return
    columns = ["name", "kind", "from", "ops", "conformance", "state"]
    rows = [
        [
            p["name"],
            p["kind"],
            f"{p['dist']} {p['version']}",
            str(p["ops"] or ""),
            p["conformance"] or "",
            p["error"] or "ok",
        ]
        for p in packages
    ]
    _print(_table("Packages", columns, rows), "")
    if ops:
        _print(_table("Ops", ["op", "signature", "from"], [[o["name"], o["signature"], o["package"]] for o in found]))
    else:
        _print(f"{len(found)} ops; `opwright list --ops` lists them, `opwright info OP` describes one")


@click.command()
@click.argument("op")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(op: str, as_json: bool) -> None:
    """Describe an op: signature, dtypes, gradient, kernels, where it comes from."""
    found = report.op(op)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for key in ("name", "signature", "types", "public names", "gradient", "reference", "from", "file"):
        _print(f"[bold]{key:>13}[/bold]  {found[key]}".replace("[b n", "\\[b n"))
    rows = [[k["device"], k["signature"], k["variant"], k["library"]] for k in found["kernels"]]
    _print("", _table("Kernels", ["device", "dtypes", "variant", "library"], rows))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Check the installation. Exits with 1 if something is wrong."""
    checks = report.doctor()
    if as_json:
        click.echo(json.dumps(checks, indent=2))
    else:
        colors = {"ok": "green", "note": "yellow", "wrong": "red"}
        for check in checks:
            mark = f"[{colors[check['state']]}]{check['state']:5}[/]"
            _print(f"{mark} [bold]{check['what']}[/bold]: {check['text']}")
    sys.exit(any(check["state"] == "wrong" for check in checks))

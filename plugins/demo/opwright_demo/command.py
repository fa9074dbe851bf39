"""The command: progress bars, then a table."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click
import opwright as ow
from opwright_datasets import digits
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from opwright_demo.training import Result, softmax_regression, train, two_layers


@click.command()
@click.option("--steps", default=1000, show_default=True, help="Training steps of each network.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def demo(steps: int, as_json: bool) -> None:
    """Train softmax regression, then a two-layer network, on 8,000 real digits; test on 2,000 others."""
    console = Console(
        file=sys.stderr if as_json else sys.stdout, width=None if sys.stdout.isatty() else 100, highlight=False
    )
    data = digits(one_hot=True)
    plans = [
        ("softmax regression", softmax_regression, lambda: ow.train.GradientDescentOptimizer(0.5)),
        ("two layers", two_layers, lambda: ow.train.AdamOptimizer(0.005)),
    ]
    found = []
    with Progress(console=console, transient=True) as progress:
        for name, network, optimizer in plans:
            task = progress.add_task(name, total=steps)
            found.append(train(name, network, optimizer, data, steps, lambda task=task: progress.advance(task)))
    if as_json:
        click.echo(json.dumps([asdict(result) for result in found], indent=2))
    else:
        console.print(_table(found))
        for result in found:
            origin = ", ".join(f"{count} from {package}" for package, count in result.packages.items())
            console.print(f"The ops of {result.name}: {origin}.")


def _table(found: list[Result]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("network", "steps", "accuracy on the test digits", "time per step"):
        table.add_column(column, justify="left" if column == "network" else "right")
    for result in found:
        table.add_row(result.name, str(result.steps), f"{result.accuracy:.3f}", f"{1e6 * result.seconds:.0f} µs")
    return table

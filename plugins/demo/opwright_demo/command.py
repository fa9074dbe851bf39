"""The command: progress bars, then a table."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click
from opwright_datasets import digits
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from opwright_demo.training import NETWORKS, Result, train


@click.command()
@click.argument("networks", type=click.Choice(list(NETWORKS)), default="dense")
@click.option("--steps", type=int, help="Training steps of each network; 1000, or 600 for conv.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def demo(networks: str, steps: int | None, as_json: bool) -> None:
    """Train networks on 8,000 real digits and test them on 2,000 others.

    dense: softmax regression, then a two-layer network; conv: a network with two layers of convolution.
    """
    console = Console(
        file=sys.stderr if as_json else sys.stdout, width=None if sys.stdout.isatty() else 100, highlight=False
    )
    data = digits(one_hot=True)
    found = []
    with Progress(console=console, transient=True) as progress:
        for network in NETWORKS[networks]:
            count = network.steps if steps is None else steps
            task = progress.add_task(network.name, total=count)
            found.append(train(network, data, count, lambda task=task: progress.advance(task)))
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

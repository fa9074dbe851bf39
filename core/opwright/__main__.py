"""The command `opwright`. Its own commands come from the entry-point group `opwright.commands`, others from plugins."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import click

from opwright.errors import OpwrightError
from opwright.plugins import hooks


class Commands(click.Group):
    """Our commands and those of plugins, which are loaded when one of ours is not asked for."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        ours = entry_points(group="opwright.commands", name=name)
        return next(iter(ours)).load() if ours else self._theirs().get(name)

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*entry_points(group="opwright.commands").names, *self._theirs()})

    def _theirs(self) -> dict[str, click.Command]:
        found: dict[str, click.Command] = {}
        hooks().opwright_register_commands(register=lambda *made: found.update({c.name or "": c for c in made}))
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="opwright")
def cli() -> None:
    """Opwright: a dataflow framework in which every op is a plugin."""


def main() -> None:
    """The entry point: errors of ours are printed without a traceback."""
    try:
        cli()
    except OpwrightError as e:
        click.echo(f"opwright: {e}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

"""`chatloom node new` and `chatloom node check`."""

import sys
from pathlib import Path

import click

from server.kit.settings import read_settings


@click.group()
def node() -> None:
    """Write a node of your own, and see whether it is a good one."""


@node.command()
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write it into. Without it: the folder of CHATLOOM_PLUGINS_DIR, or else this one.",
)
def new(name: str, into: Path | None) -> None:
    """Write the folder of a node called NAME: a small one that works, to be changed."""
    from node_library.scaffold import new_node

    try:
        folder = new_node(name, into or read_settings().plugins_dir or Path.cwd())
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{folder} is a node. Start Chatloom with CHATLOOM_PLUGINS_DIR={folder.parent.absolute()} to have it in the palette.")


@node.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
def check(path: Path) -> None:
    """Run the tests that every node passes on the folder at PATH; exit with 1 when it fails one."""
    from node_library.conformance import complaints

    found = complaints(path)
    for complaint in found:
        click.echo(complaint, err=True)
    if found:
        sys.exit(1)
    click.echo(f"{path.name} passes every test.")


commands: list[click.Command] = [node]

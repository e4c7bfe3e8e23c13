"""`chatloom channel new | check`."""

import sys
from pathlib import Path

import click


@click.group()
def channel() -> None:
    """Write a kind of channel of your own, and see whether it is a good one."""


@channel.command()
@click.argument("name")
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), help="Folder to write it into; without it, among our own channels."
)
def new(name: str, into: Path | None) -> None:
    """Write the folder of a kind of channel called NAME: a small one that works, to be changed."""
    from server.channels.scaffold import new_channel

    try:
        folder = new_channel(name, into or Path(__file__).parent)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"{folder} is a channel. It is offered on the page Channels after the next start; try it with `chatloom channel check {folder}`."
    )


@channel.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
def check(path: Path) -> None:
    """Run the tests that every channel passes on the folder at PATH; exit with 1 when it fails one."""
    from server.channels.conformance import complaints

    found = complaints(path)
    for complaint in found:
        click.echo(complaint, err=True)
    if found:
        sys.exit(1)
    click.echo(f"{path.name} passes every test.")


commands: list[click.Command] = [channel]

"""`chatloom node new | check | test | pack` and `chatloom plugin key new`."""

import sys
from pathlib import Path

import click

from server.kit.settings import read_settings

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def node() -> None:
    """Write a node of your own, see whether it is a good one, and pack it for others."""


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
@click.argument("path", type=_FOLDER)
def check(path: Path) -> None:
    """Run the tests that every node passes on the folder at PATH; exit with 1 when it fails one."""
    from node_library.conformance import complaints

    found = complaints(path)
    for complaint in found:
        click.echo(complaint, err=True)
    if found:
        sys.exit(1)
    click.echo(f"{path.name} passes every test.")


@node.command()
@click.argument("path", type=_FOLDER)
def test(path: Path) -> None:
    """Play every case of the node at PATH, or of each node in it, and say what each did; exit with 1 when one fails."""
    from server.plugins.try_out import try_out

    try:
        results = try_out(path)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    for result in results:
        click.echo(result.title)
        for line in result.lines:
            click.echo(f"  {line}")
    failed = sum(result.failures for result in results)
    click.echo(f"{failed} failed." if failed else "Everything passes.")
    if failed:
        sys.exit(1)


@node.command()
@click.argument("path", type=_FOLDER)
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The file of `chatloom plugin key new`.")
@click.option("--unsigned", is_flag=True, help="Without a signature: only servers in development take it.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder for the plugin file, else this one.")
def pack(path: Path, key: Path | None, unsigned: bool, out: Path) -> None:
    """Make a plugin file of the node at PATH, or of the folder at PATH that holds plugin.json and nodes."""
    from server.plugins.keys import SigningKey
    from server.plugins.pack import pack as make
    from server.plugins.try_out import try_out

    if (key is None) != unsigned:
        raise click.ClickException("Sign the plugin with --key FILE (`chatloom plugin key new NAME` makes one), or say --unsigned.")
    try:
        failures = [line for result in try_out(path) for line in result.lines if result.failures and not line.startswith("ok")]
        if failures:
            raise click.ClickException("\n".join(["The plugin fails its own tests, so it is not packed:", *failures]))
        manifest, data = make(path, None if key is None else SigningKey.read(key))
        file = out / f"{manifest.name}-{manifest.version}.plugin"
        out.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    steps = ", ".join(node.type for node in manifest.nodes)
    signed = "unsigned" if manifest.key_id is None else f"signed with the key {manifest.key_id}"
    click.echo(f"{file} holds {steps} ({len(data) / 1024:.1f} kB, {signed}). Install it on the page Settings, Plugins.")


@click.group()
def plugin() -> None:
    """Sign plugins."""


@plugin.group("key")
def keys() -> None:
    """The keys that plugins are signed with."""


@keys.command("new")
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder for the file, else this one.")
def new_key(name: str, into: Path) -> None:
    """Make a key for the publisher NAME. The private half lands in NAME.key, the public half is printed."""
    import re

    from server.plugins.keys import SigningKey

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}", name):
        raise click.ClickException("A publisher's name has letters, digits, dots and hyphens, like acme.")
    key, file = SigningKey.new(name), into / f"{name}.key"
    try:
        key.write(file)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}. A key is never overwritten.") from None
    click.echo(f"{file} is your private key: keep it to yourself, and keep a copy.", err=True)
    click.echo("Servers that shall install your plugins trust this public key, in CHATLOOM_PLUGIN_KEYS:", err=True)
    click.echo(key.public.text)


commands: list[click.Command] = [node, plugin]

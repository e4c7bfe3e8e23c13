"""The command `chatloom`: the processes, and every command of every room."""

import gc
import importlib
import importlib.util
import json
import os
import pkgutil
import socket
from collections.abc import Callable
from typing import Any

import click

import server
from server.kit.settings import FIRST_PORT, BadSetting, Settings, read_settings


class Rooms(click.Group):
    """Commands of this module first; the rooms' `commands` modules are imported only when one of theirs is wanted."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called `cmd_name`."""
        own = super().get_command(ctx, cmd_name)
        if own is None:
            from server.kit.commands import commands as kit_commands

            own = next((command for command in kit_commands if command.name == cmd_name), None)
        return own or next((command for command in self._of_rooms() if command.name == cmd_name), None)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in alphabetical order."""
        return sorted({*super().list_commands(ctx), *(str(command.name) for command in self._of_rooms())})

    @staticmethod
    def _of_rooms() -> list[click.Command]:
        paths = [f"server.{room.name}.commands" for room in pkgutil.iter_modules(server.__path__) if room.ispkg]
        return [command for path in paths if importlib.util.find_spec(path) for command in importlib.import_module(path).commands]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a setting that cannot be used is the person's to mend, not a crash."""
        try:
            return super().invoke(ctx)
        except BadSetting as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Rooms)
def main() -> None:
    """Chatloom: draw a chatbot, publish it, chat with it, see what happened."""


_after = click.option("--after", type=int, hidden=True, help="Descriptor that closes when the process may begin.")


def _wait_for(gate: int | None) -> None:
    if gate is not None:
        os.read(gate, 1)
        os.close(gate)


@main.command()
@click.option("--listen-on", type=int, hidden=True, help="Descriptor of a listening socket.")
@_after
def web(listen_on: int | None, after: int | None) -> None:
    """Serve pages, API and widget (one process of a larger installation)."""
    import uvicorn

    from server.app import create_app
    from server.kit.logs import start_log
    from server.kit.stuck import ALIVE_EVERY_S, alive

    settings = read_settings()
    start_log(settings.log_level)
    application = create_app(settings)
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at by every collection
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port or FIRST_PORT,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        callback_notify=alive,
        timeout_notify=ALIVE_EVERY_S,
    )
    _wait_for(after)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listen_on)] if listen_on is not None else None)


@main.command()
@click.option("--jobs", is_flag=True, help="Do the jobs of a worker too, in this one process.")
@_after
def runner(after: int | None, *, jobs: bool) -> None:
    """Take the turns that no web process took: webhooks, timers, what a crash left."""
    import uvloop

    from server.turns import runner as turn_runner

    settings = read_settings()
    if jobs:
        from server import worker as job_worker

        _wait_for(after)
        job_worker.run(settings, turn_runner.taking_turns)
    else:
        _wait_for(after)
        uvloop.run(turn_runner.run(settings))


@main.command()
@_after
def worker(after: int | None) -> None:
    """Do the jobs: integrations, model calls, training."""
    from server import worker as job_worker

    settings = read_settings()
    _wait_for(after)
    job_worker.run(settings)


@main.command(hidden=True)
@click.option("--report-to", type=int, required=True, help="Descriptor that gets one JSON object per line.")
def prepare(report_to: int) -> None:
    """Everything that must be true before the first page: tables, key, owner, sample workspace."""

    import asyncio

    def report(**facts: Any) -> None:
        os.write(report_to, json.dumps(facts).encode() + b"\n")

    asyncio.run(_prepare(read_settings(), report))


async def _prepare(settings: Settings, report: Callable[..., None]) -> None:
    from server.kit.db import Database
    from server.kit.migrate import migrate
    from server.kit.secrets import Vault
    from server.security.first_owner import first_owner, owner_link

    url = settings.migration_database_url or settings.database_url
    if url is None or settings.database_url is None:
        raise BadSetting("`prepare` belongs to `chatloom run`; with a database of your own use `chatloom migrate`")
    await migrate(url)
    Vault.open(settings.secret_key_file)
    report(migrated=True)
    db = Database(settings.database_url, pool_size=2)
    try:
        owner = await first_owner(db, settings)
        report(link=await owner_link(db, settings, owner))
        if importlib.util.find_spec("server.demo.seed"):
            await importlib.import_module("server.demo.seed").seed(db, settings, *owner)
    finally:
        await db.close()


if __name__ == "__main__":
    main()

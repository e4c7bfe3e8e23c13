"""`chatloom replay` and `chatloom golden`."""

import asyncio
import difflib
import sys
from pathlib import Path
from uuid import UUID

import click
from sqlalchemy import text

from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.settings import BadSetting, Settings, read_settings
from server.plugins.watch import as_installed
from server.turns.golden import golden_lines
from server.turns.replay import Difference, Replay
from server.turns.replay import replay as replay_conversation

SHOWN = 20


@click.command()
@click.argument("conversation", type=click.UUID)
@click.option("--tenant", type=click.UUID, help="The conversation's workspace. Without it every workspace is asked.")
def replay(conversation: UUID, tenant: UUID | None) -> None:
    """Run a conversation again from its stored inputs; exit with 1 and show the difference when it comes out otherwise."""
    settings = read_settings()
    if settings.database_url is None:
        raise BadSetting("`replay` needs CHATLOOM_DATABASE_URL: the address `chatloom run` uses, or your own database's")
    try:
        done = asyncio.run(_replay(settings, settings.database_url, conversation, tenant))
    except Problem as problem:
        raise click.ClickException(problem.detail) from None
    for difference in done.differences[:SHOWN]:
        click.echo(_shown(difference), err=True)
    if done.differences:
        click.echo(f"{len(done.differences)} differences in {done.turns} turns.", err=True)
        sys.exit(1)
    click.echo(f"{done.turns} turns from {done.inputs} inputs: effects, paths and states are the same.")


async def _replay(settings: Settings, url: str, conversation_id: UUID, tenant_id: UUID | None) -> Replay:
    db = Database(url, pool_size=1)
    try:
        tenants = [tenant_id] if tenant_id is not None else await _tenants(db, conversation_id)
        for tenant in tenants:
            async with as_installed(db, settings), db.tenant(tenant) as conn:
                return await replay_conversation(conn, tenant, conversation_id)
        raise Problem(404, "not_found", "No workspace has such a conversation.")
    finally:
        await db.close()


async def _tenants(db: Database, conversation_id: UUID) -> list[UUID]:
    """Whose conversation it is: the sweeper sees ids."""
    async with db.sweep() as conn:
        return list(await conn.scalars(text("select tenant_id from conversations where id = :id"), {"id": conversation_id}))


@click.command()
@click.argument("flow", type=click.UUID)
@click.argument("file", type=click.Path(dir_okay=False, writable=True))
@click.option("--tenant", type=click.UUID, required=True, help="The flow's workspace.")
@click.option("--version", type=int, default=1, show_default=True, help="The flow's version.")
@click.option("--conversations", type=int, default=50, show_default=True, help="How many conversations at most.")
def golden(flow: UUID, file: str, tenant: UUID, version: int, conversations: int) -> None:
    """Write stored conversations of a flow version to a golden file: their inputs, and digests of what came of them."""
    url = read_settings().database_url
    if url is None:
        raise BadSetting("`golden` needs CHATLOOM_DATABASE_URL: the address `chatloom run` uses, or your own database's")
    try:
        lines = asyncio.run(_golden(url, tenant, flow, version, conversations))
    except Problem as problem:
        raise click.ClickException(problem.detail) from None
    Path(file).write_text("\n".join([*lines, ""]))
    click.echo(f"{len(lines) - 1} conversations written to {file}.")


async def _golden(url: str, tenant_id: UUID, flow_id: UUID, version: int, limit: int) -> list[str]:
    db = Database(url, pool_size=1)
    try:
        async with db.tenant(tenant_id) as conn:
            return await golden_lines(conn, tenant_id, flow_id, version, limit)
    finally:
        await db.close()


def _shown(difference: Difference) -> str:
    lines = difflib.ndiff([_wrapped(difference.stored)], [_wrapped(difference.replayed)])
    return f"turn {difference.turn}, {difference.what}:\n" + "\n".join(lines)


def _wrapped(text: str) -> str:
    return text if len(text) <= 2_000 else text[:2_000] + "..."


commands = [replay, golden]

"""A database, a cache and a published bot to measure on."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import insert

from bench.flow import five_nodes
from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.flows.tables import flow_versions, flows
from server.kit.db import Database
from server.kit.embedded.postgres import EmbeddedPostgres, start_postgres
from server.kit.embedded.redis import EmbeddedRedis, start_redis
from server.kit.ids import uuid7
from server.kit.migrate import migrate
from server.kit.secrets import Vault
from server.kit.settings import Settings, environment_for_children, read_settings
from server.tenants.tables import tenants

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Bot:
    """A published flow and its channel."""

    tenant_id: UUID
    flow_id: UUID
    channel_id: UUID


@dataclass(frozen=True)
class Place:
    """Where to measure, and the five-node bot that is always there."""

    settings: Settings
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    bot: Bot

    @property
    def environment(self) -> dict[str, str]:
        """What the measured processes are told."""
        bot = {"BENCH_TENANT": self.bot.tenant_id, "BENCH_CHANNEL": self.bot.channel_id, "BENCH_FLOW": self.bot.flow_id}
        told = {"BENCH_DATABASE_URL": self.postgres.address("postgres", "chatloom"), **{name: str(id_) for name, id_ in bot.items()}}
        return environment_for_children(self.settings) | told

    def publish(self, document: Mapping[str, Any], **more: Any) -> Bot:
        """One more bot; see `publish`."""
        return asyncio.run(publish(self.settings, document, **more))

    def analyse(self) -> None:
        """Let the planner know how large the tables are: a server that has run for some minutes knows, a new one does not."""
        asyncio.run(_analyse(self.postgres.address("postgres", "chatloom")))


async def _analyse(address: str) -> None:
    connection = await asyncpg.connect(address)
    await connection.execute("analyze")
    await connection.close()


@contextmanager
def measuring_place(folder: Path, allow: Collection[str] = ()) -> Iterator[Place]:
    """Start what is needed in `folder`, stop it in the end. Flows may call the `host:port` in `allow`."""
    postgres = start_postgres(folder)
    try:
        redis = start_redis(folder)
        try:
            asyncio.run(migrate(postgres.migration_url))
            given = {"CHATLOOM_DATA_DIR": str(folder), "CHATLOOM_DATABASE_URL": postgres.url, "CHATLOOM_REDIS_URL": redis.url}
            settings = replace(read_settings(given), log_level="error", visitor_rate=0, outbound_allow=frozenset(allow))
            Vault.open(settings.secret_key_file)
            yield Place(settings, postgres, redis, asyncio.run(publish(settings, five_nodes())))
        finally:
            redis.stop()
    finally:
        postgres.stop()


async def publish(
    settings: Settings,
    document: Mapping[str, Any],
    *,
    kind: str = "web",
    about: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Bot:
    """A live flow in a workspace of its own, with a channel of this kind; `about` are the channel's settings, `secrets` what it
    proves its messages with."""
    assert settings.database_url is not None
    bot = Bot(uuid7(), uuid7(), uuid7())
    tenant_id, flow_id = bot.tenant_id, bot.flow_id
    db = Database(settings.database_url, pool_size=2)
    async with db.tenant(tenant_id) as conn:
        await conn.execute(insert(tenants).values(tenant_id=tenant_id, name="Bench"))
        await conn.execute(insert(flows).values(tenant_id=tenant_id, id=flow_id, name="Bench", draft=dict(document), published_version=1))
        await conn.execute(insert(flow_versions).values(tenant_id=tenant_id, flow_id=flow_id, version=1, document=dict(document)))
        values: dict[str, Any] = {"kind": kind, "name": "Bench", "flow_id": flow_id, "settings": dict(about or {})}
        if secrets:
            values["secrets_sealed"] = await seal_secrets(conn, Vault.open(settings.secret_key_file), tenant_id, bot.channel_id, secrets)
        await conn.execute(insert(channels).values(tenant_id=tenant_id, id=bot.channel_id, **values))
    await db.close()
    return bot


def wait_for_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the process answers on `port`; RuntimeError when it does not."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the server on port {port} does not answer")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def message_id() -> str:
    """An id nobody can guess."""
    return token_hex(16)

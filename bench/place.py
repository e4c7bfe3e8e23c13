"""A database, a cache and a published bot to measure on."""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert

from bench.flow import five_nodes
from server.channels.tables import channels
from server.flows.tables import flow_versions, flows
from server.kit.db import Database
from server.kit.embedded.postgres import EmbeddedPostgres, start_postgres
from server.kit.embedded.redis import start_redis
from server.kit.ids import uuid7
from server.kit.migrate import migrate
from server.kit.secrets import Vault
from server.kit.settings import Settings, environment_for_children, read_settings
from server.tenants.tables import tenants

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Place:
    """Where to measure."""

    settings: Settings
    postgres: EmbeddedPostgres
    tenant_id: UUID
    flow_id: UUID
    channel_id: UUID

    @property
    def environment(self) -> dict[str, str]:
        """What the measured processes are told."""
        told = {"BENCH_DATABASE_URL": self.postgres.address("postgres", "chatloom"), "BENCH_TENANT": str(self.tenant_id)}
        return environment_for_children(self.settings) | told | {"BENCH_CHANNEL": str(self.channel_id), "BENCH_FLOW": str(self.flow_id)}


@contextmanager
def measuring_place(folder: Path) -> Iterator[Place]:
    """Start what is needed in `folder`, stop it in the end."""
    postgres = start_postgres(folder)
    try:
        redis = start_redis(folder)
        try:
            asyncio.run(migrate(postgres.migration_url))
            given = {"CHATLOOM_DATA_DIR": str(folder), "CHATLOOM_DATABASE_URL": postgres.url, "CHATLOOM_REDIS_URL": redis.url}
            settings = replace(read_settings(given), log_level="error")
            Vault.open(settings.secret_key_file)
            yield asyncio.run(_publish(settings, postgres))
        finally:
            redis.stop()
    finally:
        postgres.stop()


async def _publish(settings: Settings, postgres: EmbeddedPostgres) -> Place:
    place = Place(settings, postgres, uuid7(), uuid7(), uuid7())
    document = five_nodes()
    tenant_id, flow_id = place.tenant_id, place.flow_id
    db = Database(postgres.url, pool_size=2)
    async with db.tenant(tenant_id) as conn:
        await conn.execute(insert(tenants).values(tenant_id=tenant_id, name="Bench"))
        await conn.execute(insert(flows).values(tenant_id=tenant_id, id=flow_id, name="Bench", draft=document, published_version=1))
        await conn.execute(insert(flow_versions).values(tenant_id=tenant_id, flow_id=flow_id, version=1, document=document))
        await conn.execute(insert(channels).values(tenant_id=tenant_id, id=place.channel_id, kind="web", name="Bench", flow_id=flow_id))
    await db.close()
    return place


@contextmanager
def serving(command: list[str], port: int, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A server process that answers on `port`."""
    process = subprocess.Popen([sys.executable, *command], env=dict(environment), cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
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


def cpu_seconds(pid: int) -> float:
    """The processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def message_id() -> str:
    """An id nobody can guess."""
    return secrets.token_hex(16)

"""The database and the tenant: every statement runs in a transaction that says whose rows it may see.

Row-level security does the work; see migrations/policies.py. Three doors:
`tenant()` reads and writes one tenant's rows, `lookup()` reads rows named by a secret or public key before the tenant is known,
`sweep()` reads the ids (never the content) of due work of every tenant.
"""

import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

APP_ROLE = "chatloom_app"
SWEEPER_ROLE = "chatloom_sweeper"
CONNECT_WITHIN_S = 10.0
STATEMENT_WITHIN_S = 60.0
TURN_WITHIN_S = 15.0
IDLE_S = 15.0
"""A connection that nobody used for so long is closed."""
LOOKUPS = ("channel_id", "email", "account_id", "token_hash")

HOT_CONNECTIONS = 6
"""What the hot path of one process may use: two that take turns, the others for what goes with them."""
SESSION = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_memoize": "off",
    "enable_bitmapscan": "off",
}
"""Connections of the hot path keep one plan for each statement, and it finds rows by their keys (server/kit/hot.py)."""

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

_SET_TENANT = text("select set_config('app.tenant_id', :tenant_id, true)")
_encoder = msgspec.json.Encoder()


def to_json(value: object) -> str:
    """JSON text as stored in jsonb columns."""
    return _encoder.encode(value).decode()


# What asyncpg raises when a statement fails or the database cannot be reached; a ProtocolError is an InternalClientError.
ASYNCPG_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_AWAY = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,  # its disk is full, among others
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    OSError,
    PoolExhausted,
)
# PostgreSQL gives every error a code: one without comes from an answer that was spoilt on its way.
_WITHOUT_A_CODE = (asyncpg.PostgresError, asyncpg.exceptions.UnknownPostgresError)


def is_away(error: BaseException) -> bool:
    """Whether the database could not be reached, or did not answer: nothing is wrong with what was asked, the same may go well later."""
    if isinstance(error, DBAPIError):
        told = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or (told is not None and _is_away(told))
    return _is_away(error)


def _is_away(error: BaseException) -> bool:
    return isinstance(error, _AWAY) or type(error) in _WITHOUT_A_CODE or _fails_within_asyncpg(error)


def _fails_within_asyncpg(error: BaseException) -> bool:
    """Whether the driver stumbled over what it was sent: bytes that a network has spoilt raise whatever its parser happens to raise."""
    if isinstance(error, asyncpg.PostgresError) or error.__traceback__ is None:
        return False
    *_, (frame, _line) = traceback.walk_tb(error.__traceback__)
    return "/asyncpg" in frame.f_code.co_filename or frame.f_code.co_filename.startswith("asyncpg/")


class Database:
    """Connections to one PostgreSQL, all of them in the role that owns nothing."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        """`url` is a libpq address, `postgresql://user:password@host:port/name` or with `?host=/socket/folder`."""
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+asyncpg://", url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_use_lifo=True,
            pool_pre_ping=False,
            hide_parameters=True,  # what customers wrote stays out of the log when a statement fails
            json_serializer=to_json,
            json_deserializer=msgspec.json.decode,
            pool_timeout=CONNECT_WITHIN_S,
            connect_args={
                "server_settings": self._server_settings(),
                "timeout": CONNECT_WITHIN_S,
                "command_timeout": STATEMENT_WITHIN_S,
            },
        )
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self.shared: dict[Any, Any] = {}
        """What the work of this process on this database has in common (server/kit/hot.py)."""

    @staticmethod
    def _server_settings() -> dict[str, str]:
        return {
            "role": APP_ROLE,
            "jit": "off",
            "timezone": "UTC",
            "application_name": "chatloom",
            # A process that the network has cut off in the middle of a transaction must not keep its locks.
            "idle_in_transaction_session_timeout": "60s",
            "tcp_user_timeout": "30s",
        }

    async def open_pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        """The plain asyncpg pool of the hot path; opened once."""
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", self.url),
                min_size=1,
                max_size=HOT_CONNECTIONS,
                server_settings=self._server_settings() | SESSION,
                timeout=CONNECT_WITHIN_S,
                command_timeout=TURN_WITHIN_S,
                max_inactive_connection_lifetime=IDLE_S,
            )
        return self._pool

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None
        await self.engine.dispose()

    async def time(self) -> datetime:
        """The moment on the server's clock."""
        async with self.engine.connect() as connection:
            moment: datetime = (await connection.execute(text("select clock_timestamp()"))).scalar_one()
        return moment

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncIterator[AsyncConnection]:
        """One transaction on the rows of `tenant_id`; committed at the end, rolled back on an error."""
        async with self.engine.begin() as connection:
            await connection.execute(_SET_TENANT, {"tenant_id": str(tenant_id)})
            yield connection

    @asynccontextmanager
    async def snapshot(self, tenant_id: UUID) -> AsyncIterator[AsyncConnection]:
        """One read-only transaction on the rows of `tenant_id`, all of whose statements see the same moment."""
        async with self.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                await connection.execute(_SET_TENANT, {"tenant_id": str(tenant_id)})
                yield connection

    @asynccontextmanager
    async def lookup(self, **keys: UUID | str) -> AsyncIterator[AsyncConnection]:
        """One read-only transaction that sees only rows carrying one of the `keys` (names in LOOKUPS)."""
        if unknown := keys.keys() - set(LOOKUPS):
            raise ValueError(f"no such lookup key: {', '.join(sorted(unknown))}")
        async with self.engine.begin() as connection:
            columns = ", ".join(f"set_config('app.{name}', :{name}, true)" for name in keys)
            await connection.execute(
                text(f"select set_config('transaction_read_only', 'on', true), {columns}"), {n: str(v) for n, v in keys.items()}
            )
            yield connection

    @asynccontextmanager
    async def sweep(self) -> AsyncIterator[AsyncConnection]:
        """One read-only transaction that sees the ids of due work of every tenant, by column grants."""
        async with self.engine.begin() as connection:
            await connection.execute(text(f"set local role {SWEEPER_ROLE}"))
            await connection.execute(text("set transaction read only"))
            yield connection

"""What the verbs of this room share: the database, Redis, the keys, and who is at the door."""

from dataclasses import dataclass
from typing import Any

from litestar.connection import ASGIConnection
from redis.asyncio import Redis

from server.kit.db import Database
from server.security.keys import Keys, keys_of
from server.security.lockout import address_of
from server.security.sessions import Client


@dataclass(frozen=True, slots=True)
class Door:
    """Everything signing in needs beside what somebody typed."""

    db: Database
    redis: Redis
    keys: Keys
    client: Client

    @classmethod
    def of(cls, connection: ASGIConnection[Any, Any, Any, Any]) -> "Door":
        """The door a request came to."""
        state = connection.app.state
        return cls(state.db, state.redis, keys_of(state), Client(address_of(connection), connection.headers.get("user-agent", "")))

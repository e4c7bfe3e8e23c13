"""Takes turns: what came in, through the runtime, into one commit, and out again."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from redis.asyncio import Redis

from server.kit.db import Database
from server.kit.live import Live
from server.kit.settings import Settings

if TYPE_CHECKING:
    from server.kit.http import OutboundClient
    from server.kit.secrets import Vault


@dataclass(frozen=True, slots=True)
class Contact:
    """Who writes, as the channel or the caller names them."""

    external_id: str
    name: str | None = None
    language: str | None = None
    attributes: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """One customer's message (or the opening of the widget) before it is stored.

    `key` is the sender's own id of it: the same key in the same channel is the same message. Without `conversation_id` a new conversation
    starts with `contact` on `flow_version` of `flow_id`.
    """

    tenant_id: UUID
    channel_id: UUID
    flow_id: UUID
    key: str
    input: dict[str, Any]
    conversation_id: UUID | None = None
    contact: Contact | None = None
    flow_version: int | None = None
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class SaidMessage:
    """One message of the transcript."""

    seq: int
    direction: str
    body: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class TurnAnswer:
    """What a message led to. `status`: answered, or queued when it will be answered later."""

    conversation_id: UUID
    contact_id: UUID
    turn: int
    status: str
    messages: list[SaidMessage]
    waiting_for: str | None
    response_time_ms: float


class Turns:
    """The turns of this process: one flush loop that takes what waits."""

    def __init__(self, db: Database, redis: Redis, live: Live, settings: Settings, vault: "Vault", http: "OutboundClient") -> None:
        self.db = db
        self.redis = redis
        self.live = live
        self.settings = settings
        self.vault = vault
        self.http = http

    async def start(self) -> None:
        """Open the connections and begin."""

    async def stop(self) -> None:
        """Finish what has begun and close."""

    async def take(self, incoming: Incoming) -> TurnAnswer:
        """Store the message and answer it; the same message again gives the same answer."""
        raise NotImplementedError

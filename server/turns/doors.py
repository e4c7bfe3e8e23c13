"""Who may speak in which conversation: the channel, the page it is embedded in, and the token that was shown."""

import asyncio
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from litestar.datastructures import State
from sqlalchemy import select

from server.channels.queries import Channel, find_channel
from server.channels.tables import channels
from server.channels.web.identity import PREFIX
from server.conversations.proof import proof_key, proves
from server.conversations.token import ConversationToken, read_token, sign_token, token_key
from server.kit import clock
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.security import blocklist, tokens
from server.security.identity import Identity
from server.security.keys import keys_of
from server.security.roles import allows
from server.turns.schemas import ContactIn

CHANNEL_KEPT_S = 1.0
CHANNEL_FORGOTTEN_S = 5.0
TOKENS_KEPT = 10_000
TOKEN_KEPT_S = 300.0


@dataclass(frozen=True, slots=True)
class Caller:
    """What a request proved: a conversation of its own, or a member of the channel's workspace, or nothing (a visitor)."""

    token: ConversationToken | None = None
    token_text: str | None = None
    member: Identity | None = None


class Doors:
    """Looks channels and tokens up, and remembers them for a moment: every message asks."""

    def __init__(self, db: Database, state: State) -> None:
        self._db = db
        self._state = state
        self._key = token_key(state.vault)
        self._proofs = proof_key(state.vault)
        self._channels: dict[UUID, tuple[float, Channel]] = {}
        self._looking: dict[UUID, asyncio.Task[Channel]] = {}
        self._tokens: OrderedDict[str, tuple[float, ConversationToken]] = OrderedDict()

    async def channel(self, channel_id: UUID) -> Channel:
        """The channel; Problem 404. One in use is looked up again beside the messages, which do not wait for it."""
        known = self._channels.get(channel_id)
        age = math.inf if known is None else time.monotonic() - known[0]
        if known is None or age >= CHANNEL_FORGOTTEN_S:
            return await asyncio.shield(self._look(channel_id))
        if age >= CHANNEL_KEPT_S:
            self._look(channel_id)
        return known[1]

    def _look(self, channel_id: UUID) -> "asyncio.Task[Channel]":
        """Many who ask at the same moment share one look."""
        task = self._looking.get(channel_id)
        if task is None:
            task = self._looking[channel_id] = asyncio.create_task(find_channel(self._db, channel_id))
            task.add_done_callback(lambda done: self._seen(channel_id, done))
        return task

    def _seen(self, channel_id: UUID, task: "asyncio.Task[Channel]") -> None:
        self._looking.pop(channel_id, None)
        if task.cancelled() or isinstance(task.exception(), Problem):
            self._channels.pop(channel_id, None)
        elif task.exception() is None:
            if len(self._channels) >= TOKENS_KEPT:
                self._channels.clear()
            self._channels[channel_id] = (time.monotonic(), task.result())

    async def channel_of_flow(self, member: Identity, flow_id: UUID) -> UUID:
        """The web channel of a flow of the member's workspace."""
        wanted = select(channels.c.id).where(
            channels.c.tenant_id == member.tenant_id, channels.c.flow_id == flow_id, channels.c.kind == "web", channels.c.enabled
        )
        async with self._db.tenant(member.tenant_id) as conn:
            found: UUID | None = await conn.scalar(wanted.order_by(channels.c.created_at).limit(1))
        if found is None:
            raise not_found("published bot")
        return found

    async def caller(self, authorization: str | None) -> Caller:
        """Who asks. No header: a visitor. A token that cannot be used: Problem 401."""
        if authorization is None:
            return Caller()
        scheme, _, text = authorization.partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text:
            raise Problem(
                401, "token_refused", "Send the token as `Authorization: Bearer <token>`.", headers={"WWW-Authenticate": "Bearer"}
            )
        if (member := await self._member(text)) is not None:
            return Caller(member=member)
        return Caller(self._conversation(text), text)

    async def _member(self, text: str) -> Identity | None:
        if text in self._tokens:
            return None
        try:
            identity = tokens.read(keys_of(self._state).access, text)
        except tokens.InvalidToken:
            return None
        if await blocklist.is_revoked(self._db, self._state.redis, identity.tenant_id, identity.session_id):
            return None
        if not allows(identity.role, "conversations:write"):
            raise Problem(403, "not_allowed", "Your role does not allow writing in conversations. Ask an owner of the workspace.")
        return identity

    def _conversation(self, text: str) -> ConversationToken:
        now = time.monotonic()
        known = self._tokens.get(text)
        if known is not None and now - known[0] < TOKEN_KEPT_S:
            return known[1]
        token = read_token(self._key, text, clock.now())
        self._tokens[text] = (now, token)
        if len(self._tokens) > TOKENS_KEPT:
            self._tokens.popitem(last=False)
        return token

    def check_contact(self, channel: Channel, caller: Caller, contact: ContactIn | None) -> None:
        """Problem 401 for a visitor of a web page who says to be a user of the site around without the proof of it."""
        if contact is None or caller.member is not None or channel.kind != "web" or not contact.id.startswith(PREFIX):
            return
        if contact.proof is None or not proves(self._proofs, contact.proof, channel.id, contact.id, clock.now()):
            raise Problem(401, "identity_not_proven", "Nobody proved that this is the user. Identify them again, with the site's proof.")

    def sign(self, token: ConversationToken) -> str:
        """The text of a new token."""
        return sign_token(self._key, token, clock.now())


def doors_of(state: State) -> Doors:
    """The doors of a running application."""
    doors = state.get("chat_doors")
    if doors is None:
        doors = state.chat_doors = Doors(state.db, state)
    assert isinstance(doors, Doors)
    return doors

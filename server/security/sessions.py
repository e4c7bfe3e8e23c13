"""A session is a family of refresh tokens: each is used once and replaced by the next.

The next token is computed from the one before with a secret key, so several tabs that refresh at the same moment get the same
successor and the server keeps only hashes. A used-up token that comes later than that is stolen: the family ends.
"""

import base64
import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.record import record
from server.kit.clock import now
from server.kit.db import Database
from server.kit.ids import uuid7
from server.security import blocklist
from server.security.identity import Identity
from server.security.tables import rotated_tokens, sessions
from server.tenants.tables import members

LIFETIME = timedelta(days=30)
GRACE = timedelta(seconds=10)
_TOKEN_LENGTH = 43
_LONGEST_CHAIN = 5
_log = logging.getLogger(__name__)


class Refused(Exception):
    """The refresh token cannot be used."""


@dataclass(frozen=True, slots=True)
class Client:
    """Where a session is used from, as shown in the list of sessions."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """A session that goes on."""

    identity: Identity
    refresh_token: str


def fingerprint(token: str) -> str:
    """How a token is stored: SHA-256, enough for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def random_token() -> str:
    """A new token of 256 random bits."""
    return _as_text(secrets.token_bytes(32))


async def open_session(connection: AsyncConnection, member: Row[Any], client: Client, *, limited: bool = False) -> Renewed:
    """A session for a row of `members`; outdated sessions of the member are cleared away.

    `limited`: it was opened by a link that somebody else made, so it does not lead into the account's other workspaces.
    """
    at = now()
    token = random_token()
    own = (sessions.c.tenant_id == member.tenant_id, sessions.c.member_id == member.id)
    await connection.execute(delete(sessions).where(*own, sessions.c.expires_at < at))
    session_id = uuid7()
    await connection.execute(
        insert(sessions).values(
            tenant_id=member.tenant_id,
            id=session_id,
            member_id=member.id,
            token_hash=fingerprint(token),
            limited=limited,
            user_agent=client.user_agent[:300],
            address=client.address[:64],
            created_at=at,
            expires_at=at + LIFETIME,
        )
    )
    return Renewed(_identity(member, session_id), token)


async def renew(db: Database, redis: Redis, key: bytes, token: str) -> Renewed:
    """The next token of the family of `token`; raises Refused, and ends the family when the token was used up before."""
    if len(token) != _TOKEN_LENGTH or not token.isascii():
        raise Refused
    async with db.lookup(token_hash=fingerprint(token)) as connection:
        tenant_id = await connection.scalar(
            select(sessions.c.tenant_id)
            .where(sessions.c.token_hash == fingerprint(token))
            .union(select(rotated_tokens.c.tenant_id).where(rotated_tokens.c.token_hash == fingerprint(token)))
        )
    if tenant_id is None:
        raise Refused
    async with db.tenant(tenant_id) as connection:
        outcome = await _renew(connection, tenant_id, key, token)
    if isinstance(outcome, UUID):
        await blocklist.block(redis, (tenant_id, outcome))
        _log.warning(
            "a used-up refresh token came back; its session was ended", extra={"tenant_id": str(tenant_id), "session_id": str(outcome)}
        )
        raise Refused
    return outcome


async def _renew(connection: AsyncConnection, tenant_id: UUID, key: bytes, token: str) -> Renewed | UUID:
    """The renewed session, or the id of the session that was ended because of a stolen token."""
    session = await _session_of(connection, tenant_id, token)
    if session is None or session.revoked_at is not None or session.expires_at <= now() or session.disabled_at is not None:
        raise Refused
    successor = _next(key, token)
    if session.token_hash == fingerprint(token):
        await _rotate(connection, session, successor)
        return Renewed(_identity(session, session.session_id), successor)
    return await _repeat(connection, session, key, token)


async def _session_of(connection: AsyncConnection, tenant_id: UUID, token: str) -> Row[Any] | None:
    """The session and its member, locked, so that two tabs come one after the other."""
    used_up = select(rotated_tokens.c.session_id).where(
        rotated_tokens.c.tenant_id == tenant_id, rotated_tokens.c.token_hash == fingerprint(token)
    )
    by_token = (sessions.c.token_hash == fingerprint(token)) | sessions.c.id.in_(used_up)
    session_id = await connection.scalar(select(sessions.c.id).where(sessions.c.tenant_id == tenant_id, by_token))
    found = await connection.execute(
        select(sessions.c.id.label("session_id"), sessions.c.token_hash, sessions.c.revoked_at, sessions.c.expires_at, members)
        .join_from(sessions, members, (members.c.tenant_id == sessions.c.tenant_id) & (members.c.id == sessions.c.member_id))
        .where(sessions.c.tenant_id == tenant_id, sessions.c.id == session_id)
        .with_for_update(of=sessions)
    )
    return found.one_or_none()


async def _rotate(connection: AsyncConnection, session: Row[Any], successor: str) -> None:
    used_up = {"tenant_id": session.tenant_id, "token_hash": session.token_hash, "session_id": session.session_id, "rotated_at": now()}
    await connection.execute(insert(rotated_tokens).values(used_up))
    one = (sessions.c.tenant_id == session.tenant_id, sessions.c.id == session.session_id)
    await connection.execute(update(sessions).where(*one).values(token_hash=fingerprint(successor)))


async def _repeat(connection: AsyncConnection, session: Row[Any], key: bytes, token: str) -> Renewed | UUID:
    """The same successor again for a tab that was a moment late; the end of the family for anybody later."""
    used_up = (rotated_tokens.c.tenant_id == session.tenant_id, rotated_tokens.c.token_hash == fingerprint(token))
    rotated_at = await connection.scalar(select(rotated_tokens.c.rotated_at).where(*used_up))
    if rotated_at is not None and now() - rotated_at <= GRACE:
        successor = token
        for _ in range(_LONGEST_CHAIN):
            successor = _next(key, successor)
            if fingerprint(successor) == session.token_hash:
                return Renewed(_identity(session, session.session_id), successor)
    await _revoke(connection, session.tenant_id, sessions.c.id == session.session_id)
    session_id: UUID = session.session_id
    stolen = {"session_id": str(session_id), "member_id": str(session.id)}
    await record(connection, session.tenant_id, "security.session_stolen", stolen)
    return session_id


async def live_sessions(connection: AsyncConnection, tenant_id: UUID, member_id: UUID) -> list[Row[Any]]:
    """The member's sessions that can still be used, the newest first."""
    mine = (sessions.c.tenant_id == tenant_id, sessions.c.member_id == member_id)
    live = select(sessions).where(*mine, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now())
    return list((await connection.execute(live.order_by(sessions.c.created_at.desc()))).all())


async def is_limited(connection: AsyncConnection, identity: Identity) -> bool:
    """Whether the session must stay in its workspace."""
    one = (sessions.c.tenant_id == identity.tenant_id, sessions.c.id == identity.session_id)
    return await connection.scalar(select(sessions.c.limited).where(*one)) is not False


async def lift_limit(connection: AsyncConnection, identity: Identity) -> None:
    """The session may go everywhere from now on."""
    one = (sessions.c.tenant_id == identity.tenant_id, sessions.c.id == identity.session_id)
    await connection.execute(update(sessions).where(*one).values(limited=False))


async def revoke_session(db: Database, redis: Redis, tenant_id: UUID, member_id: UUID, session_id: UUID) -> bool:
    """End one session of a member; False when there is no such live session."""
    async with db.tenant(tenant_id) as connection:
        ended = await _revoke(connection, tenant_id, (sessions.c.member_id == member_id) & (sessions.c.id == session_id))
    await blocklist.block(redis, *ended)
    return bool(ended)


async def revoke_sessions_of(
    connection: AsyncConnection, tenant_id: UUID, member_id: UUID, *, but: UUID | None = None
) -> list[blocklist.Ended]:
    """End the member's sessions in the caller's transaction; hand them to `blocklist.block` after the commit."""
    return await _revoke(connection, tenant_id, (sessions.c.member_id == member_id) & sessions.c.id.is_distinct_from(but))


async def _revoke(connection: AsyncConnection, tenant_id: UUID, which: Any) -> list[blocklist.Ended]:
    live = (sessions.c.tenant_id == tenant_id, sessions.c.revoked_at.is_(None), which)
    ended = update(sessions).where(*live).values(revoked_at=func.now()).returning(sessions.c.tenant_id, sessions.c.id)
    return [(row.tenant_id, row.id) for row in await connection.execute(ended)]


def _identity(member: Row[Any], session_id: UUID) -> Identity:
    return Identity(member.tenant_id, member.id, member.account_id, member.role, member.name, member.email, session_id)


def _next(key: bytes, token: str) -> str:
    return _as_text(hmac.digest(key, token.encode(), hashlib.sha256))


def _as_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

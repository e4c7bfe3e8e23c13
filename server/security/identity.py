"""Who is asking: the signed-in member of one workspace."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from server.kit.errors import Problem
from server.security.roles import Role

if TYPE_CHECKING:  # runners and workers read tokens too and serve no page
    from litestar.connection import ASGIConnection


class Identity(msgspec.Struct, frozen=True):
    """A member of a tenant, as one session knows them."""

    tenant_id: UUID
    member_id: UUID
    account_id: UUID
    role: Role
    name: str
    email: str
    session_id: UUID


def identity_or_none(connection: "ASGIConnection[Any, Any, Any, Any]") -> Identity | None:
    """The member behind the request, or None on a public page."""
    found = connection.scope.get("user")
    return found if isinstance(found, Identity) else None


def identity_of(connection: "ASGIConnection[Any, Any, Any, Any]") -> Identity:
    """The member behind the request."""
    found = identity_or_none(connection)
    if found is None:
        raise not_signed_in()
    return found


def not_signed_in(error: str = "") -> Problem:
    """401; `error` is the word of RFC 6750 for a token that was sent and cannot be used."""
    challenge = f'Bearer error="{error}"' if error else "Bearer"
    return Problem(401, "not_signed_in", "Sign in and try again.", headers={"WWW-Authenticate": challenge})

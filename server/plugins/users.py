"""Who uses a plugin's steps. The rooms that keep documents say how they are found; this room does not know flows."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from server.plugins.manifest import NodeName


@dataclass(frozen=True, slots=True)
class Use:
    """A step of a published flow."""

    flow: str
    step: NodeName


Finder = Callable[[AsyncConnection, UUID, Collection[str]], Awaitable[Sequence[Use]]]

_finders: list[Finder] = []


def finds_users(finder: Finder) -> Finder:
    """Let a room say which published flows of a tenant use steps of these types."""
    _finders.append(finder)
    return finder


async def users_of(conn: AsyncConnection, tenant_id: UUID, types: Collection[str]) -> list[Use]:
    """The steps of these types in published flows of the tenant."""
    return [use for finder in _finders for use in await finder(conn, tenant_id, types)]


def named(uses: Sequence[Use]) -> str:
    """The flows, as they stand in a sentence."""
    flows = sorted({use.flow for use in uses})
    shown = ", ".join(f'"{flow}"' for flow in flows[:5])
    return shown if len(flows) <= 5 else f"{shown} and {len(flows) - 5} more"

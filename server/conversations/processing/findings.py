"""What the stages found in the inputs of a conversation, as a person reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.processing.about import stage_of, stages
from server.conversations.tables import inbox

MOST_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """What one stage found in the input of a turn, in milliseconds; `trouble` says that it failed."""

    title: str
    text: str
    ms: float
    trouble: bool = False


async def findings_of(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> dict[int, list[Finding]]:
    """By turn, in the order of the stages."""
    found = inbox.c.input["annotations"]
    mine = inbox.c.tenant_id == tenant_id, inbox.c.conversation_id == conversation_id, inbox.c.turn.is_not(None)
    rows = await conn.execute(select(inbox.c.turn, found.label("found")).where(*mine, found.is_not(None)).order_by(inbox.c.turn))
    return {row.turn: shown(row.found) for row in rows if isinstance(row.found, dict)}


def shown(annotations: Mapping[str, Any]) -> list[Finding]:
    """The annotations of an input as findings."""
    order = {about.name: number for number, about in enumerate(stages())}
    named = sorted(((name, one) for name, one in annotations.items() if isinstance(one, dict)), key=lambda pair: order.get(pair[0], 99))
    files = [pair for one in annotations.get("files", ()) for pair in sorted(one.items(), key=lambda pair: order.get(pair[0], 99))]
    return [_finding(name, one) for name, one in [*named, *files]]


def _finding(name: str, found: Mapping[str, Any]) -> Finding:
    about = stage_of(name)
    trouble = found.get("error") or found.get("refused")
    told = {key: value for key, value in found.items() if key not in ("ms", "error", "refused")}
    text = (
        str(trouble) if trouble else ", ".join(f"{key}: {_words(value)}" for key, value in told.items() if value not in (None, {}, [], ""))
    )
    return Finding(about.title if about else name, text[:MOST_CHARACTERS] or "nothing", float(found.get("ms", 0)), bool(trouble))


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return " ".join(f"{name} {_words(one)}" for name, one in value.items())
    return " ".join(_words(one) for one in value) if isinstance(value, list) else str(value)

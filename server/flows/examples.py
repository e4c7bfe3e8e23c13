"""The intents of a flow and their examples, as they stand beside the draft."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.flows.intents.examples import MAX_EXAMPLES, MAX_INTENTS
from server.flows.intents.texts import MAX_CHARACTERS, normalised
from server.flows.tables import flow_intents
from server.kit.clock import now
from server.kit.errors import Problem, not_found

MAX_NAME = 100

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Intent:
    """Something customers want, and how they say it."""

    name: str
    description: str = ""
    examples: Sequence[str] = field(default_factory=tuple)


async def list_intents(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> list[Intent]:
    """Every intent of the flow with its examples, by name."""
    rows = await conn.execute(
        select(flow_intents.c.name, flow_intents.c.description, flow_intents.c.examples)
        .where(*_of(tenant_id, flow_id))
        .order_by(func.lower(flow_intents.c.name), flow_intents.c.name)
    )
    return [Intent(row.name, row.description, row.examples) for row in rows]


async def count_examples(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> dict[str, int]:
    """How many examples each intent has, by name."""
    rows = await conn.execute(
        select(flow_intents.c.name, func.cardinality(flow_intents.c.examples))
        .where(*_of(tenant_id, flow_id))
        .order_by(func.lower(flow_intents.c.name), flow_intents.c.name)
    )
    return {row[0]: row[1] for row in rows}


async def find_intent(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, name: str) -> Intent:
    """One intent; Problem 404 when there is none of that name."""
    query = select(flow_intents.c.name, flow_intents.c.description, flow_intents.c.examples).where(*_is(tenant_id, flow_id, name))
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        raise not_found("intent")
    return Intent(row.name, row.description, row.examples)


async def save_intent(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, intent: Intent, was: str | None = None) -> Intent:
    """Store an intent, new (`was` None) or changed; Problem 422 for a name that is taken or examples that are too many."""
    cleaned = Intent(clean_name(intent.name), intent.description.strip()[:500], clean_examples(intent.examples))
    counts = await count_examples(conn, tenant_id, flow_id)
    if cleaned.name != was and cleaned.name in counts:
        raise Problem(422, "name_taken", f"There is an intent called “{cleaned.name}” already.", fields={"name": "Choose another name."})
    if was is not None and was not in counts:
        raise not_found("intent")
    counts.pop(was or "", None)
    _check_size(counts | {cleaned.name: len(cleaned.examples)})
    values = {"name": cleaned.name, "description": cleaned.description, "examples": list(cleaned.examples), "updated_at": now()}
    if was is None:
        await conn.execute(insert(flow_intents).values(tenant_id=tenant_id, flow_id=flow_id, **values))
    else:
        await conn.execute(update(flow_intents).where(*_is(tenant_id, flow_id, was)).values(**values))
    return cleaned


async def delete_intent(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, name: str) -> None:
    """Take an intent and its examples away; Problem 404 when it is not there."""
    gone = await conn.execute(delete(flow_intents).where(*_is(tenant_id, flow_id, name)))
    if gone.rowcount == 0:
        raise not_found("intent")


async def add_examples(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, rows: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Add (text, intent) pairs, making intents that are missing. Says how many were new and how many were there already."""
    known = {intent.name: intent for intent in await list_intents(conn, tenant_id, flow_id)}
    merged: dict[str, list[str]] = {name: list(intent.examples) for name, intent in known.items()}
    seen = {name: {normalised(example) for example in examples} for name, examples in merged.items()}
    new = old = 0
    for example, intent in rows:
        name = clean_name(intent)
        if normalised(example) in seen.setdefault(name, set()):
            old += 1
            continue
        seen[name].add(normalised(example))
        merged.setdefault(name, []).append(example)
        new += 1
    _check_size({name: len(examples) for name, examples in merged.items()})
    changed = [
        {"tenant_id": tenant_id, "flow_id": flow_id, "name": name, "description": "", "examples": examples, "updated_at": now()}
        for name, examples in merged.items()
        if name not in known or len(examples) != len(known[name].examples)
    ]
    if changed:
        statement = insert(flow_intents)
        await conn.execute(
            statement.on_conflict_do_update(
                constraint="flow_intents_pkey",
                set_={"examples": statement.excluded.examples, "updated_at": statement.excluded.updated_at},
            ),
            changed,
        )
    return new, old


async def replace_intents(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, intents: Sequence[Intent]) -> None:
    """Put these intents in place of all there are."""
    await conn.execute(delete(flow_intents).where(*_of(tenant_id, flow_id)))
    if intents:
        await conn.execute(
            insert(flow_intents),
            [
                {"tenant_id": tenant_id, "flow_id": flow_id, "name": i.name, "description": i.description, "examples": list(i.examples)}
                for i in intents
            ],
        )


def clean_name(name: str) -> str:
    """The name without spaces around it; Problem 422 when it cannot be one."""
    cleaned = name.strip()
    if not cleaned:
        raise _bad_name("Give the intent a name, such as track_order.")
    if len(cleaned) > MAX_NAME or _CONTROL.search(cleaned):
        raise _bad_name(f"A name has at most {MAX_NAME} characters and no line breaks.")
    return cleaned


def _bad_name(sentence: str) -> Problem:
    return Problem(422, "bad_name", sentence, fields={"name": sentence})


def clean_examples(lines: Iterable[str]) -> list[str]:
    """One example for each line that says something new; Problem 422 for one that is too long."""
    kept: dict[str, str] = {}
    for line in lines:
        example = " ".join(line.replace("\x00", "").split())
        if len(example) > MAX_CHARACTERS:
            sentence = f"“{example[:60]}…” is longer than {MAX_CHARACTERS} characters. Shorten it."
            raise Problem(422, "too_long", sentence, fields={"examples": sentence})
        if example and normalised(example) not in kept:
            kept[normalised(example)] = example
    return list(kept.values())


def _check_size(counts: Mapping[str, int]) -> None:
    if len(counts) > MAX_INTENTS:
        sentence = f"That makes {len(counts)} intents; a flow holds at most {MAX_INTENTS}. Merge some of them."
        raise Problem(422, "too_many", sentence, fields={"name": sentence})
    if (total := sum(counts.values())) > MAX_EXAMPLES:
        sentence = f"That makes {total:,} examples; a flow holds at most {MAX_EXAMPLES:,}. Remove near-identical ones."
        raise Problem(422, "too_many", sentence, fields={"examples": sentence})


def pairs_of(intents: Iterable[Intent]) -> list[tuple[str, str]]:
    """(text, intent) of every example, in an order that depends on nothing but the examples."""
    return sorted((example, intent.name) for intent in intents for example in intent.examples)


def hash_of(pairs: Sequence[tuple[str, str]]) -> str:
    """What names the model trained on exactly these examples."""
    return hashlib.sha256(msgspec.json.encode(pairs)).hexdigest()


def _of(tenant_id: UUID, flow_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return flow_intents.c.tenant_id == tenant_id, flow_intents.c.flow_id == flow_id


def _is(tenant_id: UUID, flow_id: UUID, name: str) -> tuple[ColumnElement[bool], ...]:
    return (*_of(tenant_id, flow_id), flow_intents.c.name == name)

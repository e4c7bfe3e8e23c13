"""Full-text search over what was said: which words, in which conversation, first in which message.

PostgreSQL's own `simple` configuration finds the words; accents and width are folded before. They lie in an ordinary table and not in a GIN
index, because under row-level security no index serves `@@` (docs/decisions/0014-words-in-a-table.md).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, null, or_, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.tables import contacts, conversation_words, conversations, messages

MOST_WORDS = 12
LONGEST_QUERY = 200
_AFTER_ALL_LETTERS = "\U0010ffff"
# U+0300 to U+036F is what NFKD splits off from letters with accents.
_FOLDED = "regexp_replace(normalize({}, nfkd), '[\u0300-\u036f]', '', 'g')"
_TEXT = "left(concat_ws(' ', m.body->>'text', m.body->'file'->>'name'), 20000)"
_INDEX = text(f"""
    insert into conversation_words (tenant_id, word, conversation_id, seq)
    select m.tenant_id, w.lexeme, m.conversation_id, min(m.seq)
    from unnest(cast(:ids as uuid[]), cast(:seqs as int[])) as said (conversation_id, seq)
    join messages m on m.tenant_id = :tenant_id and m.conversation_id = said.conversation_id and m.seq = said.seq
    cross join lateral unnest(to_tsvector('simple', {_FOLDED.format(_TEXT)})) w
    where length(w.lexeme) <= 100
    group by m.tenant_id, m.conversation_id, w.lexeme
    order by w.lexeme, m.conversation_id
    on conflict do nothing
""")
_WORDS = text(f"select unnest(tsvector_to_array(to_tsvector('simple', {_FOLDED.format('cast(:q as text)')})))")
_QUOTED = re.compile(r'"([^"]{2,})"')


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for: words, each of which may go on with more letters, and phrases exactly as they were quoted."""

    text: str
    words: tuple[str, ...]
    phrases: tuple[str, ...]

    def marks(self, said: str) -> list[tuple[str, bool]]:
        """`said` in parts, with the words that were searched for marked."""
        parts = re.split(r"(\w+)", said)
        return [(part, fold(part).startswith(self.words)) for part in parts if part]


def fold(word: str) -> str:
    """A word as it is compared: small letters without accents."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter)).lower()


async def index_messages(conn: AsyncConnection, tenant_id: UUID, said: Sequence[tuple[UUID, int]]) -> None:
    """Make messages (conversation, number) findable; those of conversations that are gone are left out."""
    if said:
        ids, seqs = [str(one) for one, _ in said], [seq for _, seq in said]
        await conn.execute(_INDEX, {"tenant_id": tenant_id, "ids": ids, "seqs": seqs})


async def wanted_of(conn: AsyncConnection, query: str) -> Wanted | None:
    """What a person asks for in a search field; None when they ask for nothing."""
    query = query.replace("\0", " ").strip()[:LONGEST_QUERY]
    if not query:
        return None
    words = list(await conn.scalars(_WORDS, {"q": query}))
    return Wanted(query, tuple(words[:MOST_WORDS]), tuple(_QUOTED.findall(query))[:3])


def mentions(tenant_id: UUID, wanted: Wanted) -> ColumnElement[bool]:
    """The condition on `conversations`: all the words were said in it, or its customer or id is called so."""
    pattern = "%" + re.sub(r"([\\%_])", r"\\\1", wanted.text) + "%"
    named = (
        select(conversations.c.id)
        .join(contacts, and_(contacts.c.tenant_id == conversations.c.tenant_id, contacts.c.id == conversations.c.contact_id))
        .where(conversations.c.tenant_id == tenant_id)
        .where(or_(contacts.c.name.ilike(pattern), contacts.c.external_id.ilike(pattern), cast(conversations.c.id, String) == wanted.text))
    )
    if not wanted.words:
        return conversations.c.id.in_(named)
    return conversations.c.id.in_(union_all(_said(tenant_id, wanted), named))


def _said(tenant_id: UUID, wanted: Wanted) -> Select[Any]:
    """The conversations in which every word and every phrase was said."""
    first, *others = (_with_word(tenant_id, word) for word in wanted.words)
    query = first
    for other in others:
        query = query.where(conversation_words.c.conversation_id.in_(other))
    for phrase in wanted.phrases:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", phrase) + "%"
        inside = and_(messages.c.tenant_id == tenant_id, messages.c.conversation_id == conversation_words.c.conversation_id)
        query = query.where(select(1).where(inside, messages.c.body["text"].as_string().ilike(pattern)).exists())
    return query


def _with_word(tenant_id: UUID, word: str) -> Select[Any]:
    found = conversation_words.c.tenant_id == tenant_id, *_begins(word)
    return select(conversation_words.c.conversation_id).where(*found)


def _begins(word: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return conversation_words.c.word >= word, conversation_words.c.word < word + _AFTER_ALL_LETTERS


def found_message(wanted: Wanted) -> Any:
    """The number of the first message of each of `conversations` in which one of the words was said, as a column."""
    if not wanted.words:
        return null()
    here = and_(conversation_words.c.tenant_id == conversations.c.tenant_id, conversation_words.c.conversation_id == conversations.c.id)
    words = or_(*(and_(*_begins(word)) for word in wanted.words))
    return select(func.min(conversation_words.c.seq)).where(here, words).correlate(conversations).scalar_subquery()

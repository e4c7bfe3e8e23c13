"""Answers the `nlu.*` calls of flows: plain data in, plain data out.

Moderation is quick enough for the turn itself; the others load libraries or may read dates for a while, so they run beside the event loop.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import msgspec

from flow_runtime.errors import NodeFailure
from server.kit.calls import CallEnd, CallFailed, OpenCall, Tools, answers, performs
from server.understanding import language, sentiment
from server.understanding.entities.extract import extract
from server.understanding.entities.hits import Entry, Slot
from server.understanding.moderation.moderate import CATEGORIES, moderate

Shape = TypeVar("Shape")
SlotType = Literal["number", "amount", "date", "datetime", "time", "email", "phone", "url", "list", "pattern", "text", "yes_no", "name"]


class _Entry(msgspec.Struct, frozen=True):
    value: str
    words: tuple[str, ...] = ()


class _Slot(msgspec.Struct, frozen=True):
    name: str
    type: SlotType
    entries: tuple[_Entry, ...] = ()
    pattern: str | None = None
    role: str | None = None


class _Entities(msgspec.Struct, frozen=True):
    text: str
    slots: tuple[_Slot, ...]
    language: str | None = None
    region: str | None = None
    time_zone: str | None = None
    now: datetime | None = None


class _Language(msgspec.Struct, frozen=True):
    text: str
    among: tuple[str, ...] = ()
    current: str | None = None
    before: str | None = None


class _Sentiment(msgspec.Struct, frozen=True):
    text: str
    language: str | None = None
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()


class _Moderate(msgspec.Struct, frozen=True):
    text: str
    language: str | None = None
    categories: tuple[str, ...] = CATEGORIES
    words: tuple[str, ...] = ()
    region: str | None = None


def entities(payload: Mapping[str, Any]) -> dict[str, Any]:
    """`nlu.entities`: the values of the slots, and where each was found."""
    asked = _read(payload, _Entities)
    slots = [
        Slot(slot.name, slot.type, tuple(Entry(entry.value, entry.words) for entry in slot.entries), slot.pattern, slot.role)
        for slot in asked.slots
    ]
    now = asked.now or datetime.now(UTC)
    try:
        found = extract(
            asked.text,
            slots,
            language=asked.language,
            region=asked.region,
            time_zone=asked.time_zone,
            now=now if now.tzinfo else now.replace(tzinfo=UTC),
        )
    except NodeFailure as failure:
        raise CallFailed("refused", f"{failure.message}.", may_retry=False) from failure
    return {"values": {each.name: each.value for each in found}, "found": [each.to_json() for each in found]}


def detect_language(payload: Mapping[str, Any]) -> dict[str, Any]:
    """`nlu.language`: the language to go on in, how sure the guess is, and the guess for this text alone.

    `current` is the conversation's language so far, `before` the guess for the message before.
    """
    asked = _read(payload, _Language)
    guess = language.detect(asked.text, asked.among, asked.current)
    settled = language.as_the_bot_says(language.settle(asked.text, guess, asked.current, asked.before), asked.among)
    return {"language": settled, "confidence": guess.confidence, "guess": guess.language}


def analyse_sentiment(payload: Mapping[str, Any]) -> dict[str, Any]:
    """`nlu.sentiment`: positive, neutral, negative or null."""
    asked = _read(payload, _Sentiment)
    return sentiment.analyse(asked.text, asked.language, asked.positive, asked.negative).to_json()


@answers("nlu.moderate")
def look_over(payload: Mapping[str, Any]) -> dict[str, Any]:
    """`nlu.moderate`: whether anything was found, and what."""
    asked = _read(payload, _Moderate)
    return moderate(asked.text, asked.language, asked.categories, asked.words, asked.region).to_json()


def _read(payload: Mapping[str, Any], shape: type[Shape]) -> Shape:
    try:
        return msgspec.convert(payload, shape, strict=False)
    except msgspec.ValidationError as error:
        raise CallFailed("refused", f"This cannot be understood: {error}", may_retry=False) from error


async def _beside(function: Callable[[Mapping[str, Any]], dict[str, Any]], call: OpenCall) -> CallEnd:
    began = time.perf_counter()
    value = await asyncio.to_thread(function, call.payload)
    return CallEnd(True, value, ms=(time.perf_counter() - began) * 1000)


@performs("nlu.entities", in_process=True)
async def perform_entities(tools: Tools, call: OpenCall) -> CallEnd:
    """Find the values in a thread."""
    return await _beside(entities, call)


@performs("nlu.language", in_process=True)
async def perform_language(tools: Tools, call: OpenCall) -> CallEnd:
    """Guess the language in a thread."""
    return await _beside(detect_language, call)


@performs("nlu.sentiment", in_process=True)
async def perform_sentiment(tools: Tools, call: OpenCall) -> CallEnd:
    """Judge the mood in a thread."""
    return await _beside(analyse_sentiment, call)

"""Somebody's bot is told from people by how fast it writes."""

from datetime import timedelta
from uuid import UUID

import pytest

from server.conversations.inbox import Arrival, Contact
from server.conversations.loops import PEOPLE, LoopGuard
from server.kit import clock

NOBODY = UUID(int=0)


def said(who: str = "Ana", *, thread: str | None = None, ago_s: float = 0) -> Arrival:
    return Arrival(NOBODY, NOBODY, "k", {}, contact=Contact(who), thread=thread, heard_at=clock.now() - timedelta(seconds=ago_s))


def talk(guard: LoopGuard, times: int, *, ago_s: float = 0) -> None:
    for _ in range(times):
        guard.note(said(ago_s=ago_s))


def test_more_than_people_write_is_stopped_for_whoever_wrote_it() -> None:
    guard = LoopGuard()
    talk(guard, PEOPLE.burst - 1)
    assert not guard.stops("whatsapp", said())
    talk(guard, 1)
    assert guard.stops("whatsapp", said())
    assert not guard.stops("whatsapp", said("Ben"))
    assert not guard.stops("slack", said(thread="another"))
    assert not guard.stops("webhook", said()), "other systems may write as fast as they like"


def test_a_backlog_of_days_is_no_loop() -> None:
    guard = LoopGuard()
    talk(guard, 500, ago_s=3 * 24 * 3600)
    assert not guard.stops("whatsapp", said())
    talk(guard, PEOPLE.burst)
    assert not guard.stops("whatsapp", said(ago_s=3600))


def test_after_a_pause_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = LoopGuard()
    talk(guard, PEOPLE.burst)
    now = guard._heard._now()
    monkeypatch.setattr(guard._heard, "_now", lambda: now + PEOPLE.gap_s + 0.1)
    assert not guard.stops("whatsapp", said())

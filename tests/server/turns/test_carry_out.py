"""A call is tried as often, as long and as patiently as the flow says, whatever its kind."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit import calls, clock
from server.kit.calls import CallEnd, CallFailed, OpenCall, Tools
from server.kit.ids import uuid7
from server.turns import carry_out
from server.turns.kinds import performer_of


class Service:
    """Ends each call as it is told to, then well."""

    def __init__(self, *ends: CallEnd | Exception | float) -> None:
        self.ends = list(ends)
        self.asked: list[str] = []

    async def __call__(self, tools: Tools, call: OpenCall) -> CallEnd:
        self.asked.append(call.id)
        end = self.ends.pop(0) if self.ends else CallEnd(True, {"try": len(self.asked)})
        if isinstance(end, float):
            await asyncio.sleep(end)
            return CallEnd(True, "late")
        if isinstance(end, Exception):
            raise end
        return end


Ask = Callable[..., Any]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    performer_of("any")  # everything is found before the test adds its own
    monkeypatch.setattr(carry_out, "OVERTIME_S", 0.0)

    async def ask(service: Service, **how: Any) -> CallEnd:
        monkeypatch.setitem(calls.performers, "test.call", calls.Performing(service, False))
        given = {"timeout_s": 5.0, "due_at": clock.now() + timedelta(seconds=60), **how}
        call = OpenCall(uuid7(), "c:1:n:1", uuid7(), "test.call", {}, **given)
        return await carry_out.try_until_done(Tools(None), call)  # type: ignore[arg-type]

    return ask


async def test_a_failed_call_is_made_again_as_often_as_the_flow_says(ask: Ask) -> None:
    service = Service(CallEnd.failed("busy", "Busy."), CallFailed("busy", "Busy."), RuntimeError("broken"))
    end = await ask(service, retry_times=3)
    assert end.value == {"try": 4}
    assert service.asked == ["c:1:n:1"] * 4


async def test_without_retry_one_failure_is_the_end(ask: Ask) -> None:
    service = Service(CallEnd.failed("busy", "Busy."))
    end = await ask(service)
    assert (end.ok, end.error.kind, len(service.asked)) == (False, "busy", 1)


async def test_what_cannot_come_out_otherwise_is_not_tried_again(ask: Ask) -> None:
    service = Service(CallEnd.failed("refused", "No.", may_retry=False))
    assert (await ask(service, retry_times=5)).error.kind == "refused"
    assert len(service.asked) == 1


async def test_the_pause_lies_between_the_tries(ask: Ask) -> None:
    began = time.monotonic()
    await ask(Service(CallEnd.failed("busy", "Busy."), CallEnd.failed("busy", "Busy.")), retry_times=2, retry_pause_s=0.1)
    assert time.monotonic() - began >= 0.2


async def test_nothing_is_begun_after_the_call_is_due(ask: Ask) -> None:
    service = Service(CallEnd.failed("busy", "Busy."))
    end = await ask(service, retry_times=5, retry_pause_s=2.0, due_at=clock.now() + timedelta(seconds=1))
    assert (end.error.kind, len(service.asked)) == ("busy", 1)


async def test_a_try_has_its_time_and_no_more(ask: Ask) -> None:
    service = Service(5.0)
    end = await ask(service, timeout_s=0.1)
    assert (end.error.kind, end.error.message) == ("timeout", "There was no answer within 0.1 seconds.")
    assert (await ask(Service(5.0), timeout_s=0.1, retry_times=1)).value == {"try": 2}


async def test_every_try_is_noted_with_the_end(ask: Ask) -> None:
    noted: list[int] = []

    def end(number: int, ok: bool) -> CallEnd:
        async def note(conn: AsyncConnection) -> None:
            noted.append(number)

        return CallEnd(ok, also=note) if ok else CallEnd(False, error=CallFailed("busy", "Busy.").end.error, also=note)

    ended = await ask(Service(end(1, False), end(2, True)), retry_times=1)
    await ended.also(None)
    assert noted == [1, 2]


async def test_a_kind_that_was_given_up_meanwhile_says_what_is_missing() -> None:
    call = OpenCall(uuid7(), "c:1:n:1", uuid7(), "ticket.open", {}, 5.0, clock.now())
    end = await carry_out.try_until_done(Tools(None), call)  # type: ignore[arg-type]
    assert end.error is not None
    assert end.error.kind == "not_available"

"""The rates of a channel: those of its kind, unless it has one of its own."""

from typing import Any

import pytest

from server.channels.about import About, Rate
from server.channels.rates import rates_of

CHAT = Rate(1, 1, "conversation")


@pytest.fixture(autouse=True)
def kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.channels.rates.about_of", lambda kind: About(kind, "Test", rate=(Rate(30, 30), CHAT)))


def test_a_kind_says_how_fast_it_takes_messages() -> None:
    assert rates_of("telegram", {}) == (Rate(30, 30), CHAT)


@pytest.mark.parametrize("given", [5, 5.5, "5"])
def test_a_channel_may_have_a_rate_of_its_own(given: Any) -> None:
    assert rates_of("telegram", {"messages_per_second": given}) == (Rate(float(given), 5), CHAT)


@pytest.mark.parametrize("given", ["", "fast", 0, -1, None, [1], "nan", "inf"])
def test_what_is_no_rate_changes_nothing(given: Any) -> None:
    assert rates_of("telegram", {"messages_per_second": given}) == (Rate(30, 30), CHAT)

"""python-telegram-bot takes our fake for Telegram, and reads the fake's updates as our adapter does."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from server.channels.contract import Inbound, Request
from server.channels.telegram.adapter import adapter
from tests.fakes.channels.telegram import CHAT, FILE, TOKEN, FakeTelegram
from tests.sdks.sdk import ask_sdk


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram() as fake:
        yield fake


def test_it_takes_our_fake_for_telegram_and_reads_what_we_read(telegram: FakeTelegram) -> None:
    telegram.keyboards = {"Small": ("s", {"inline_keyboard": [[{"text": "Small", "callback_data": "s"}]]})}
    updates = [telegram.writes("caf\u00e9 \u2615 & <b>"), telegram.presses("Small"), telegram.gives("receipt.pdf", "application/pdf")]
    posted = [one.read() for one in updates]
    told = ask_sdk(
        "telegram_bot",
        token=TOKEN,
        api_url=telegram.url,
        hook="https://bot.example.com/hooks/telegram/1",
        webhook_secret="aB-_9",
        chat_id=CHAT["id"],
        updates=[json.loads(one) for one in posted],
    )
    assert told["read"] == [_told(adapter.parse(Request("POST", {}, {}, one, datetime.now(UTC)), {}).messages[0]) for one in posted]
    assert (told["username"], told["hook"], telegram.wants) == ("acme_bot", "https://bot.example.com/hooks/telegram/1", "aB-_9")
    assert told["sent"] == [1, 2]
    assert (telegram.said[0].text, telegram.said[0].choices) == ("Which?", ("Small", "Large"))
    assert told["file"].encode() == FILE
    assert told["refused"] == ["Message is too long", "Can't parse entities: unsupported start tag"]
    assert told["wrong_token"] == "refused"


def _told(said: Inbound) -> dict[str, str | None]:
    return {
        "key": said.key.removeprefix("update:"),
        "contact_id": said.contact_id,
        "name": said.contact_name,
        "language": said.language,
        "text": None if said.choice else said.text,
        "choice": said.choice,
        "file": said.media[0].provider_ref if said.media else None,
    }

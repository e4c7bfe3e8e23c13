"""SMS by Twilio: what a text costs, what goes wrong, what the live check finds."""

from collections.abc import Iterator
from typing import Any

import pytest

from server.channels.contract import NotFetched, SendFailed
from server.channels.sms.adapter import adapter
from server.channels.sms.segments import counted, in_messages
from server.kit.http import OutboundClient
from tests.fakes.channels.provider import Fault
from tests.fakes.channels.sms import FakeSms
from tests.fakes.channels.twilio import CUSTOMER, KEY, KEY_SECRET, SERVICE
from tests.server.channels.conftest import Say

HOOK = "https://bot.example.com/hooks/sms/1"
MEDIA = "/2010-04-01/Accounts/ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Messages/MM01/Media/ME01"


@pytest.fixture
def provider() -> Iterator[FakeSms]:
    with FakeSms() as fake:
        yield fake


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("GSM-7", 0, 1)),
        ("a" * 160, ("GSM-7", 160, 1)),
        ("a" * 161, ("GSM-7", 161, 2)),
        ("a" * 306, ("GSM-7", 306, 2)),
        ("a" * 307, ("GSM-7", 307, 3)),
        ("\u20ac" * 80, ("GSM-7", 160, 1)),
        ("\u20ac" * 81, ("GSM-7", 162, 2)),
        ("a" + "\u20ac" * 153, ("GSM-7", 307, 3)),
        ("\u00e7", ("UCS-2", 1, 1)),
        ("\u00c7", ("GSM-7", 1, 1)),
        ("\u4e2d" * 70, ("UCS-2", 70, 1)),
        ("\u4e2d" * 71, ("UCS-2", 71, 2)),
        ("\u4e2d" * 134, ("UCS-2", 134, 2)),
        ("\u4e2d" * 135, ("UCS-2", 135, 3)),
        ("\U0001f44b" * 35, ("UCS-2", 70, 1)),
        ("\U0001f44b" * 67, ("UCS-2", 134, 3)),
    ],
)
def test_segments_are_counted_as_carriers_do(text: str, expected: tuple[str, int, int]) -> None:
    found = counted(text)
    assert (found.encoding, found.units, found.segments) == expected


@pytest.mark.parametrize("letter", ["a", "\u20ac", "\u4e2d", "\U0001f44b", "ab ", "\u4e2d\u6587 "])
@pytest.mark.parametrize("most", [1, 3, 10])
def test_no_message_has_more_segments_than_it_may(letter: str, most: int) -> None:
    text = letter * 5_000
    parts = in_messages(text, most)
    assert all(counted(part).segments <= most and len(part) <= 1_600 for part in parts)
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")


def test_pictures_go_as_mms_when_the_sender_may() -> None:
    media = [{"kind": "image", "url": "https://example.com/a.png", "alt": "A"}, {"kind": "file", "url": "https://example.com/b.pdf"}]
    said = {"text": "Look", "media": media}
    assert adapter.render(said, {"mms": "on"}) == [
        {"Body": "Look\n\nFile: https://example.com/b.pdf", "MediaUrl": ["https://example.com/a.png"]}
    ]
    assert adapter.render({"text": "", "media": media[:1]}, {"mms": "on"}) == [{"MediaUrl": ["https://example.com/a.png"]}]
    assert "https://example.com/a.png" in adapter.render(said, {})[0]["Body"]


def error(status: int, code: int, headers: Any = None) -> Fault:
    return Fault(status, {"code": code, "message": "No.", "status": status}, headers or {})


@pytest.mark.parametrize(
    ("fault", "outcome", "wait_s", "blocks"),
    [
        (error(429, 20429, {"Retry-After": "7"}), "retry", 7, False),
        (error(400, 21611), "retry", None, False),
        (error(400, 63018), "retry", None, False),
        (Fault(503), "retry", None, False),
        (error(401, 20003), "retry", None, True),
        (error(400, 21659), "retry", None, True),
        (error(400, 21211), "dead", None, False),
        (error(400, 21610), "dead", None, False),
        (Fault(400, ["garbage"]), "dead", None, False),
        (Fault(took_it=True), "maybe", None, False),
    ],
)
async def test_a_failure_says_whether_to_send_again(
    provider: FakeSms, http: OutboundClient, say: Say, fault: Fault, outcome: str, wait_s: float | None, blocks: bool
) -> None:
    provider.faults = [fault]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(contact=CUSTOMER), provider.settings, provider.secrets)
    assert (failed.value.outcome, failed.value.wait_s, failed.value.blocks) == (outcome, wait_s, blocks)
    assert len(provider.calls) == fault.took_it


async def test_whoever_opted_out_is_left_alone(provider: FakeSms, http: OutboundClient, say: Say) -> None:
    provider.opted_out = True
    with pytest.raises(SendFailed, match="opted out") as failed:
        await adapter.send(http, say(contact=CUSTOMER), provider.settings, provider.secrets)
    assert failed.value.outcome == "dead"


async def test_the_sender_the_key_and_the_address_of_receipts(provider: FakeSms, http: OutboundClient, say: Say) -> None:
    settings = {**provider.settings, "sender": SERVICE, "api_key_sid": KEY, "status_callback": HOOK}
    sent = await adapter.send(http, say(contact=CUSTOMER), settings, {**provider.secrets, "api_key_secret": KEY_SECRET})
    assert sent == f"SM{1:032d}"
    assert provider.calls == [{"MessagingServiceSid": SERVICE, "To": CUSTOMER, "StatusCallback": HOOK, "Body": "Hi"}]
    with pytest.raises(SendFailed, match="no auth token"):
        await adapter.send(http, say(contact=CUSTOMER), settings, {})


async def test_the_live_check_says_what_is_wrong(provider: FakeSms, http: OutboundClient) -> None:
    async def found(settings: dict[str, str] | None = None, secrets: dict[str, str] | None = None) -> list[tuple[str, str]]:
        checked = await adapter.check(http, {**provider.settings, **(settings or {})}, {**provider.secrets, **(secrets or {})})
        return [(one.level, one.title) for one in checked]

    good = [("ok", "Account and auth token"), ("ok", "Sender")]
    assert await found() == good
    assert await found({"sender": SERVICE}) == good
    assert await found({"api_key_sid": KEY}, {"api_key_secret": KEY_SECRET}) == good
    assert await found({}, {"auth_token": "f" * 32}) == [("error", "Auth token")]
    assert await found({"api_key_sid": KEY}, {"api_key_secret": "wrong"}) == [good[0], ("error", "API key")]
    assert await found({"sender": "+15550001111"}) == [good[0], ("error", "Sender")]
    assert await found({"sender": "72975"}) == [good[0], ("warning", "Sender")]
    provider.type, provider.can = "Trial", {"sms": True, "mms": False}
    assert await found({"mms": "on"}) == [good[0], ("warning", "Trial account"), ("warning", "Pictures")]
    provider.can = {"sms": False}
    assert (await found())[-1] == ("error", "Sender")
    provider.status = "suspended"
    assert await found() == [("error", "Account")]


async def test_twilio_is_told_our_address(provider: FakeSms, http: OutboundClient) -> None:
    for sender in (provider.settings["sender"], SERVICE):
        provider.hook = ""
        (told,) = await adapter.connect(http, HOOK, {**provider.settings, "sender": sender}, provider.secrets)
        assert (told.level, told.learned, provider.hook) == ("ok", {"status_callback": HOOK}, HOOK)
    (told,) = await adapter.connect(http, HOOK, {**provider.settings, "sender": "72975"}, provider.secrets)
    assert (told.level, told.learned) == ("warning", {"status_callback": HOOK})
    assert HOOK in told.message


async def test_our_token_goes_to_twilio_only(provider: FakeSms, http: OutboundClient) -> None:
    assert (await adapter.fetch(http, MEDIA, provider.settings, provider.secrets)).content.startswith(b"%PDF")
    assert [("authorization" in one.headers) for one in provider.requests] == [True, False]
    with pytest.raises(NotFetched):
        await adapter.fetch(http, MEDIA.replace("ME01", "ME02"), provider.settings, provider.secrets)

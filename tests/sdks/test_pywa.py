"""pywa and we prove and read alike and say the same, and it takes our fake for WhatsApp."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from server.channels.contract import Inbound, Request, Status
from server.channels.graph_api import signature
from server.channels.whatsapp.adapter import adapter
from tests.fakes.channels.graph_api import APP_SECRET
from tests.fakes.channels.whatsapp import FILE, NUMBER_ID, PHONE, TOKEN, FakeWhatsApp
from tests.sdks.sdk import ask_sdk

BODIES = [
    {"text": "caf\u00e9 \u2615"},
    {"text": "Which?", "choices": [{"value": label.lower(), "label": label} for label in ("Red", "Blue", "Grey")]},
    {"text": "Which size?", "choices": [{"value": f"s{n}", "label": f"Size {n}"} for n in range(4)]},
    {"text": "Read", "choices": [{"value": "a", "label": "Open", "url": "https://example.com/a"}]},
    {"text": "", "media": [{"kind": "image", "url": "https://example.com/shoe.png", "alt": "A shoe"}]},
    {"text": "", "media": [{"kind": "file", "url": "https://example.com/a.pdf", "alt": "Offer"}]},
]
UNDELIVERABLE = {
    "code": 131026,
    "title": "Message undeliverable",
    "message": "Message undeliverable",
    "error_data": {"details": "The recipient uses an old WhatsApp version."},
}


@pytest.fixture
def whatsapp() -> Iterator[FakeWhatsApp]:
    with FakeWhatsApp() as fake:
        yield fake


def test_it_proves_reads_and_says_the_same_and_takes_our_fake_for_whatsapp(whatsapp: FakeWhatsApp) -> None:
    whatsapp.choices = {"Red": ("button_reply", {"id": "red", "title": "Red"}), "Size 1": ("list_reply", {"id": "s1", "title": "Size 1"})}
    posted = [
        whatsapp.writes("caf\u00e9 \u2615"),
        whatsapp.presses("Red"),
        whatsapp.presses("Size 1"),
        whatsapp.gives("receipt.pdf", "application/pdf"),
        whatsapp.status("wamid.B1", "delivered"),
        whatsapp.status("wamid.B1", "failed", errors=[UNDELIVERABLE]),
    ]
    signed = [{"body": one.read().decode(), "proof": one.headers["x-hub-signature-256"]} for one in posted]
    told = ask_sdk(
        "pywa_cloud",
        phone_id=NUMBER_ID,
        token=TOKEN,
        secret=APP_SECRET,
        graph_url=f"{whatsapp.url}/v26.0",
        to=PHONE,
        heard="wamid.A1",
        media_id="MEDIA1",
        file="%PDF-1.4",
        signed=[*signed, signed[0] | {"proof": signature("another_secret_0123456789", signed[0]["body"].encode())}],
    )
    assert told["proofs"] == [True] * len(signed) + [False]
    assert told["read"][: len(signed)] == [_read(one["body"]) for one in signed]
    assert told["sent"] == [f"wamid.B{number}" for number in range(1, 7)]
    assert [_comparable(one) for one in whatsapp.calls] == [_comparable(part) for body in BODIES for part in adapter.render(body, {})]
    assert (told["uploaded"], whatsapp.uploads) == ("MEDIA100", {"MEDIA100": ("a.pdf", "application/pdf")})
    assert told["file"].encode() == FILE
    assert (whatsapp.read, whatsapp.typing) == (["wamid.A1"] * 2, ["wamid.A1"])
    assert told["refused"] == [131009] * 3


def _read(body: str) -> dict[str, object]:
    received = adapter.parse(Request("POST", {}, {}, body.encode(), datetime.now(UTC)), {"phone_number_id": NUMBER_ID})
    return _status(received.statuses[0]) if received.statuses else _said(received.messages[0])


def _status(status: Status) -> dict[str, object]:
    return {"provider_id": status.provider_id, "state": status.state, "error": 131026 if status.error else None}


def _said(said: Inbound) -> dict[str, object]:
    file = [[one.provider_ref, one.media_type, one.name] for one in said.media]
    named = {"key": said.key, "contact_id": said.contact_id, "name": said.contact_name}
    return {**named, "text": said.text, "choice": said.choice, "file": file[0] if file else None}


def _comparable(message: object) -> object:
    """Without what is only ours or only theirs: whom it goes to, sections' titles, what was left out or empty."""
    if isinstance(message, dict):
        left_out = ("messaging_product", "recipient_type", "to", "recipient", "biz_opaque_callback_data", "preview_url")
        parts = {name: _comparable(part) for name, part in message.items() if name not in left_out and part is not None}
        return {name: part for name, part in parts.items() if not (name == "title" and "rows" in parts)}
    return [_comparable(part) for part in message] if isinstance(message, list) else message

"""Channels by the API: added, checked, changed, their secrets rotated, taken away. One server for the whole story."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select

from server.channels.sealed import open_secrets
from server.channels.tables import channels
from tests.conftest import Workspace
from tests.server.events.logs import told_of

ROUTE = "/api/v1/channels"
WEBHOOK = {"kind": "webhook", "name": "Shop", "settings": {"url": "https://shop.example.com/bot"}}


async def _secrets(app: Litestar, owner: Workspace, channel_id: str) -> Any:
    async with app.state.db.tenant(owner.tenant_id) as conn:
        sealed = await conn.scalar(select(channels.c.secrets_sealed).where(channels.c.id == UUID(channel_id)))
        return await open_secrets(conn, app.state.vault, owner.tenant_id, UUID(channel_id), sealed)


async def _add(owner: Workspace, **changes: Any) -> httpx.Response:
    return await owner.client.post(ROUTE, json={**WEBHOOK, **changes})


async def test_a_channel_from_beginning_to_end(app: Litestar, owner: Workspace) -> None:
    kinds = (await owner.client.get("/api/v1/channel-kinds")).raise_for_status().json()["data"]
    assert {"web", "webhook", "slack"} <= {kind["kind"] for kind in kinds}

    added = (await _add(owner)).raise_for_status().json()
    route = f"{ROUTE}/{added['id']}"
    assert added["secrets"] == {"signing_secret": "set"}
    assert added["hook_url"].endswith(f"/hooks/webhook/{added['id']}")
    first = await _secrets(app, owner, added["id"])
    assert first["signing_secret"].startswith("whsec_")

    checked = (await owner.client.post(f"{route}/check")).raise_for_status().json()
    assert not checked["ok"]
    assert {"level": "error", "title": "Flow", "message": "Nobody answers yet. Choose the flow that does.", "learned": {}} in checked[
        "findings"
    ]

    new = "whsec_" + "A" * 40
    rotated = (await owner.client.patch(route, json={"secrets": {"signing_secret": new}})).raise_for_status().json()
    assert rotated["secrets"] == {"signing_secret": "rotating"}
    (told,) = await told_of(app.state.db, owner.tenant_id, "security")
    assert told == ("secret_rotated", {"part": "channel", "part_id": added["id"], "names": ["signing_secret"]})
    assert await _secrets(app, owner, added["id"]) == {"signing_secret": new, "signing_secret.previous": first["signing_secret"]}
    done = (await owner.client.patch(route, json={"forget_previous": True, "enabled": False, "name": " Store "})).raise_for_status().json()
    assert (done["secrets"], done["enabled"], done["name"]) == ({"signing_secret": "set"}, False, "Store")
    assert await _secrets(app, owner, added["id"]) == {"signing_secret": new}

    moved = (await owner.client.patch(route, json={"settings": {"url": "https://other.example.com/"}})).raise_for_status().json()
    assert moved["settings"] == {"url": "https://other.example.com/"}
    assert [one["id"] for one in (await owner.client.get(ROUTE)).json()["data"]] == [added["id"]]
    assert new not in (await owner.client.get(route)).text

    (await owner.client.delete(route)).raise_for_status()
    assert (await owner.client.get(route)).status_code == 404
    assert (await owner.client.get(ROUTE)).json()["data"] == []
    assert await _secrets(app, owner, added["id"]) == {}

    for changes, field in WRONG:
        refused = await _add(owner, **changes)
        assert refused.status_code == 422, changes
        assert field in refused.json()["fields"], refused.text
    assert (await owner.client.get(ROUTE)).json()["data"] == []


async def test_a_message_is_shown_as_each_channel_would_send_it(owner: Workspace) -> None:
    said = {"text": "Size?", "choices": [{"value": str(n), "label": f"Size {n}"} for n in range(11)]}
    for kind, fourth in (("slack", "static_select"), ("telegram", "inline_keyboard"), ("whatsapp", "4. Size 3"), ("webhook", "Size 3")):
        shown = (await owner.client.post("/api/v1/channel-previews", json={"kind": kind, **said})).raise_for_status().json()
        assert len(shown["parts"]) == 1
        assert fourth in str(shown["parts"])
    for wrong in ({"kind": "web"}, {"kind": "slack", "cards": [{"buttons": [7]}]}, {"kind": "slack", "media": [{"url": "x"}]}):
        assert (await owner.client.post("/api/v1/channel-previews", json=wrong)).status_code == 422


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "pigeon"}, "kind"),
    ({"kind": "../web"}, "kind"),
    ({"name": "  "}, "name"),
    ({"name": "a\u0000b"}, "name"),
    ({"settings": {}}, "url"),
    ({"settings": {"url": "ftp://shop.example.com"}}, "url"),
    ({"settings": {"url": "http://127.0.0.1/"}}, "url"),
    ({"settings": {"url": "http://169.254.169.254/latest"}}, "url"),
    ({"settings": {"url": "https://shop.example.com", "colour": "red"}}, "colour"),
    ({"secrets": {"signing_secret": "short"}}, "signing_secret"),
    ({"secrets": {"password": "x"}}, "password"),
    ({"flow_id": "01890a5d-ac96-774b-bcce-b302099a8057"}, "flow_id"),
    ({"allowed_origins": ["https://shop.example.com"]}, "allowed_origins"),
    ({"kind": "web", "settings": {}, "allowed_origins": ["https://shop.example.com/path"]}, "allowed_origins"),
    ({"kind": "web", "settings": {}, "allowed_origins": ["https://*.example.com"]}, "allowed_origins"),
    ({"kind": "web", "settings": {}, "allowed_origins": ["null"]}, "allowed_origins"),
    ({"kind": "web", "settings": {"accent": "red;}"}}, "accent"),
]


@pytest.mark.parametrize("body", [{"kind": "webhook"}, {**WEBHOOK, "tenant_id": "x"}, {**WEBHOOK, "settings": {"url": 7}}])
async def test_what_is_no_channel_is_refused(owner: Workspace, body: dict[str, Any]) -> None:
    assert (await owner.client.post(ROUTE, json=body)).status_code == 422

"""The script a page embeds, the hosted page, and who may use them."""

import asyncio
import gzip
import json
import re
import shutil
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from server.kit.db import Database
from tests.server.turns.widget_rows import make_channel

SHOP = "https://shop.example"
MOST_SCRIPT_BYTES = 15_000


async def test_the_script_brings_the_widget_with_the_channels_look(client: httpx.AsyncClient, db: Database) -> None:
    _, channel_id = await make_channel(db, heading="Acme help", accent="#0f766e", theme="dark", language="de")
    answer = await client.get(f"/widget/{channel_id}.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "max-age=300" in answer.headers["cache-control"]
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    given = json.loads(re.search(r"= (\{.*\});", answer.text)[1])  # type: ignore[index]
    assert given["channel"] == str(channel_id)
    assert given["look"] == {"heading": "Acme help", "accent": "#0f766e", "theme": "dark", "lang": "de"}
    script = await client.get(given["script"])
    assert script.status_code == 200
    assert "immutable" in script.headers["cache-control"]
    assert len(gzip.compress(script.content, 9)) <= MOST_SCRIPT_BYTES


async def test_the_script_runs_in_a_javascript_engine_whatever_the_name_of_the_channel(
    client: httpx.AsyncClient, db: Database, tmp_path: Path
) -> None:
    _, channel_id = await make_channel(db, heading='</script><script>alert(1)</script>"\u2028`${x}')
    file = tmp_path / "loader.js"
    file.write_text((await client.get(f"/widget/{channel_id}.js")).text)
    node = shutil.which("node")
    assert node
    check = await asyncio.create_subprocess_exec(node, "--check", str(file))
    assert await check.wait() == 0


@pytest.mark.parametrize(
    ("look", "left"),
    [
        ({"accent": "url(https://evil.example/a)"}, "accent"),
        ({"accent": "red;background:url(//evil.example)"}, "accent"),
        ({"accent": 7}, "accent"),
        ({"theme": "dark; x"}, "theme"),
        ({"language": '"><script>'}, "lang"),
    ],
)
async def test_a_look_that_is_no_look_is_left_out(client: httpx.AsyncClient, db: Database, look: dict[str, object], left: str) -> None:
    _, channel_id = await make_channel(db, **look)
    for address in (f"/widget/{channel_id}.js", f"/w/{channel_id}"):
        text = (await client.get(address)).text
        assert "evil" not in text
        assert "><script>" not in text
    assert f'"{left}"' not in (await client.get(f"/widget/{channel_id}.js")).text


@pytest.mark.parametrize("address", ["/widget/{}.js", "/w/{}"])
async def test_a_channel_that_is_switched_off_or_unknown_has_no_widget(client: httpx.AsyncClient, db: Database, address: str) -> None:
    _, off = await make_channel(db, enabled=False)
    for channel_id in (off, uuid4(), "x", "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E"):
        answer = await client.get(address.format(channel_id))
        assert answer.status_code == (400 if channel_id == "x" and "widget" in address else 404)
        assert "alert" not in answer.text


async def test_the_hosted_page_may_be_framed_by_the_channels_origins_only(client: httpx.AsyncClient, db: Database) -> None:
    _, listed = await make_channel(db, allowed_origins=[f"{SHOP}/", "http://localhost:3000"])
    policy = (await client.get(f"/w/{listed}")).headers["content-security-policy"]
    assert policy.endswith(f"frame-ancestors 'self' {SHOP} http://localhost:3000")
    assert "script-src 'self' 'nonce-" in policy
    assert "unsafe-inline" not in policy
    _, open_to_all = await make_channel(db)
    assert (await client.get(f"/w/{open_to_all}")).headers["content-security-policy"].endswith("frame-ancestors *")


@pytest.mark.parametrize(
    ("wished", "language", "direction"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de", "ltr"),
        ("pl;q=0.9,ar;q=0.8,en;q=0.1", "ar", "rtl"),
        ("xx,*;q=0.1", "en", "ltr"),
        ("", "en", "ltr"),
        ("en;q=nonsense,,;;;", "en", "ltr"),
    ],
)
async def test_the_hosted_page_speaks_the_visitors_language(
    client: httpx.AsyncClient, db: Database, wished: str, language: str, direction: str
) -> None:
    _, channel_id = await make_channel(db)
    page = (await client.get(f"/w/{channel_id}", headers={"Accept-Language": wished})).text
    assert f'<html lang="{language}" dir="{direction}">' in page


async def test_a_page_asks_before_it_writes_or_listens_and_only_listed_pages_may(client: httpx.AsyncClient, db: Database) -> None:
    _, channel_id = await make_channel(db, allowed_origins=[SHOP])
    for address in (f"/api/v2/chat/message?channel={channel_id}", f"/w/{channel_id}/events"):
        asked = await client.options(address, headers={"Origin": SHOP, "Access-Control-Request-Method": "POST"})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == SHOP
        assert "Authorization" in asked.headers["access-control-allow-headers"]
        assert asked.headers["vary"] == "Origin"
        for other in (
            "https://evil.example",
            "http://shop.example",
            "https://shop.example:444",
            "https://shop.example.evil.example",
            "null",
        ):
            refused = await client.options(address, headers={"Origin": other})
            assert refused.status_code == 403
            assert "access-control-allow-origin" not in refused.headers


async def test_without_a_list_every_page_may(client: httpx.AsyncClient, db: Database) -> None:
    _, channel_id = await make_channel(db)
    asked = await client.options(f"/w/{channel_id}/events", headers={"Origin": "https://anybody.example"})
    assert asked.headers["access-control-allow-origin"] == "https://anybody.example"
    assert "access-control-allow-credentials" not in asked.headers


async def test_a_listed_page_can_read_why_its_message_was_refused(client: httpx.AsyncClient, db: Database) -> None:
    _, channel_id = await make_channel(db, allowed_origins=[SHOP])
    address, message = f"/api/v2/chat/message?channel={channel_id}", {"channel_id": str(channel_id), "client_message_id": "m" * 32}
    refusals = [
        ({**message, "text": "x" * 5_000}, {}, 422),
        ({**message, "text": "hi"}, {"Authorization": "Bearer nonsense"}, 401),
        ({**message, "text": "hi", "role": "assistant"}, {}, 422),
        ({**message, "text": "hi", "conversation_id": str(uuid4())}, {}, 401),
    ]
    for body, headers, status in refusals:
        answer = await client.post(address, json=body, headers={"Origin": SHOP, **headers})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == SHOP
        hidden = await client.post(address, json=body, headers={"Origin": "https://evil.example", **headers})
        assert hidden.status_code >= 400
        assert "access-control-allow-origin" not in hidden.headers

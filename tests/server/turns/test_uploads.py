"""Files of customers, from the outside: sent, said, fetched; and what is refused."""

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select, update

from server.channels.tables import channels
from server.conversations import one_file
from server.conversations.tables import uploads
from server.conversations.uploads import drop_unused, files_of
from server.kit.db import Database
from server.kit.jobs import due_jobs
from server.kit.tables import jobs
from tests.conftest import Workspace
from tests.server.turns.bots import ECHO, flow_of, publish
from tests.server.turns.talk import Answer, post, say, texts

ROUTE = "/api/v2/chat/uploads"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
PHOTO = flow_of(
    {
        "ask": ("collect_file", {"text": "A photo, please.", "save_as": "photo", "kinds": "images"}),
        "done": ("send_message", {"text": "Got {{ photo.name }} ({{ photo.media_type }}, {{ photo.size }} bytes)."}),
        "bad": ("send_message", {"text": "That is no picture."}),
    },
    [("ask", "next", "done"), ("ask", "invalid", "bad")],
)


async def send(client: httpx.AsyncClient, answer: Answer | None, name: str, content: bytes, kind: str = "image/png") -> httpx.Response:
    headers = {"authorization": f"Bearer {answer['token']}"} if answer else {}
    return await client.post(ROUTE, files={"file": (name, content, kind)}, headers=headers)


async def test_a_file_is_sent_said_and_fetched(client: httpx.AsyncClient, db: Database, owner: Workspace) -> None:
    bot = await publish(db, PHOTO)
    first = await say(client, bot, start=True)
    sent = await send(client, first, "C:\\photos\\damage.png", PNG, "text/html")
    assert sent.status_code == 201, sent.text
    kept = sent.json()
    assert {name: kept[name] for name in ("name", "media_type", "size")} == {
        "name": "damage.png",
        "media_type": "image/png",
        "size": len(PNG),
    }
    second = await say(client, bot, first, attachments=[kept["id"]], text=" See here ", client_message_id="m1")
    again = await say(client, bot, first, attachments=[kept["id"]], text=" See here ", client_message_id="m1")
    assert again["messages"] == second["messages"]
    assert texts(second) == [f"Got damage.png (image/png, {len(PNG)} bytes)."]
    said = second["messages"][0]["body"]
    assert (said["type"], said["text"], said["file"]["id"]) == ("attachment", "See here", kept["id"])
    for url in (kept["url"], said["file"]["url"]):
        fetched = await client.get(url)
        assert fetched.content == PNG
        assert fetched.headers["content-type"] == "image/png"
        assert fetched.headers["x-content-type-options"] == "nosniff"
        assert fetched.headers["content-disposition"].startswith("attachment;")
        assert "sandbox" in fetched.headers["content-security-policy"]
    fresh = await client.get(f"{ROUTE}/{kept['id']}", headers={"authorization": f"Bearer {first['token']}"})
    assert (await client.get(fresh.json()["url"])).content == PNG
    assert (await client.get(kept["url"][:-4] + "AAAA")).status_code == 404
    assert (await owner.client.get(f"{ROUTE}/{kept['id']}")).status_code == 404  # of another workspace


async def test_several_files_go_with_one_message(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, PHOTO)
    first = await say(client, bot, start=True)
    ids = [(await send(client, first, name, PNG)).json()["id"] for name in ("a.png", "b.png")]
    second = await say(client, bot, first, attachments=ids)
    assert texts(second) == [f"Got a.png (image/png, {len(PNG)} bytes)."]
    body = second["messages"][0]["body"]
    assert (body["text"], body["file"]["name"], [one["name"] for one in body["others"]]) == ("a.png", "a.png", ["b.png"])


async def test_what_a_message_may_not_have(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, PHOTO)
    one, two = await say(client, bot, start=True), await say(client, bot, start=True)
    theirs = (await send(client, two, "a.png", PNG)).json()["id"]
    for attachments in ([theirs], [str(uuid4())]):
        refused = await post(client, bot, one, attachments=attachments)
        assert (refused.status_code, list(refused.json()["fields"])) == (422, ["attachments"])
    assert (await post(client, bot, one, attachments=[])).status_code == 422
    assert (await post(client, bot, one, attachments=[theirs], choice="x")).status_code == 422
    assert (await post(client, bot, None, attachments=[theirs])).status_code == 401
    read = await client.get(f"{ROUTE}/{theirs}", headers={"authorization": f"Bearer {one['token']}"})
    assert read.status_code == 404


async def test_who_may_send(client: httpx.AsyncClient, app: Litestar, db: Database, owner: Workspace) -> None:
    bot = await publish(db, ECHO)
    assert (await send(client, None, "a.png", PNG)).status_code == 401
    assert (await send(owner.client, None, "a.png", PNG)).status_code == 201
    first = await say(client, bot, start=True)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(channels).values(allowed_origins=["https://shop.example"]))
    app.state.chat_doors._channels.clear()
    headers = {"authorization": f"Bearer {first['token']}", "origin": "https://evil.example"}
    assert (await client.post(ROUTE, files={"file": ("a.png", PNG)}, headers=headers)).status_code == 403
    asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    before = await client.request("OPTIONS", f"{ROUTE}?channel={bot.channel_id}", headers=asked)
    assert (before.status_code, before.headers["access-control-allow-origin"]) == (204, "https://shop.example")
    taken = await client.post(ROUTE, files={"file": ("a.png", PNG)}, headers={**headers, "origin": "https://shop.example"})
    assert (taken.status_code, taken.headers["access-control-allow-origin"]) == (201, "https://shop.example")


async def test_a_file_that_nobody_says_is_forgotten(client: httpx.AsyncClient, app: Litestar, db: Database, tmp_path: Path) -> None:
    bot = await publish(db, PHOTO)
    first = await say(client, bot, start=True)
    said, unsaid = [UUID((await send(client, first, "a.png", PNG)).json()["id"]) for _ in range(2)]
    await say(client, bot, first, attachments=[str(said)])
    assert [row for row in await due_jobs(db) if row[0] == bot.tenant_id] == []  # a day from now
    async with db.tenant(bot.tenant_id) as conn:
        asked = (await conn.execute(select(jobs.c.name, jobs.c.args))).all()
    assert {(row.name, row.args["upload_id"]) for row in asked} == {
        ("conversations.drop_unused_upload", str(one)) for one in (said, unsaid)
    }
    store = files_of(app.state.settings)
    assert [await drop_unused(db, store, bot.tenant_id, one) for one in (said, unsaid)] == [False, True]
    async with db.tenant(bot.tenant_id) as conn:
        kept = list(await conn.scalars(select(uploads.c.id)))
    assert kept == [said]
    assert len([path for path in (tmp_path / "files").rglob("*") if path.is_file()]) == 1


async def test_a_conversation_has_room_for_so_many(client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.conversations.uploads.MOST_PER_CONVERSATION", 1)
    first = await say(client, await publish(db, ECHO), start=True)
    assert [(await send(client, first, "a.png", PNG)).status_code for _ in range(2)] == [201, 429]


# --- hostile files -----------------------------------------------------------------------------------------------------------------------

ROWS = [json.loads(line) for line in (Path(__file__).parents[2] / "data" / "uploads.jsonl").read_text().splitlines()]
# Where a row speaks of a job that reads the file later (202): here it is looked at at once, and kept or refused.
LOOKED_AT = {202: {201, 415}}


def _content(row: dict[str, Any]) -> bytes:
    given = row["input"]["content"]
    if "b64" in given:
        return base64.b64decode(given["b64"])
    if "py" in given:
        made: bytes = eval(given["py"], {"range": range})
        return made
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in given.get("zip_names", []):
            archive.writestr(name, "x")
        for name, text in (given.get("zip_file") or {}).items():
            archive.writestr(name, text)
        for name, target in (given.get("zip_symlink") or {}).items():
            link = zipfile.ZipInfo(name)
            link.external_attr = 0o120777 << 16
            archive.writestr(link, target)
    for _ in range(given.get("nested_zip_depth", 0)):
        inner, packed = packed.getvalue(), io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("inner.zip", inner)
    return packed.getvalue()


@pytest.fixture
async def speaker(client: httpx.AsyncClient, db: Database) -> Answer:
    return await say(client, await publish(db, PHOTO), start=True)


async def test_every_row_of_hostile_files(client: httpx.AsyncClient, speaker: Answer, tmp_path: Path) -> None:
    headers = {"authorization": f"Bearer {speaker['token']}", "content-type": "multipart/form-data; boundary=b"}
    failures = []
    for row in (row for row in ROWS if "content" in row["input"]):
        given = row["input"]
        name = given["filename"].encode()
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\nContent-Type: %s\r\n\r\n%s\r\n--b--\r\n'
        answer = await client.post(ROUTE, content=body % (name, given["content_type"].encode(), _content(row)), headers=headers)
        expected = set().union(*(LOOKED_AT.get(status, {status}) for status in row["status"]))
        if answer.status_code not in expected or ("\n" in answer.json().get("name", "")):
            failures.append((row["id"], answer.status_code, answer.text))
        if answer.status_code == 201:
            fetched = await client.get(answer.json()["url"])
            assert fetched.headers["content-type"].partition(";")[0] not in ("text/html", "image/svg+xml", "text/xml")
            assert "\n" not in fetched.headers["content-disposition"]
    assert not failures, "\n".join(map(str, failures))
    assert all(path.name.count("-") == 4 for path in (tmp_path / "files").rglob("*") if path.is_file())


async def test_shown_names(client: httpx.AsyncClient, speaker: Answer) -> None:
    sent = await send(client, speaker, "../../../../etc/passwd", b"x", "text/plain")
    assert sent.json()["name"] == "passwd"
    sent = await send(client, speaker, "<img src=x onerror=alert(1)>.txt", b"x", "text/plain")
    disposition = (await client.get(sent.json()["url"])).headers["content-disposition"]
    assert "<" not in disposition
    assert one_file.clean_name("a\u202egnp.exe") == "agnp.exe"
    assert one_file.clean_name("ä" * 200 + ".png") == "ä" * 125 + ".png"
    assert one_file.clean_name("CON.txt") == "CON.txt"


async def test_bodies_that_are_no_file(client: httpx.AsyncClient, speaker: Answer) -> None:
    headers = {"authorization": f"Bearer {speaker['token']}", "content-type": "multipart/form-data; boundary=b"}
    raw = next(row for row in ROWS if row["id"] == "UPL-032")["input"]["multipart_raw"]
    for body in (raw.encode(), b"", b"--b--\r\n", b"nothing"):
        answer = await client.post(ROUTE, content=body, headers=headers)
        assert answer.status_code in (400, 422), (body, answer.text)
    json_body = await client.post(
        ROUTE, json={"files": {"f": {"filepath": "/etc/passwd"}}}, headers={**headers, "content-type": "application/json"}
    )
    assert json_body.status_code == 415
    assert (await send(client, speaker, "a.txt", b"", "text/plain")).status_code == 415


async def test_too_much_is_refused_before_it_is_read(client: httpx.AsyncClient, speaker: Answer) -> None:
    read = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        while True:
            read += 1
            yield bytes(1024 * 1024)

    headers = {"authorization": f"Bearer {speaker['token']}", "content-type": "multipart/form-data; boundary=b"}
    announced = await client.post(ROUTE, content=b"", headers={**headers, "content-length": str(10**9)})
    assert announced.status_code == 413
    assert (await client.post(ROUTE, content=flood(), headers=headers)).status_code == 413
    assert read <= 27


async def test_a_slow_sender_is_not_waited_for(client: httpx.AsyncClient, speaker: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_file, "PATIENCE_S", 0.1)

    async def slow() -> AsyncIterator[bytes]:
        yield b"-"
        await asyncio.sleep(30)
        yield b"-"

    headers = {"authorization": f"Bearer {speaker['token']}", "content-type": "multipart/form-data; boundary=b"}
    answer = await client.post(ROUTE, content=slow(), headers=headers)
    assert answer.status_code == 408

"""Gestures on the canvas reach the draft and come back as the partials that the page needs."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.conftest import Workspace


class Editor:
    """One person drawing one flow over HTTP, as the browser does."""

    def __init__(self, client: httpx.AsyncClient, flow_id: str) -> None:
        self.client = client
        self.url = f"/flows/{flow_id}"
        self.api = f"/api/v1/flows/{flow_id}"
        self.rev = 1
        self.count = 0

    async def operate(self, *operations: dict[str, Any], rev: int | None = None, op_id: str = "") -> httpx.Response:
        self.count += 1
        batch = {"base_rev": self.rev if rev is None else rev, "op_id": op_id or f"o-{id(self)}-{self.count}", "ops": operations}
        return self.read(await self.client.post(f"{self.url}/ops", data={"batch": json.dumps(batch)}))

    def read(self, answer: httpx.Response) -> httpx.Response:
        if found := re.search(r'<meta id="rev" content="(\d+)">', answer.text):
            self.rev = int(found[1])
        return answer

    async def add(self, name: str, kind: str, x: int = 0, y: int = 0, **more: Any) -> httpx.Response:
        return await self.operate({"op": "add", "id": name, "type": kind, "x": x, "y": y, **more})

    async def connect(self, edge: str, source: str, port: str, target: str) -> httpx.Response:
        return await self.operate({"op": "connect", "id": edge, "source": source, "port": port, "target": target})

    async def save(self, node: str, **fields: Any) -> httpx.Response:
        return self.read(await self.client.post(f"{self.url}/nodes/{node}", data=fields))

    async def post(self, what: str) -> httpx.Response:
        return self.read(await self.client.post(f"{self.url}/{what}"))

    async def draft(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.client.get(f"{self.api}/draft")).raise_for_status().json()
        return answer["document"]


@pytest.fixture
async def editor(owner: Workspace) -> Editor:
    flow = (await owner.client.post("/api/v1/flows", json={"name": "Order help"})).raise_for_status().json()
    return Editor(owner.client, flow["id"])


def targets(answer: httpx.Response) -> list[tuple[str, str]]:
    """(target, swap) of every partial but those that come with each answer."""
    assert answer.status_code in (200, 409), answer.text
    found = re.findall(r'<hx-partial hx-target="([^"]+)" hx-swap="([^"]+)">', answer.text)
    return [one for one in found if one[0] not in ("#history", "#problems", "#problem-count", "#state", "#rev", "#live")]


async def test_the_editor_page_shows_the_canvas(editor: Editor) -> None:
    await editor.add("n-1", "send_message")
    page = await editor.client.get(editor.url)
    assert page.status_code == 200
    assert '<flow-node id="n-1"' in page.text


async def test_the_first_step_becomes_the_start(editor: Editor) -> None:
    answer = await editor.add("n-1", "send_message", 40, 80)
    assert targets(answer) == [("#nodes", "beforeend")]
    assert "Start" in answer.text
    draft = await editor.draft()
    assert draft["triggers"] == [{"id": "start", "type": "conversation_start", "node": "n-1"}]
    assert draft["nodes"]["n-1"]["position"] == {"x": 40, "y": 80}

"""One person drawing one flow over HTTP, as the browser does."""

import json
import re
from typing import Any

import httpx


class Editor:
    """The endpoints of the editor page of one flow."""

    def __init__(self, client: httpx.AsyncClient, flow_id: str) -> None:
        self.client = client
        self.flow_id = flow_id
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

    async def add(self, name: str, kind: str = "send_message", x: int = 0, y: int = 0, **more: Any) -> httpx.Response:
        return await self.operate({"op": "add", "id": name, "type": kind, "x": x, "y": y, **more})

    async def connect(self, edge: str, source: str, port: str, target: str, **more: Any) -> httpx.Response:
        return await self.operate({"op": "connect", "id": edge, "source": source, "port": port, "target": target}, **more)

    async def move(self, name: str, x: int, y: int, merge: str | None = None, **more: Any) -> httpx.Response:
        return await self.operate({"op": "move", "moves": [[name, x, y]], "merge": merge}, **more)

    async def save(self, node: str, **fields: Any) -> httpx.Response:
        return self.read(await self.client.post(f"{self.url}/nodes/{node}", data={"step_title": "Step", **fields}))

    async def post(self, what: str, **fields: Any) -> httpx.Response:
        return self.read(await self.client.post(f"{self.url}/{what}", data=fields))

    async def draft(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.client.get(f"{self.api}/draft")).raise_for_status().json()
        document: dict[str, Any] = answer["document"]
        return document


COMMON = ("#history", "#problems", "#problem-count", "#state", "#rev", "#live")


def targets(answer: httpx.Response) -> list[tuple[str, str]]:
    """(target, swap) of every partial but those that come with each answer."""
    assert answer.status_code in (200, 409), answer.text
    found: list[tuple[str, str]] = re.findall(r'<hx-partial hx-target="([^"]+)" hx-swap="([^"]+)">', answer.text)
    return [one for one in found if one[0] not in COMMON and "-problem" not in one[0]]


async def new_flow(client: httpx.AsyncClient, name: str = "Order help") -> Editor:
    """A new flow, opened."""
    flow = (await client.post("/api/v1/flows", json={"name": name})).raise_for_status().json()
    return Editor(client, flow["id"])


async def draw_tea(editor: Editor) -> None:
    """A flow that can be published: a message, then the end."""
    await editor.add("n-1")
    await editor.save("n-1", step_title="Welcome", text="Welcome to the tea house.")
    await editor.add("n-2", "end", 320, 0, source="n-1", port="next", edge="e-1")

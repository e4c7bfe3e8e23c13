"""A server whose first workspace is the instance's own, and which trusts the publisher acme."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from server.kit.settings import Settings
from tests.conftest import Workspace, client_of
from tests.server.plugins.making import KEY, packed, write_plugin

Install = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    """Settings that trust the tests' publisher."""
    return replace(settings, plugin_keys=frozenset({KEY.public.text}))


@pytest.fixture
async def instance(owner: Workspace, settings: Settings) -> Workspace:
    """The owner of the instance's own workspace."""
    note = {"tenant_id": str(owner.tenant_id), "member_id": str(owner.member_id)}
    (settings.data_dir / "owner.json").write_text(json.dumps(note))
    return owner


@pytest.fixture
def install(instance: Workspace, tmp_path: Path) -> Install:
    """Installs a plugin made by `making.write_plugin` and switches it on; what the route tells of it."""

    async def install(name: str, body: str = "", *, enable: bool = True, version: str = "1.0.0", **about: Any) -> dict[str, Any]:
        data = packed(write_plugin(tmp_path / f"source-{uuid4()}", name, body, version=version, **about))
        told: dict[str, Any] = (await upload(instance, data)).raise_for_status().json()
        if enable:
            told = (await instance.client.put(f"/api/v1/plugins/{told['id']}/enabled")).raise_for_status().json()
        return told

    return install


async def upload(who: Workspace, data: bytes) -> httpx.Response:
    """Send a plugin file to the JSON route."""
    return await who.client.post("/api/v1/plugins", content=data, headers={"content-type": "application/octet-stream"}, timeout=60)


async def publish(who: Workspace, document: dict[str, Any]) -> tuple[str, str]:
    """(flow, channel) of a flow that is live now."""
    flow = (await who.client.post("/api/v1/flows/import", json=document)).raise_for_status().json()["id"]
    published = await who.client.post(f"/api/v1/flows/{flow}/versions", json={})
    assert published.is_success, published.text
    return flow, published.json()["channel_id"]


class Customer:
    """Somebody who chats."""

    def __init__(self, app: Litestar, channel_id: str) -> None:
        self._client = client_of(app)
        self._channel_id = channel_id
        self._token: dict[str, str] = {}

    async def opens(self) -> list[str]:
        """What the bot says first."""
        return await self._post(start=True, contact={"id": str(uuid4()), "name": "Ada"})

    async def says(self, text: str) -> list[str]:
        """What the bot answers."""
        return await self._post(text=text)

    async def _post(self, **said: Any) -> list[str]:
        body = {"channel_id": self._channel_id, "client_message_id": str(uuid4()), **said}
        answer = await self._client.post("/api/v2/chat/message", json=body, headers=self._token, timeout=60)
        assert answer.is_success, answer.text
        told = answer.json()
        self._token = {"authorization": f"Bearer {told['token']}"} if "token" in told else self._token
        return [message["body"]["text"] for message in told["messages"] if message["direction"] == "out"]

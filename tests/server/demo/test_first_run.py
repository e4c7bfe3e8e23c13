"""The sample shop of a fresh `chatloom run` finds an order: intents learned, the order system reached through a worker."""

import re
from pathlib import Path

import httpx
import pytest

from server.kit.ids import uuid7
from tests.server.test_cli import LINK, chatloom_run, read_until, wait_for


class Visitor:
    """Somebody on the sample's chat page."""

    def __init__(self, client: httpx.Client, channel_id: str) -> None:
        self.client = client
        self.body: dict[str, object] = {"channel_id": channel_id, "contact": {"id": "visitor"}}

    def say(self, **said: object) -> str:
        """Everything the bot answers at once."""
        answer = self.client.post("/api/v2/chat/message", json={**self.body, "client_message_id": uuid7().hex, **said})
        found = answer.raise_for_status().json()
        self.body["conversation_id"] = found["conversation_id"]
        self.client.headers["authorization"] = f"Bearer {found['token']}"
        return "\n".join(message["body"]["text"] for message in found["messages"] if message["direction"] == "out")


def found(pattern: str, text: str) -> str:
    """The part of `text` that the pattern names."""
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing set but where the data goes."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "CHATLOOM_DATA_DIR": str(tmp_path / "data")}


def test_the_sample_flow_looks_up_an_order_on_its_own_server(environment: dict[str, str]) -> None:
    with chatloom_run(environment) as process:
        address, link = read_until(process, LINK.pattern).groups()
        with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as client:
            client.post("/sign-in/link", data={"token": link.partition("token=")[2]}, headers={"origin": address})
            flow = found(r"(/flows/[0-9a-f-]{36})", client.get("/flows").text)
            wait_for(lambda: "Live v1" in client.get(f"{flow}/state").text, 90)
            csrf = found(r'"X-CSRF-Token": "([^"]+)"', client.get(flow).text)
            published = client.post(f"{flow}/publish", headers={"x-csrf-token": csrf, "origin": address, "hx-request": "true"})
            visitor = Visitor(client, found(r"/w/([0-9a-f-]{36})", published.text))
            assert "Bloom & Bean" in visitor.say(start=True)
            assert "order number" in visitor.say(text="where is my order")
            assert "Order BB-1001 is on its way" in visitor.say(text="BB-1001")

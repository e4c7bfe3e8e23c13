"""A folder that `chatloom channel new` wrote is a kind of channel everywhere, with no other file touched: list, wizard, preview, checks."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import server.channels
from server.channels import about, contract, likeness
from server.channels.conformance import complaints
from server.channels.scaffold import new_channel
from tests.conftest import Workspace

KIND = "carrier_pigeon"
CACHES = (about.kinds, about.about_of, contract.adapter_of, likeness.button_room)
AS_WORDS = "return [{"
WITH_BUTTONS = """choices = [choice["label"] for choice in body.get("choices", ())]
        if choices:
            shown = {"list": {"rows": choices}} if len(choices) > 2 else {"buttons": choices}
            return [{"text": body["text"], **shown}]
        """


@pytest.fixture
def pigeon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a new kind beside those of the others: it has two buttons, or else a list."""
    for described in about.HERE.glob("*/channel.json"):
        (tmp_path / described.parent.name).symlink_to(described.parent)
    folder = new_channel(KIND, tmp_path)
    code = (folder / "adapter.py").read_text()
    assert code.count(AS_WORDS) == 1
    (folder / "adapter.py").write_text(code.replace(AS_WORDS, WITH_BUTTONS + AS_WORDS))
    monkeypatch.setattr(about, "HERE", tmp_path)
    monkeypatch.setattr(contract, "HERE", tmp_path)
    monkeypatch.setattr(server.channels, "__path__", [*server.channels.__path__, str(tmp_path)])
    for cached in CACHES:
        cached.cache_clear()
    yield folder
    for cached in CACHES:
        cached.cache_clear()
    for name in [name for name in sys.modules if name.startswith(f"server.channels.{KIND}")]:
        del sys.modules[name]


async def test_it_is_there_wherever_channels_are(pigeon: Path, owner: Workspace) -> None:
    assert complaints(pigeon) == []
    assert "Carrier pigeon" in (await owner.client.get("/channels")).raise_for_status().text
    wizard = (await owner.client.get(f"/channels/new/{KIND}")).raise_for_status().text
    assert "Address for the bot&#39;s messages" in wizard
    labels = [f"Loft {number}" for number in (1, 2, 3)]
    choices = [{"value": label, "label": label} for label in labels]
    document = {
        "schema_version": 1,
        "name": "Lofts",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "n1"}],
        "nodes": {"n1": {"type": "offer_choices", "title": "Where", "settings": {"text": "Where to?", "choices": choices}}},
        "edges": {},
    }
    flow = (await owner.client.post("/api/v1/flows/import", json=document)).raise_for_status().json()["id"]
    settings = {"url": "https://loft.example.com/messages"}
    new = {"kind": KIND, "name": "Loft", "flow_id": flow, "settings": settings, "secrets": {"signing_secret": "coo"}}
    added = (await owner.client.post("/api/v1/channels", json=new)).raise_for_status().json()
    assert f"/hooks/{KIND}/" in added["hook_url"]

    said = {"kind": KIND, "text": "Where to?", "choices": choices}
    shown = (await owner.client.post("/api/v1/channel-previews", json=said)).raise_for_status().json()
    assert shown["parts"] == [{"text": "Where to?", "list": {"rows": labels}}]

    found = (await owner.client.get(f"/api/v1/flows/{flow}/problems")).raise_for_status().json()["data"]
    (warning,) = [problem for problem in found if problem["code"] == "buttons_become_list"]
    assert warning["message"] == 'Carrier pigeon has room for 2 buttons: "Loft 3" does not fit, so all become a list to be opened.'
    column = (await owner.client.get(f"/flows/{flow}/nodes/n1/channels")).raise_for_status().text.partition(f'data-kind="{KIND}"')[2]
    assert "In use" in column.partition("</li>")[0]
    assert column.index("Loft 3") < column.index("Exactly what is sent")

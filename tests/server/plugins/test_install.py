"""Plugins come and go while the server runs: installed by the instance's owner, switched on by each workspace, kept while they are used."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from sqlalchemy import delete

from server.kit.settings import Settings
from server.plugins.shelf import shelf
from server.plugins.tables import plugins
from server.plugins.watch import TOPIC, watching
from tests.conftest import Workspace
from tests.server.plugins.conftest import Customer, Install, publish, upload
from tests.server.plugins.making import KEY, flow_with, packed, write_plugin


async def palette(who: Workspace) -> str:
    flow = (await who.client.post("/api/v1/flows", json={"name": "Empty"})).raise_for_status().json()["id"]
    return (await who.client.get(f"/flows/{flow}")).raise_for_status().text


async def test_a_plugin_is_installed_switched_on_and_answers_without_a_restart(
    app: Litestar, instance: Workspace, install: Install
) -> None:
    assert (await instance.client.get("/api/v1/plugins")).json() == {"data": [], "next": None}
    told = await install("shout", enable=False, title="Shouting", network=["api.example.com"])
    assert (told["title"], told["version"], told["enabled"], told["trouble"]) == ("Shouting", "1.0.0", False, "")
    assert told["publisher"] == f"acme ({KEY.public.id})"
    assert [node["type"] for node in told["nodes"]] == ["shout"]
    assert 'data-type="shout"' not in await palette(instance)
    (await instance.client.put(f"/api/v1/plugins/{told['id']}/enabled")).raise_for_status()
    page = await palette(instance)
    assert 'data-type="shout"' in page
    assert "/plugins/icons.svg#node-shout" in page
    assert 'id="node-shout"' in (await instance.client.get("/plugins/icons.svg")).raise_for_status().text
    _, channel = await publish(instance, flow_with("shout"))
    customer = Customer(app, channel)
    assert await customer.opens() == ["Say something."]
    assert await customer.says("hello") == ["HI HELLO", "Say something."]
    assert await customer.says("again") == ["HI AGAIN", "Say something."]


async def test_a_workspace_that_has_not_switched_it_on_cannot_use_it(instance: Workspace, other_owner: Workspace, install: Install) -> None:
    told = await install("shout")
    flow = (await other_owner.client.post("/api/v1/flows/import", json=flow_with("shout"))).raise_for_status().json()["id"]
    refused = await other_owner.client.post(f"/api/v1/flows/{flow}/versions", json={})
    assert refused.status_code == 422
    assert "unknown_node_type" in refused.text
    assert (await other_owner.client.get(f"/api/v1/plugins/{told['id']}")).json()["enabled"] is False
    (await other_owner.client.put(f"/api/v1/plugins/{told['id']}/enabled")).raise_for_status()
    assert (await other_owner.client.post(f"/api/v1/flows/{flow}/versions", json={})).is_success


async def test_only_the_instances_owner_installs_and_removes(
    instance: Workspace, other_owner: Workspace, install: Install, tmp_path: Path
) -> None:
    told = await install("shout")
    for refused in (
        await upload(other_owner, packed(write_plugin(tmp_path / "mine", "mine"))),
        await other_owner.client.delete(f"/api/v1/plugins/{told['id']}"),
    ):
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:chatloom:not_instance_owner")
    assert len((await instance.client.get("/api/v1/plugins")).json()["data"]) == 1


async def test_without_an_instance_workspace_nobody_installs(owner: Workspace, tmp_path: Path) -> None:
    assert (await upload(owner, packed(write_plugin(tmp_path, "shout")))).status_code == 403


@pytest.mark.parametrize(
    ("change", "code", "why"),
    [
        ({"key": None}, "plugin_unsigned", "chatloom node pack --key"),
        ({"name": "end"}, "plugin_type_taken", "There is a step of the type end already"),
        ({"help": "short"}, "plugin_fails", "help.md"),
        ({"body": "import socket"}, "plugin_fails", "imports socket"),
        ({"calls": ["rate"]}, "plugin_fails", "calls.py has no function rate"),
        ({"code": "raise RuntimeError('no')"}, "plugin_fails", "RuntimeError"),
    ],
)
async def test_a_plugin_that_is_not_good_is_refused_with_a_sentence(
    instance: Workspace, tmp_path: Path, change: dict[str, Any], code: str, why: str
) -> None:
    name = change.get("name", "shout")
    folder = write_plugin(tmp_path, name, change.get("body", ""), calls=change.get("calls", []))
    (folder / "calls.py").write_text("")
    if "help" in change:
        (folder / name / "help.md").write_text(change["help"])
    if "code" in change:
        (folder / name / "node.py").write_text(change["code"])
    refused = await upload(instance, packed(folder, change.get("key", KEY)))
    assert (refused.status_code, refused.json()["type"]) == (422, f"urn:chatloom:{code}"), refused.text
    assert why in refused.json()["detail"]
    assert (await instance.client.get("/api/v1/plugins")).json()["data"] == []


async def test_an_empty_body_is_told(instance: Workspace) -> None:
    assert (await upload(instance, b"")).json()["type"] == "urn:chatloom:no_file"


async def test_a_new_version_takes_over_between_two_messages(app: Litestar, instance: Workspace, install: Install) -> None:
    first = await install("shout")
    _, channel = await publish(instance, flow_with("shout"))
    customer = Customer(app, channel)
    await customer.opens()
    assert (await customer.says("one"))[0] == "HI ONE"
    second = await install("shout", "text = text.replace('hi two', 'new hi two')", enable=False, version="1.1.0")
    assert (second["id"], second["version"], second["enabled"]) == (first["id"], "1.1.0", True)
    assert (await customer.says("two"))[0] == "NEW HI TWO"


async def test_the_same_again_and_the_same_version_with_other_content_are_told_apart(
    instance: Workspace, install: Install, tmp_path: Path
) -> None:
    await install("shout")
    again = await upload(instance, packed(write_plugin(tmp_path / "a", "shout")))
    assert (again.status_code, again.json()["type"]) == (409, "urn:chatloom:plugin_installed")
    other = await upload(instance, packed(write_plugin(tmp_path / "b", "shout", "text = 'x'")))
    assert (other.status_code, other.json()["type"]) == (422, "urn:chatloom:plugin_same_version")


async def test_an_upgrade_without_a_step_that_is_published_is_refused_and_says_where(
    instance: Workspace, install: Install, tmp_path: Path
) -> None:
    await install("shout")
    await publish(instance, flow_with("shout"))
    folder = write_plugin(tmp_path, "whisper", version="2.0.0")
    about = folder / "plugin.json"
    about.write_text(about.read_text().replace("whisper", "shout"))
    refused = await upload(instance, packed(folder))
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:chatloom:plugin_in_use")
    assert '"Uses shout"' in refused.json()["detail"]


async def test_a_newer_version_of_a_step_upgrades_the_settings_of_published_flows(
    app: Litestar, instance: Workspace, install: Install, tmp_path: Path
) -> None:
    await install("shout")
    _, channel = await publish(instance, flow_with("shout"))
    customer = Customer(app, channel)
    await customer.opens()
    folder = write_plugin(tmp_path, "shout", version="2.0.0")
    about = folder / "shout" / "node.json"
    about.write_text(about.read_text().replace('"version": 1', '"version": 2'))
    without = await upload(instance, packed(folder))
    assert (without.status_code, without.json()["type"]) == (422, "urn:chatloom:plugin_fails")
    with (folder / "shout" / "node.py").open("a") as code:
        code.write('\n\nUPGRADES = {1: lambda settings: {**settings, "text": settings["text"] + "!"}}\n')
    (await upload(instance, packed(folder))).raise_for_status()
    assert (await customer.says("two"))[0] == "HI TWO!"


async def test_what_published_flows_use_is_neither_switched_off_nor_removed(
    app: Litestar, instance: Workspace, other_owner: Workspace, install: Install
) -> None:
    told = await install("shout")
    flow, _ = await publish(instance, flow_with("shout"))
    (await other_owner.client.put(f"/api/v1/plugins/{told['id']}/enabled")).raise_for_status()
    await publish(other_owner, {**flow_with("shout"), "name": "Their secret flow"})
    off = await instance.client.delete(f"/api/v1/plugins/{told['id']}/enabled")
    assert (off.status_code, off.json()["type"]) == (409, "urn:chatloom:plugin_in_use")
    assert '"Uses shout"' in off.json()["detail"]
    removed = await instance.client.delete(f"/api/v1/plugins/{told['id']}")
    assert removed.status_code == 409
    assert 'The published flow "Uses shout" and 1 published flow of other workspaces use steps' in removed.json()["detail"]
    assert "secret" not in removed.text
    for who, one in ((instance, flow), (other_owner, (await other_owner.client.get("/api/v1/flows")).json()["data"][0]["id"])):
        (await who.client.delete(f"/api/v1/flows/{one}")).raise_for_status()
    (await instance.client.delete(f"/api/v1/plugins/{told['id']}/enabled")).raise_for_status()
    (await instance.client.delete(f"/api/v1/plugins/{told['id']}")).raise_for_status()
    assert "shout" not in shelf().library
    assert (await instance.client.get(f"/api/v1/plugins/{told['id']}")).status_code == 404
    again = await install("shout", enable=False)
    assert again["enabled"] is False, "what was on before it was removed is not on again by itself"


async def test_another_process_takes_it_up_and_checks_the_signature_itself(
    app: Litestar, instance: Workspace, install: Install, settings: Settings
) -> None:
    await install("shout")
    state = app.state
    async with watching(
        state.db, state.live, replace(settings, data_dir=settings.data_dir / "other", instance_workspace=instance.tenant_id)
    ):
        assert "shout" in shelf().library
    async with watching(
        state.db,
        state.live,
        replace(settings, plugin_keys=frozenset(), data_dir=settings.data_dir / "third", instance_workspace=instance.tenant_id),
    ):
        assert "shout" not in shelf().library
        assert "does not trust" in shelf().plugins[0].trouble


async def test_news_of_another_process_are_taken_up_at_once(app: Litestar, instance: Workspace, install: Install) -> None:
    await install("shout")
    async with app.state.db.tenant(instance.tenant_id) as conn:
        await conn.execute(delete(plugins))
    async with asyncio.timeout(8):
        while "shout" in shelf().library:
            await app.state.live.publish(instance.tenant_id, TOPIC, {"kind": "plugins"})
            await asyncio.sleep(0.05)

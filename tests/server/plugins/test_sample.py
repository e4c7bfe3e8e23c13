"""The sample plugin on a server: its step decides, its call runs in its own process and reaches the hosts of its manifest only."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar

from server.kit.jobs import Resources, due_jobs, run_job
from server.kit.settings import Settings
from server.turns.runner import Runner
from server.worker import load_jobs
from tests.conftest import Workspace
from tests.fakes.scripted import ScriptedWorld, Told
from tests.server.plugins.conftest import Customer, publish, upload
from tests.server.plugins.making import packed

SAMPLE = Path(__file__).parents[3] / "examples" / "iban"


@pytest.fixture
def world() -> Iterator[ScriptedWorld]:
    """The service that knows banks."""
    with ScriptedWorld() as world:
        yield world


@pytest.fixture
async def settings(settings: Settings, world: ScriptedWorld) -> Settings:
    """Settings that let calls reach it."""
    return replace(settings, outbound_allow=frozenset({world.host}))


@pytest.fixture
async def working(app: Litestar) -> AsyncIterator[None]:
    """A runner, and hands that do every job."""
    load_jobs()
    stop, state = asyncio.Event(), app.state
    running = asyncio.create_task(Runner(state.turns).run(stop))

    async def work() -> None:
        resources = Resources(state.settings, state.db, state.redis, state.live, state.vault, state.http)
        while True:
            for tenant_id, job_id in await due_jobs(state.db):
                await run_job(resources, tenant_id, job_id)
            await asyncio.sleep(0.05)

    doing = asyncio.create_task(work())
    yield
    doing.cancel()
    with suppress(asyncio.CancelledError):
        await doing
    stop.set()
    await running


async def install_sample(instance: Workspace, tmp_path: Path, service: str, network: str) -> None:
    """The sample, with the address of its service replaced by the one of the test."""
    folder = tmp_path / "iban"
    shutil.copytree(SAMPLE, folder)
    for name, old, new in (("calls.py", "https://openiban.com", service), ("plugin.json", '"openiban.com"', f'"{network}"')):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    told = (await upload(instance, packed(folder))).raise_for_status().json()
    assert told["calls"] == ["plugin.iban.bank"]
    (await instance.client.put(f"/api/v1/plugins/{told['id']}/enabled")).raise_for_status()


def bank_bot() -> dict[str, Any]:
    """Asks for an account, checks it, finds its bank."""
    nodes = {
        "ask": ("ask_question", {"text": "Which account?", "save_as": "answer"}),
        "check": ("check_iban", {"iban": "{{ answer }}", "save_as": "iban"}),
        "again": ("send_message", {"text": "That is no IBAN."}),
        "bank": ("find_bank", {"iban": "{{ iban }}", "save_as": "bank"}),
        "tell": ("send_message", {"text": "{{ bank.name }} ({{ bank.bic }})"}),
        "sorry": ("send_message", {"text": "{{ error.kind }}: {{ error.message }}"}),
    }
    joints = [("ask", "next", "check"), ("check", "invalid", "again"), ("again", "next", "ask"), ("check", "valid", "bank")]
    joints += [("bank", "found", "tell"), ("bank", "failed", "sorry"), ("tell", "next", "ask"), ("sorry", "next", "ask")]
    return {
        "schema_version": 1,
        "name": "Banks",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "ask"}],
        "variables": {"answer": {"type": "text"}, "iban": {"type": "text"}, "bank": {"type": "object"}},
        "nodes": {name: {"type": type, "settings": settings} for name, (type, settings) in nodes.items()},
        "edges": {f"e{n}": {"source": source, "port": port, "target": target} for n, (source, port, target) in enumerate(joints)},
    }


@pytest.mark.usefixtures("working")
async def test_the_sample_checks_an_account_and_finds_its_bank(
    app: Litestar, instance: Workspace, world: ScriptedWorld, tmp_path: Path
) -> None:
    await install_sample(instance, tmp_path, world.url, world.host)
    _, channel = await publish(instance, bank_bot())
    customer = Customer(app, channel)
    await customer.opens()
    assert await customer.says("GB82 TEST 1234 5698 7654 32") == ["That is no IBAN.", "Which account?"]
    world.tell(Told(status=200, body={"bankData": {"name": "Commerzbank", "bic": "COBADEFFXXX"}}))
    assert await customer.says("de89 3704 0044 0532 0130 00") == ["Commerzbank (COBADEFFXXX)", "Which account?"]
    world.tell(Told(status=200, body={"bankData": {}}))
    assert await customer.says("GB82 WEST 1234 5698 7654 32") == ["unknown_bank: Nobody knows this bank.", "Which account?"]


@pytest.mark.usefixtures("working")
async def test_a_host_that_is_not_in_the_manifest_is_not_reached(
    app: Litestar, instance: Workspace, world: ScriptedWorld, tmp_path: Path
) -> None:
    await install_sample(instance, tmp_path, world.url, "openiban.com")
    _, channel = await publish(instance, bank_bot())
    customer = Customer(app, channel)
    await customer.opens()
    said = await customer.says("de89 3704 0044 0532 0130 00")
    assert said[0].startswith("refused: The plugin may reach openiban.com, not ")

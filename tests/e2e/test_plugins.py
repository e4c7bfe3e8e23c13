"""The plugin page in a browser: empty, installing, refusing, switching on and off, removing; by keyboard, in both themes, on a phone."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from server.kit.settings import Settings
from server.plugins.keys import SigningKey
from tests.e2e.conftest import Complaints, Person, Served, serving
from tests.e2e.flows import import_flow
from tests.e2e.test_pages_axe import check, go
from tests.server.plugins.making import KEY, flow_with, packed, write_plugin

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PAGE = "/settings/plugins"


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    """Settings that trust the tests' publisher."""
    return replace(settings, plugin_keys=frozenset({KEY.public.text}))


@pytest_asyncio.fixture(loop_scope="module")
async def served(settings: Settings) -> AsyncIterator[Served]:
    """A server for each test: what is installed, all its workspaces share."""
    async with serving(settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def instance(person: Person, settings: Settings) -> None:
    """The signed-in person's workspace is the instance's own."""
    note = {"tenant_id": str(person.tenant_id), "member_id": str(person.member_id)}
    (settings.data_dir / "owner.json").write_text(json.dumps(note))


def plugin_file(folder: Path, version: str = "1.0.0", key: SigningKey | None = KEY) -> Path:
    """A plugin on disk, to be uploaded."""
    about = {"title": "Shouting", "summary": "Says things aloud.", "network": ["api.example.com"]}
    file = folder / f"shout-{version}.plugin"
    file.write_bytes(packed(write_plugin(folder / str(uuid4()), "shout", version=version, **about), key))
    return file


async def choose(page: Page, file: Path) -> None:
    await page.get_by_label("Plugin file").set_input_files(file)
    await page.get_by_role("button", name="Install").click()


@pytest.mark.usefixtures("instance")
async def test_install_switch_on_use_upgrade_and_remove(page: Page, complaints: Complaints, tmp_path: Path) -> None:
    await page.goto(PAGE)
    await expect(page.get_by_role("heading", name="No plugin is installed")).to_be_visible()
    await expect(page.locator("#plugins")).to_contain_text("chatloom node new my_step")

    await choose(page, plugin_file(tmp_path, key=None))
    await expect(page.get_by_role("alert")).to_contain_text("The plugin is not signed.")

    await choose(page, plugin_file(tmp_path))
    row = page.get_by_role("row", name="Shouting")
    await expect(row).to_contain_text("1.0.0")
    await expect(row).to_contain_text("acme")
    await expect(row).to_contain_text("Reaches api.example.com")
    await expect(row.get_by_text("Off", exact=True)).to_be_visible()
    await expect(page.locator("#toasts")).to_contain_text("Shouting 1.0.0 is installed")

    await row.get_by_role("button", name="Switch on: Shouting").press("Enter")
    await expect(row.get_by_text("On", exact=True)).to_be_visible()
    flow = await import_flow(page, flow_with("shout"))
    await page.goto(f"/flows/{flow}")
    item = page.locator('.pitem[data-type="shout"]')
    await expect(item).to_contain_text("Shout")
    assert await item.locator("use").get_attribute("href") == "/plugins/icons.svg#node-shout"
    await page.locator("#publish-open").click()
    await page.locator("#publish-body").get_by_role("button", name="Publish").click()
    await expect(page.locator("#publish-body")).to_contain_text("Version 1 is live.")

    await page.goto(PAGE)
    await row.get_by_role("button", name="Switch off: Shouting").click()
    await expect(page.get_by_role("alert")).to_contain_text('The published flow "Uses shout" use')

    await choose(page, plugin_file(tmp_path, "1.1.0"))
    await expect(row).to_contain_text("1.1.0")
    await expect(row.get_by_text("On", exact=True)).to_be_visible()

    await row.get_by_role("button", name="Remove: Shouting").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(row).to_be_visible()
    await row.get_by_role("button", name="Remove: Shouting").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("alert")).to_contain_text("Publish them without those steps first")
    assert complaints == []


@pytest.mark.usefixtures("instance")
async def test_a_plugin_that_nobody_uses_goes_away(page: Page, tmp_path: Path) -> None:
    await page.goto(PAGE)
    await choose(page, plugin_file(tmp_path))
    await page.get_by_role("button", name="Remove: Shouting").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("heading", name="No plugin is installed")).to_be_visible()


async def test_somebody_who_may_not_install_is_told_who_may(page: Page) -> None:
    await page.goto(PAGE)
    await expect(page.locator("#plugins")).to_contain_text("CHATLOOM_INSTANCE_WORKSPACE")
    await expect(page.get_by_label("Plugin file")).to_have_count(0)
    await check(page, partial(go, page, PAGE))


@pytest.mark.usefixtures("instance")
async def test_nothing_keeps_anybody_out(page: Page, tmp_path: Path) -> None:
    await check(page, partial(go, page, PAGE))

    async def refused() -> None:
        await page.goto(PAGE)
        await choose(page, plugin_file(tmp_path, key=None))
        await expect(page.get_by_role("alert")).to_be_visible()

    await check(page, refused)
    await page.goto(PAGE)
    await choose(page, plugin_file(tmp_path))
    await page.get_by_role("button", name="Switch on: Shouting").click()
    await expect(page.get_by_text("On", exact=True)).to_be_visible()
    await check(page, partial(go, page, PAGE))

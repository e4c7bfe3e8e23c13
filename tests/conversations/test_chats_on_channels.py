"""The same script on every channel: the server's real doors, against a fake of each provider that enforces its limits."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from litestar import Litestar

from server.channels.about import kinds
from server.kit.settings import Settings
from server.turns.runner import Runner
from tests.conftest import Workspace
from tests.conversations.channel_driver import ChannelDriver
from tests.conversations.chat_script import CHANNEL_SCRIPT, WORDS_ONLY_SCRIPT, play, read_script
from tests.fakes.channels import every_provider
from tests.fakes.channels.provider import FakeProvider
from tests.fakes.scripted import ScriptedWorld


@pytest.fixture(params=every_provider(), ids=lambda fake: fake.kind)
def provider(request: pytest.FixtureRequest) -> Iterator[FakeProvider]:
    with request.param() as fake:
        yield fake


@pytest.fixture
async def settings(settings: Settings, provider: FakeProvider) -> Settings:
    """Settings that let the server call the provider."""
    return replace(settings, outbound_allow=settings.outbound_allow | {provider.host})


def test_every_kind_with_a_provider_is_played_on() -> None:
    own = {"web", "webhook"}  # the widget's chats are played in the browser; a webhook is whatever its owner makes of it
    assert {fake.kind for fake in every_provider()} == {about.kind for about in kinds()} - own


async def test_chat_goes_as_written(provider: FakeProvider, app: Litestar, owner: Workspace, runner: Runner, world: ScriptedWorld) -> None:
    driver = ChannelDriver(provider, app, owner, runner, world)
    await play(read_script(CHANNEL_SCRIPT if provider.gives_files else WORDS_ONLY_SCRIPT), driver)
    if not provider.gives_files:
        return
    file = (await driver.file()).raise_for_status()
    assert file.content.startswith(b"%PDF")
    assert file.headers["content-disposition"].startswith("attachment")
    assert (await driver.client.get(file.request.url.path[:-2] + "xx")).status_code == 404

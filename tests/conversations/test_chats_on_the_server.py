"""The scripts at their second depth: the whole server over HTTP, with real calls, jobs, timers, models and intents."""

from pathlib import Path

import pytest
from litestar import Litestar

from server.turns.runner import Runner
from tests.conftest import Workspace
from tests.conversations.chat_script import SCRIPTS, names, play, read_script
from tests.conversations.server_driver import ServerDriver
from tests.fakes.scripted import ScriptedWorld


@pytest.mark.parametrize("path", SCRIPTS, ids=names(SCRIPTS))
async def test_chat_goes_as_written(path: Path, app: Litestar, owner: Workspace, runner: Runner, world: ScriptedWorld) -> None:
    await play(read_script(path), ServerDriver(app, owner, runner, world))

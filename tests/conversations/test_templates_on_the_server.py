"""The templates of the gallery at their second depth: the whole server over HTTP.

Calls that this server has no room for are answered by the script, where it says so; otherwise the server says what is missing.
"""

from pathlib import Path

import pytest
from litestar import Litestar

from server.kit import calls
from server.turns.kinds import answerer_of, performer_of
from server.turns.runner import Runner
from tests.conftest import Workspace
from tests.conversations.chat_script import TEMPLATE_SCRIPTS, names, play, read_script
from tests.conversations.server_driver import ServerDriver
from tests.fakes.scripted import ScriptedWorld


@pytest.mark.parametrize("path", TEMPLATE_SCRIPTS, ids=names(TEMPLATE_SCRIPTS))
async def test_template_talks_as_written(
    path: Path, app: Litestar, owner: Workspace, runner: Runner, world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = read_script(path)
    driver = ServerDriver(app, owner, runner, world)
    for kind in script.kinds_answered:
        if performer_of(kind) is None and answerer_of(kind) is None:
            monkeypatch.setitem(calls.performers, kind, calls.Performing(driver.pretended, in_process=False))
    await play(script, driver)

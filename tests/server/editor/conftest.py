"""A flow to draw on."""

import pytest

from tests.conftest import Workspace
from tests.server.editor.drawing import Editor, new_flow


@pytest.fixture
async def editor(owner: Workspace) -> Editor:
    """A new flow of the workspace, opened by its owner."""
    return await new_flow(owner.client)

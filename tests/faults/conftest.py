"""The turns of a web process, for the checker's own tests."""

import pytest
from litestar import Litestar

from server.turns.engine import Turns


@pytest.fixture
def turns(app: Litestar) -> Turns:
    """The turns of the web process."""
    found: Turns = app.state.turns
    return found

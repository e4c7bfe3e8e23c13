"""The installation that is hurt, started once for all tests of a process; and the turns of a web process for the checker's own tests."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from statistics import median

import pytest
from litestar import Litestar

from server.kit.db import Database
from server.turns.engine import Turns
from tests.faults.place import Place, open_place

Seconds = defaultdict[str, list[float]]
RECOVERIES = pytest.StashKey[Seconds]()


@pytest.fixture
def turns(app: Litestar) -> Turns:
    """The turns of the web process."""
    found: Turns = app.state.turns
    return found


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Servers and processes for every test that hurts them."""
    with open_place(tmp_path_factory.mktemp("hurt")) as opened:
        yield opened


@pytest.fixture
def place(installation: Place) -> Place:
    """The installation, whole again."""
    installation.mend()
    return installation


@pytest.fixture
async def place_db(place: Place) -> AsyncIterator[Database]:
    """The application's doors to the database of the installation."""
    database = Database(place.settings.database_url or "", pool_size=4)
    yield database
    await database.close()


@pytest.fixture
def record_recovery(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Notes after what, and how many seconds later, everybody was served again; told at the end of the run."""
    seconds: Seconds = request.config.stash.setdefault(RECOVERIES, defaultdict(list))
    return lambda what, took: seconds[what].append(took)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Recovery times by what was killed."""
    for what, took in sorted(config.stash.get(RECOVERIES, defaultdict(list)).items()):
        terminalreporter.write_line(f"recovered: {what}: {len(took)} times, median {median(took):.1f} s, longest {max(took):.1f} s")

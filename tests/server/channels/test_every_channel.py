"""Every folder of a channel passes the conformance tests; nothing here names one."""

from pathlib import Path

import pytest

import server.channels
from server.channels.conformance import complaints

FOLDERS = sorted(path.parent for path in Path(server.channels.__file__).parent.glob("*/channel.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_there_is_nothing_to_complain_about(folder: Path) -> None:
    assert complaints(folder) == []

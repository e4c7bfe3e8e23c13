"""Each kind of channel says what it can show, for the checks of flows."""

from pathlib import Path

import server.channels
from server.channels.limits import limits_of

KINDS = [path.parent.name for path in Path(server.channels.__file__).parent.glob("*/__init__.py")]


def test_every_kind_has_its_limits() -> None:
    assert "web" in KINDS
    for kind in KINDS:
        limits = limits_of(kind)
        assert limits is not None
        assert limits.kind == kind
        assert limits.title


def test_an_unknown_kind_has_none() -> None:
    assert limits_of("pigeon") is limits_of("../web") is None

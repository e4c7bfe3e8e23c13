"""A page marker comes back as it went out."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from server.kit.cursors import read_cursor, write_cursor
from server.kit.errors import Problem

PLACE = (datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), UUID(int=7), 3)


def test_the_values_come_back_with_their_types() -> None:
    word = write_cursor(*PLACE)
    assert word.isascii()
    assert "=" not in word
    assert read_cursor(word, tuple[datetime, UUID, int]) == PLACE


@pytest.mark.parametrize(
    "damaged", ["", "%%", "é", "bm9wZQ", write_cursor(*PLACE)[:-3], write_cursor("a", "b", "c"), write_cursor(*PLACE, 4)]
)
def test_anything_else_is_refused(damaged: str) -> None:
    with pytest.raises(Problem) as refused:
        read_cursor(damaged, tuple[datetime, UUID, int])
    assert (refused.value.status, refused.value.code) == (422, "bad_cursor")

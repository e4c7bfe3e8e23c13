"""What a log line tells of an error."""

import logging

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from server.kit.db import Database
from server.kit.logs import DiscreetFormatter, start_log


def written(error: BaseException) -> str:
    info = (type(error), error, error.__traceback__)
    return DiscreetFormatter("%(message)s").format(logging.LogRecord("turns", logging.ERROR, "here.py", 1, "a turn failed", None, info))


async def test_the_row_that_the_database_refused_stays_out(db: Database) -> None:
    refusal = (
        "do $$ begin raise check_violation using message = 'the row is refused', detail = 'Failing row contains (my card is 4111).'; end $$"
    )
    with pytest.raises(IntegrityError) as caught:
        async with db.sweep() as connection:
            await connection.execute(text(refusal))
    assert "4111" in str(caught.value)
    line = written(caught.value)
    assert "a turn failed" in line
    assert "the row is refused" in line
    assert "4111" not in line


def test_every_cause_is_told_with_its_first_line() -> None:
    message = "\n".join(("first", "its" + " row"))
    try:
        try:
            raise ValueError(message)
        except ValueError as error:
            raise KeyError("second") from error
    except KeyError as error:
        line = written(error)
    assert "ValueError: first" in line
    assert "KeyError: 'second'" in line
    assert "its row" not in line


def test_an_error_that_leads_to_itself_ends() -> None:
    one, two = ValueError("one\nrow"), ValueError("two")
    one.__context__, two.__context__ = two, one
    assert "row" not in written(one)


def test_the_log_goes_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.Logger("root")
    monkeypatch.setattr(logging, "root", root)
    start_log("warning")
    assert root.level == logging.WARNING
    assert [type(handler.formatter) for handler in root.handlers] == [DiscreetFormatter]

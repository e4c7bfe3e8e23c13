"""How a process writes its log: on standard error, without the rows that the database's errors repeat."""

import logging
from collections.abc import Iterator
from types import TracebackType

_FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_ErrorInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class DiscreetFormatter(logging.Formatter):
    """Keeps the first line of what each error says: PostgreSQL puts the refused row, which a customer may have written, below it."""

    def formatException(self, ei: _ErrorInfo) -> str:
        """The traceback of an error and of those that led to it."""
        text = super().formatException(ei)
        for error in _chain(ei[1]):
            said = str(error)
            text = text.replace(said, said.partition("\n")[0]) if "\n" in said else text
        return text


def start_log(level: str) -> None:
    """Write the log of this process from `level` ("info", "warning"...) up."""
    handler = logging.StreamHandler()
    handler.setFormatter(DiscreetFormatter(_FORM))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells every address asked, with its query


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all that it names as its causes."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [one.__cause__, one.__context__]

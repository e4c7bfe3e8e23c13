"""The texts of a flow as a table for translators: a row for each text, a column for each language (RFC 4180, UTF-8)."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from server.flows.document import Document
from server.flows.languages import MAX_TEXT, CustomerText

PLACE = "where"
_BOM = "\ufeff"


class UnreadableFile(Exception):
    """A file that holds no such table; the message says why and what to do."""


@dataclass(slots=True)
class Found:
    """What a file brings: new translations by language, and how many rows say nothing new."""

    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    unknown: int = 0

    def summary(self) -> str:
        """What was taken, in a sentence."""
        taken = [f"{len(texts)} into {language}" for language, texts in self.texts.items()]
        said = f"{', '.join(taken) if taken else 'No'} translations taken."
        return said + (f" {self.unknown} rows are of texts that are no longer in the flow." if self.unknown else "")


def export(document: Document, texts: Sequence[CustomerText]) -> bytes:
    """The table, with a mark by which spreadsheets know that it is UTF-8."""
    languages = document.get("languages", {"default": "en"})
    others = languages.get("others", [])
    places: dict[str, list[str]] = {}
    for text in texts:
        titles = places.setdefault(text.text, [])
        if text.title not in titles:
            titles.append(text.title)
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([PLACE, languages["default"], *others])
    done: Mapping[str, Mapping[str, str]] = languages.get("texts", {})
    for source, titles in places.items():
        writer.writerow([", ".join(titles), source, *(done.get(language, {}).get(source, "") for language in others)])
    return (_BOM + file.getvalue()).encode()


def read(data: bytes, document: Document, texts: Sequence[CustomerText]) -> Found:
    """The translations that differ from the flow's; an empty cell leaves what is there."""
    rows = _rows(data)
    languages = document.get("languages", {"default": "en"})
    head = [cell.strip() for cell in next(rows, [])]
    if languages["default"] not in head:
        raise UnreadableFile(f"The first line must name a column {languages['default']}. Export the texts and fill in that file.")
    columns = {language: head.index(language) for language in languages.get("others", ()) if language in head}
    if not columns:
        raise UnreadableFile("No column of the file is one of the flow's other languages. Add the language first.")
    source_at = head.index(languages["default"])
    known = {text.text for text in texts}
    done: Mapping[str, Mapping[str, str]] = languages.get("texts", {})
    found = Found({language: {} for language in columns})
    for row in rows:
        source = _normal(row[source_at]) if len(row) > source_at else ""
        if not source.strip():
            continue
        if source not in known:
            found.unknown += 1
            continue
        for language, at in columns.items():
            text = _normal(row[at]) if len(row) > at else ""
            if text.strip() and len(text) <= MAX_TEXT and done.get(language, {}).get(source) != text:
                found.texts[language][source] = text
    found.texts = {language: texts for language, texts in found.texts.items() if texts}
    return found


def _rows(data: bytes) -> "csv._reader":  # type: ignore[name-defined]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile("The file is not UTF-8. Save it as CSV in UTF-8.") from None
    first = text.partition("\n")[0]
    separator = max((";", "\t", ","), key=first.count)
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator)


def _normal(cell: str) -> str:
    return cell.replace("\r\n", "\n").replace("\x00", "")

"""Reads a CSV file of examples (text, intent) that a person uploaded, and says what is wrong with it line by line."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from server.flows.intents.examples import MAX_EXAMPLES, MAX_INTENTS
from server.flows.intents.texts import MAX_CHARACTERS, normalised

MAX_BYTES = 20 * 1024 * 1024
MAX_INTENT_NAME = 100
SHOWN_PROBLEMS = 200

TEXT_COLUMNS = frozenset(
    {"text", "texts", "utterance", "example", "examples", "sentence", "message", "query", "question", "phrase", "training phrase", "input"}
)
INTENT_COLUMNS = frozenset({"label", "labels", "intent", "intents", "category", "class", "tag", "topic", "target"})
_DELIMITERS = (",", ";", "\t")


class UnreadableFile(ValueError):
    """The file as a whole cannot be read; `code` is a stable word, the message a sentence for the person who uploaded it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class LineProblem(msgspec.Struct, frozen=True):
    """One line that was left out, and why."""

    line: int
    text: str


class ExampleRow(msgspec.Struct, frozen=True):
    """One example as it would be stored."""

    text: str
    intent: str


class Preview(msgspec.Struct, frozen=True):
    """What importing the file would store. `problems` holds the first 200 of `problem_count`."""

    rows: tuple[ExampleRow, ...]
    intents: dict[str, int]
    problems: tuple[LineProblem, ...]
    problem_count: int
    duplicates: int
    ignored_columns: tuple[str, ...]
    encoding: str
    delimiter: str


class _Layout(msgspec.Struct, frozen=True):
    delimiter: str
    has_header: bool
    text_column: int
    intent_column: int
    columns: int
    ignored: tuple[str, ...]


def preview(data: bytes) -> Preview:
    """Read the uploaded bytes; raises `UnreadableFile`. Nothing in the file is ever evaluated: a cell `=1+1` is that text."""
    if len(data) > MAX_BYTES:
        raise UnreadableFile("too_large", f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Split it.")
    text, encoding = _decoded(data)
    if not text.strip():
        raise UnreadableFile("empty", "The file is empty. Each line needs a text and its intent, such as: where is my order,order_status")
    layout = _layout(text)
    return _collect(_records(text, layout.delimiter), layout, encoding)


def _decoded(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding: by its byte order mark, by its zeros, as UTF-8, as Western European."""
    if data.startswith((b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0")):
        raise UnreadableFile("not_csv", "This is a spreadsheet or document, not a CSV file. Open it there and save it as CSV.")
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile("encoding", f"Byte {error.start + 1} does not fit {encoding.upper()}. Save the file as UTF-8.") from error
    return text.removeprefix("\ufeff"), encoding


def _encoding(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = data[:4000]
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if len(zeros) >= 2 and zeros.count(0) > len(zeros) * 0.6:
            return name
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """The first line of each record, and its cells or the sentence that says why it has none."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, _why(str(error))
        else:
            yield line, cells


def _why(error: str) -> str:
    if "field limit" in error:
        return "A cell is longer than 131072 characters; often a quote was opened and never closed."
    if "end of data" in error:
        return "A quote was opened here and never closed."
    return "A quoted cell goes on after its closing quote. Double the quotes inside a cell."


def _layout(text: str) -> _Layout:
    """The delimiter and the columns: by the names in the first line, or by which delimiter gives the most even columns."""
    head = {delimiter: _head(text, delimiter) for delimiter in _DELIMITERS}
    for delimiter, records in head.items():
        names = [cell.strip().casefold().replace("_", " ") for cell in records[0]] if records else []
        text_at, intent_at = _position(names, TEXT_COLUMNS), _position(names, INTENT_COLUMNS)
        if text_at is not None and intent_at is not None:
            ignored = tuple(name for at, name in enumerate(records[0]) if at not in (text_at, intent_at))
            return _Layout(delimiter, True, text_at, intent_at, len(names), ignored)
        if (text_at is None) != (intent_at is None):
            missing = "intent" if intent_at is None else "text"
            raise UnreadableFile(f"no_{missing}_column", f"The first line names no {missing} column. Name the columns text and intent.")
    delimiter = max(_DELIMITERS, key=lambda name: _evenness(head[name]))
    columns = max((len(record) for record in head[delimiter]), default=0)
    if columns < 2:
        raise UnreadableFile("no_intent_column", "Each line needs two columns, a text and its intent: where is my order,order_status")
    usual = Counter(len(record) for record in head[delimiter] if len(record) > 1).most_common(1)[0][0]
    return _Layout(delimiter, False, 0, 1, usual, ())


def _head(text: str, delimiter: str) -> list[list[str]]:
    readable = (cells for _, cells in _records(text[:50_000], delimiter) if not isinstance(cells, str) and any(cells))
    return list(islice(readable, 50))


def _position(names: Sequence[str], wanted: frozenset[str]) -> int | None:
    return next((at for at, name in enumerate(names) if name in wanted), None)


def _evenness(records: Sequence[Sequence[str]]) -> float:
    counts = Counter(len(record) for record in records if len(record) > 1)
    return counts.most_common(1)[0][1] / len(records) if counts else 0.0


class _Collector:
    """Gathers the rows that are fine and the problems of those that are not."""

    def __init__(self, layout: _Layout) -> None:
        self._layout = layout
        self._seen: dict[str, tuple[int, str]] = {}
        self.rows: list[ExampleRow] = []
        self.intents: Counter[str] = Counter()
        self.problems: list[LineProblem] = []
        self.problem_count = self.duplicates = 0

    @property
    def full(self) -> bool:
        """Whether more rows would be left out anyway."""
        return len(self.rows) >= MAX_EXAMPLES and self.problem_count > 0

    def add(self, line: int, cells: list[str] | str) -> None:
        """Take one record: its cells, or the sentence that says why it has none."""
        row = cells if isinstance(cells, str) else _row(cells, self._layout)
        if isinstance(row, str):
            self._refuse(line, row)
        elif known := self._seen.get(normalised(row.text)):
            if known[1] == row.intent:
                self.duplicates += 1
            else:
                self._refuse(line, f'The same text stands in line {known[0]} under "{known[1]}". Keep it under one intent.')
        elif excess := self._excess(row):
            self._refuse(line, excess)
        else:
            self._seen[normalised(row.text)] = (line, row.intent)
            self.intents[row.intent] += 1
            self.rows.append(row)

    def _refuse(self, line: int, sentence: str) -> None:
        self.problem_count += 1
        if len(self.problems) < SHOWN_PROBLEMS:
            self.problems.append(LineProblem(line, sentence))

    def _excess(self, row: ExampleRow) -> str | None:
        if len(self.rows) >= MAX_EXAMPLES:
            return f"A flow holds up to {MAX_EXAMPLES} examples; this line and those after it were left out."
        if row.intent not in self.intents and len(self.intents) >= MAX_INTENTS:
            return f'A flow holds up to {MAX_INTENTS} intents; "{row.intent}" is one too many. Are the columns swapped?'
        return None


def _collect(records: Iterator[tuple[int, list[str] | str]], layout: _Layout, encoding: str) -> Preview:
    collector = _Collector(layout)
    filled = ((line, cells) for line, cells in records if isinstance(cells, str) or any(cell.strip() for cell in cells))
    for line, cells in islice(filled, 1 if layout.has_header else 0, None):
        collector.add(line, cells)
        if collector.full:
            break
    return Preview(
        tuple(collector.rows),
        dict(collector.intents),
        tuple(collector.problems),
        collector.problem_count,
        collector.duplicates,
        layout.ignored,
        encoding,
        layout.delimiter,
    )


def _row(cells: Sequence[str], layout: _Layout) -> ExampleRow | str:
    """The example in one record, or the sentence that says why there is none."""
    if len(cells) > layout.columns:
        quoting = "Put quotes around a text that holds the delimiter."
        return f"This line has {len(cells)} columns where {layout.columns} were expected. {quoting}"
    if len(cells) <= max(layout.text_column, layout.intent_column):
        return "This line has no intent." if layout.intent_column > layout.text_column else "This line has no text."
    text, intent = cells[layout.text_column].strip(), " ".join(cells[layout.intent_column].split())
    if not text or not intent:
        return "The text is empty." if not text else "The intent is empty."
    if "\0" in text or "\0" in intent:
        return "This line holds a NUL character; the file may be damaged."
    if len(text) > MAX_CHARACTERS:
        return f"The text has {len(text)} characters; the limit is {MAX_CHARACTERS}."
    if len(intent) > MAX_INTENT_NAME:
        return f"The intent's name has {len(intent)} characters; the limit is {MAX_INTENT_NAME}. Are the columns swapped?"
    return ExampleRow(text, intent)

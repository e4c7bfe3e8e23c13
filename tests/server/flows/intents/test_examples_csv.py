"""Reading an uploaded CSV file of examples."""

import csv
import io

import pytest

from server.flows.intents.examples_csv import Preview, UnreadableFile, preview


def rows(found: Preview) -> list[tuple[str, str]]:
    return [(row.text, row.intent) for row in found.rows]


def problems(found: Preview) -> list[tuple[int, str]]:
    return [(problem.line, problem.text) for problem in found.problems]


def test_text_and_label_become_examples() -> None:
    found = preview(b"text,label\nwhere is my order,track\nsend it back,return\nwhere is my parcel,track\n")
    assert rows(found) == [("where is my order", "track"), ("send it back", "return"), ("where is my parcel", "track")]
    assert found.intents == {"track": 2, "return": 1}
    assert (found.problem_count, found.encoding, found.delimiter) == (0, "utf-8", ",")


@pytest.mark.parametrize("header", ["text,category", "Utterance,Intent", "QUERY,label", "training_phrase,intent", "sentence , class"])
def test_columns_may_have_other_common_names(header: str) -> None:
    assert rows(preview(f"{header}\nhi,greet\n".encode())) == [("hi", "greet")]


def test_columns_are_found_by_name_in_any_order_and_others_are_left_out() -> None:
    found = preview(b"id,intent,text,tenant_id\n1,greet,hi there,bbbb\n")
    assert rows(found) == [("hi there", "greet")]
    assert found.ignored_columns == ("id", "tenant_id")


def test_a_header_is_optional() -> None:
    assert rows(preview(b"hi,greet\nbye,leave\n")) == [("hi", "greet"), ("bye", "leave")]


def test_a_header_alone_gives_no_rows() -> None:
    assert rows(preview(b"text,label\n")) == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_recognised(delimiter: str, line_end: str) -> None:
    data = line_end.join([f"text{delimiter}label", f"hi{delimiter}greet", f"bye{delimiter}leave"])
    found = preview(data.encode())
    assert rows(found) == [("hi", "greet"), ("bye", "leave")]
    assert found.delimiter == delimiter


def test_a_comma_in_the_text_does_not_hide_a_semicolon_between_columns() -> None:
    assert rows(preview(b"hi, you;greet\nbye;leave\nso, then, bye;leave\n")) == [
        ("hi, you", "greet"),
        ("bye", "leave"),
        ("so, then, bye", "leave"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_encodings_are_recognised(encoding: str) -> None:
    found = preview("text,label\ngrüße aus köln,greet\nà bientôt,leave\n".encode(encoding))
    assert rows(found) == [("grüße aus köln", "greet"), ("à bientôt", "leave")]
    assert found.encoding == encoding


def test_quoted_texts_may_hold_commas_quotes_and_line_breaks() -> None:
    found = preview(b'text,label\n"hi, ""you""\nthere",greet\nbye,leave\nwrong\n')
    assert rows(found) == [('hi, "you"\nthere', "greet"), ("bye", "leave")]
    assert problems(found) == [(5, "This line has no intent.")]


def test_formulas_and_code_stay_the_text_they_are() -> None:
    cells = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "=HYPERLINK('http://x')",
        "'); import os; os.system('id') #",
        "{{ 7*7 }}",
        "<script>alert(1)</script>",
    ]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["text", "label"], *([cell, "odd"] for cell in cells)])
    assert [text for text, _ in rows(preview(buffer.getvalue().encode()))] == cells


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("h\0i,greet", "NUL character"),
        (",greet", "The text is empty"),
        ("hi,", "The intent is empty"),
        ("hi", "has no intent"),
        ("hi, how are you,greet", "3 columns where 2"),
        ("x" * 2001 + ",greet", "2001 characters; the limit is 2000"),
        ("x" * 200_000 + ",greet", "longer than 131072"),
        ("hi," + "y" * 101, "limit is 100"),
        ('"hi"there,greet', "goes on after its closing quote"),
        ("known,other", 'stands in line 2 under "greet"'),
    ],
)
def test_a_line_that_is_wrong_is_named_and_the_others_are_kept(line: str, sentence: str) -> None:
    found = preview(f"text,label\nknown,greet\n{line}\nlast,greet\n".encode())
    assert rows(found) == [("known", "greet"), ("last", "greet")]
    [(number, text)] = problems(found)
    assert number == 3
    assert sentence in text


def test_a_quote_that_is_never_closed_is_named_where_it_opens() -> None:
    assert problems(preview(b'text,label\nhi,greet\n"bye,leave\nso,leave\n')) == [(3, "A quote was opened here and never closed.")]


def test_the_same_line_twice_counts_once() -> None:
    found = preview(b"text,label\nhi,greet\nHI ,greet\n")
    assert (len(found.rows), found.duplicates, found.problem_count) == (1, 1, 0)


def test_blank_lines_are_nothing() -> None:
    assert rows(preview(b"\n\ntext,label\n\nhi,greet\n , \n")) == [("hi", "greet")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n ", "empty"),
        (b"name\nAna\n", "no_intent_column"),
        (b"text\nhi\n", "no_intent_column"),
        (b"text,tenant_id\nhi,b\n", "no_intent_column"),
        (b"label,id\ngreet,1\n", "no_text_column"),
        (b"PK\x03\x04 a spreadsheet", "not_csv"),
        (b"\xff\xfeh\x00i\x00,", "encoding"),
        (b"x" * (20 * 1024 * 1024 + 1), "too_large"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile) as refusal:
        preview(data)
    assert refusal.value.code == code


def test_a_million_lines_stop_at_the_limit() -> None:
    found = preview(("text,label\n" + "\n".join(f"+1650{number:07d},x" for number in range(1_000_000))).encode())
    assert len(found.rows) == 20_000
    assert "up to 20000 examples" in found.problems[0].text


def test_too_many_intents_are_named() -> None:
    found = preview(("text,label\n" + "\n".join(f"text {number},intent {number}" for number in range(302))).encode())
    assert len(found.intents) == 300
    assert found.problem_count == 2

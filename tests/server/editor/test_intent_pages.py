"""Intents: typed, pasted, imported, renamed, deleted; what is wrong is said at the field."""

from html import unescape

import httpx

from tests.server.editor.drawing import Editor

CSV = "text,label\nwhere is my order,track\nmy parcel is late,track\nWhere is my order,track\nrefund please,refund\n,refund\n"


async def save(editor: Editor, name: str, examples: str, was: str = "") -> httpx.Response:
    return await editor.post("intents", name=name, examples=examples, was=was)


async def bundle(editor: Editor) -> dict[str, list[str]]:
    exported = (await editor.client.get(f"{editor.api}/export")).json()
    return {name: intent["examples"] for name, intent in exported.get("intents", {}).items()}


async def test_an_empty_page_says_what_intents_are(editor: Editor) -> None:
    assert "No intents yet" in (await editor.client.get(f"{editor.url}/intents")).text


async def test_lines_are_examples_and_the_same_is_kept_once(editor: Editor) -> None:
    answer = await save(editor, "track", "where is it\n\n  Where   is it \nmy parcel\n")
    assert 'hx-target="#intent-list"' in answer.text
    assert "2 examples" in answer.headers["hx-trigger"]
    assert await bundle(editor) == {"track": ["where is it", "my parcel"]}


async def test_an_intent_is_renamed_and_deleted(editor: Editor) -> None:
    await save(editor, "track", "where is it")
    await save(editor, "order_status", "where is it\nmy order", was="track")
    assert await bundle(editor) == {"order_status": ["where is it", "my order"]}
    await editor.post("intents/deletion", name="order_status")
    assert await bundle(editor) == {}
    assert (await editor.post("intents/deletion", name="order_status")).status_code == 404


async def test_what_is_wrong_is_said_at_the_field_and_nothing_typed_is_lost(editor: Editor) -> None:
    await save(editor, "track", "where is it")
    for name, examples, field, words in (
        ("track", "x", "name", "Choose another name."),
        ("", "x", "name", "Give the intent a name"),
        ("long", "y" * 2_001, "examples", "is longer than"),
    ):
        answer = await save(editor, name, examples)
        assert answer.status_code == 422
        assert f'id="f-{field}-error"' in answer.text
        assert words in unescape(answer.text)
        assert examples in answer.text


async def test_a_file_is_shown_before_it_is_stored(editor: Editor) -> None:
    file = {"file": ("examples.csv", CSV.encode(), "text/csv")}
    preview = await editor.client.post(f"{editor.url}/intents/preview", files=file)
    assert "3 examples of 2 intents, 2 of them new" in preview.text
    assert "Line 6" in preview.text
    assert await bundle(editor) == {}
    imported = await editor.client.post(f"{editor.url}/intents/import", files=file)
    assert "3 examples imported" in imported.headers["hx-trigger"]
    assert await bundle(editor) == {"refund": ["refund please"], "track": ["where is my order", "my parcel is late"]}
    again = await editor.client.post(f"{editor.url}/intents/import", files=file)
    assert "0 examples imported, 3 were there already" in again.headers["hx-trigger"]


async def test_a_file_that_cannot_be_read_says_why(editor: Editor) -> None:
    for data, words in ((b"", "empty"), (b"PK\x03\x04", "save it as CSV"), (b"only one column\n", "")):
        answer = await editor.client.post(f"{editor.url}/intents/preview", files={"file": ("x.csv", data, "text/csv")})
        assert answer.status_code == 200
        assert 'data-variant="bad"' in answer.text
        assert words in answer.text
        imported = await editor.client.post(f"{editor.url}/intents/import", files={"file": ("x.csv", data, "text/csv")})
        assert imported.status_code == 422
    assert (await editor.client.post(f"{editor.url}/intents/preview", data={})).status_code == 422


async def test_a_step_offers_the_flows_intents(editor: Editor) -> None:
    await save(editor, "track", "where is it")
    await editor.add("n-1", "classify_intent")
    html = (await editor.client.get(f"{editor.url}/nodes/n-1/form")).text
    assert 'name="intents" value="track"' in html
    await editor.save("n-1", intents="track")
    await editor.add("n-2", "end")
    assert (await editor.connect("e-1", "n-1", "track", "n-2")).status_code == 200

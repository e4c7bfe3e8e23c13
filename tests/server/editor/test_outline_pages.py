"""The flow as a list: everything the canvas does, with plain controls."""

import re

from tests.server.editor.drawing import Editor, draw_tea


def connections(html: str) -> list[tuple[str, str]]:
    """(step, what its select says) in the order of the list."""
    forms = re.findall(r'name="do" value="connect">(.*?)</form>', html, re.DOTALL)
    sources = [re.findall(r'name="node" value="([^"]+)"', form)[0] for form in forms]
    targets = [re.findall(r'<option value="([^"]*)" selected>', form) for form in forms]
    return [(source, chosen) for source, found in zip(sources, targets, strict=True) for chosen in found]


async def test_the_list_shows_steps_in_the_order_of_a_conversation(editor: Editor) -> None:
    await draw_tea(editor)
    html = (await editor.client.get(f"{editor.url}/outline")).text
    assert re.findall(r"<h2>(\d\. [^<]+)</h2>", html) == ["1. Welcome", "2. End the conversation"]
    assert connections(html) == [("n-1", "n-2")]


async def test_steps_are_added_connected_and_deleted(editor: Editor) -> None:
    for kind in ("send_message", "end"):
        answer = await editor.post("outline", do="add", type=kind)
        assert answer.status_code == 200
        assert 'hx-target="#outline"' in answer.text
    first, last = (await editor.draft())["nodes"]
    if (await editor.draft())["nodes"][first]["type"] == "end":
        first, last = last, first
    await editor.post("outline", do="connect", node=first, port="next", target=last)
    assert [one["target"] for one in (await editor.draft())["edges"].values()] == [last]
    await editor.post("outline", do="connect", node=first, port="next", target="")
    assert (await editor.draft())["edges"] == {}
    await editor.post("outline", do="start", node=last)
    assert (await editor.draft())["triggers"][0]["node"] == last
    await editor.post("outline", do="delete", node=first)
    assert list((await editor.draft())["nodes"]) == [last]
    await editor.post("undo")
    assert len((await editor.draft())["nodes"]) == 2


async def test_a_form_saved_from_the_list_updates_the_list(editor: Editor) -> None:
    await draw_tea(editor)
    answer = await editor.client.post(f"{editor.url}/nodes/n-1?view=outline", data={"step_title": "Hello", "text": "Hello"})
    assert 'hx-target="#outline"' in answer.text
    assert 'hx-target="#nodes"' not in answer.text
    assert "1. Hello" in answer.text


async def test_unknown_wishes_are_refused(editor: Editor) -> None:
    assert (await editor.post("outline", do="explode")).status_code == 422
    assert (await editor.post("outline", do="add", type="nope")).status_code == 422

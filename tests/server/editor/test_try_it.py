"""The Test panel: a conversation with the draft, its path, and what happened inside."""

import re
from typing import Any

import httpx

from tests.conftest import Workspace
from tests.server.editor.drawing import Editor, draw_tea


async def begin(editor: Editor) -> dict[str, str]:
    """Start a test conversation; the widget's attributes."""
    answer = await editor.post("test")
    assert answer.status_code == 200, answer.text
    found = re.search(r"<chatloom-widget ([^>]*)>", answer.text)
    assert found, answer.text
    return dict(re.findall(r'(\w+)="([^"]*)"', found[1]))


async def say(client: httpx.AsyncClient, widget: dict[str, str], text: str) -> Any:
    """What the widget sends."""
    body = {
        "channel_id": widget["channel"],
        "conversation_id": widget["conversation"],
        "client_message_id": f"message-of-16-characters-{text}",
        "text": text,
    }
    headers = {"authorization": f"Bearer {widget['token']}", "origin": "http://localhost:8800"}
    return (await client.post("/api/v2/chat/message", json=body, headers=headers)).raise_for_status().json()


async def draw_question(editor: Editor) -> None:
    """A question, then the answer said back."""
    await editor.add("n-1", "ask_question")
    await editor.save("n-1", step_title="Ask", text="What would you like?", save_as="drink")
    await editor.add("n-2", "send_message", 320, source="n-1", port="next", edge="e-1")
    await editor.save("n-2", step_title="Echo", text="{{ drink }} it is.")


async def test_the_draft_answers_before_it_was_ever_published(editor: Editor, client: httpx.AsyncClient) -> None:
    await draw_question(editor)
    widget = await begin(editor)
    answer = await say(client, widget, "tea")
    assert [one["body"]["text"] for one in answer["messages"] if one["direction"] == "out"][-1] == "tea it is."
    path = (await editor.client.get(f"{editor.url}/test/{widget['conversation']}/path")).json()
    assert path == {"visited": ["n-1", "n-2"], "edges": ["e-1"], "current": "n-2", "failed": None}


async def test_the_panel_shows_path_variables_and_steps_of_the_last_turn(editor: Editor, client: httpx.AsyncClient) -> None:
    await draw_question(editor)
    widget = await begin(editor)
    before = (await editor.client.get(f"{editor.url}/test/{widget['conversation']}")).text
    assert 'data-visited="n-1"' in before
    assert "waits for a message" in before
    await say(client, widget, "tea")
    after = (await editor.client.get(f"{editor.url}/test/{widget['conversation']}")).text
    assert 'data-visited="n-1 n-2" data-edges="e-1" data-current="n-2"' in after
    assert re.search(r">drink</dt><dd[^>]*>tea</dd>", after)


async def test_each_start_runs_the_draft_as_it_is_then(editor: Editor, client: httpx.AsyncClient) -> None:
    await draw_question(editor)
    first = await begin(editor)
    await editor.save("n-2", step_title="Echo", text="Changed.")
    second = await begin(editor)
    assert first["conversation"] != second["conversation"]
    assert (await say(client, first, "tea"))["messages"][-1]["body"]["text"] == "tea it is."
    assert (await say(client, second, "tea"))["messages"][-1]["body"]["text"] == "Changed."


async def test_tests_are_not_counted(owner: Workspace, editor: Editor) -> None:
    await draw_tea(editor)
    await begin(editor)
    assert "0 conversations" in (await owner.client.get("/flows")).text


async def test_a_draft_that_cannot_run_says_why(editor: Editor) -> None:
    assert "The draft cannot run yet" in (await editor.post("test")).text
    await editor.add("n-1")
    answer = await editor.post("test")
    assert 'data-goto="n-1" data-goto-field="text"' in answer.text


async def test_intents_are_learned_before_the_test_starts(editor: Editor) -> None:
    await editor.post("intents", name="track", examples="where is it\nmy parcel")
    await editor.post("intents", name="refund", examples="money back\nreturn it")
    await editor.add("n-1", "classify_intent")
    await editor.add("n-2", "end", 320)
    for number, port in enumerate(("matched", "otherwise")):
        await editor.connect(f"e-{number}", "n-1", port, "n-2")
    assert "Learning the intents first" in (await editor.post("test")).text


async def test_a_test_is_nobody_elses(editor: Editor, other_owner: Workspace) -> None:
    await draw_tea(editor)
    widget = await begin(editor)
    for path in ("", "/path"):
        assert (await other_owner.client.get(f"{editor.url}/test/{widget['conversation']}{path}")).status_code == 404
    assert (await other_owner.client.post(f"{editor.url}/test")).status_code == 404

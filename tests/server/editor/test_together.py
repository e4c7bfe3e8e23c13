"""Two people on one flow: nobody's work is lost, and undo undoes only mine."""

import pytest
from litestar import Litestar

from server.kit.ids import uuid7
from server.security import tokens
from server.security.identity import Identity
from server.security.keys import keys_of
from tests.conftest import Workspace, client_of
from tests.server.editor.drawing import Editor, targets


@pytest.fixture
async def colleague(app: Litestar, owner: Workspace, editor: Editor) -> Editor:
    """The same flow, opened by an editor of the workspace."""
    body = {"name": "Grace", "email": "grace@example.com", "role": "editor"}
    member = (await owner.client.post("/api/v1/members", json=body)).raise_for_status().json()["member"]
    identity = Identity(owner.tenant_id, member["id"], uuid7(), "editor", "Grace", body["email"], uuid7())
    client = client_of(app)
    client.headers["authorization"] = f"Bearer {tokens.issue(keys_of(app.state).access, identity)}"
    return Editor(client, editor.flow_id)


async def test_edits_of_different_steps_both_stay(editor: Editor, colleague: Editor) -> None:
    await editor.add("n-1")
    await editor.add("n-2")
    colleague.rev = editor.rev
    await editor.move("n-1", 8, 8)
    answer = await colleague.move("n-2", 16, 16)
    assert answer.status_code == 200
    assert targets(answer) == [("#nodes", "innerMorph"), ("#edges", "innerMorph")]
    nodes = (await editor.draft())["nodes"]
    assert (nodes["n-1"]["position"]["x"], nodes["n-2"]["position"]["x"]) == (8, 16)


async def test_edits_of_the_same_step_are_a_conflict_that_shows_the_canvas(editor: Editor, colleague: Editor) -> None:
    await editor.add("n-1")
    colleague.rev = editor.rev
    await editor.move("n-1", 8, 8)
    answer = await colleague.move("n-1", 80, 80)
    assert answer.status_code == 409
    assert targets(answer) == [("#nodes", "innerMorph"), ("#edges", "innerMorph")]
    assert "Somebody else changed" in answer.headers["hx-trigger"]
    assert (await editor.draft())["nodes"]["n-1"]["position"]["x"] == 8
    again = await colleague.move("n-1", 80, 80)
    assert again.status_code == 200


async def test_undo_undoes_only_mine(editor: Editor, colleague: Editor) -> None:
    await editor.add("n-1")
    colleague.rev = editor.rev
    await colleague.add("n-2", "end", 300)
    await editor.post("undo")
    assert list((await editor.draft())["nodes"]) == ["n-2"]


async def test_undo_leaves_what_a_colleague_has_changed_since(editor: Editor, colleague: Editor) -> None:
    await editor.add("n-1")
    await editor.save("n-1", text="Mine")
    colleague.rev = editor.rev
    await colleague.save("n-1", text="Theirs")
    answer = await editor.post("undo")
    assert "changed by somebody else" in answer.text
    assert (await editor.draft())["nodes"]["n-1"]["settings"]["text"] == "Theirs"

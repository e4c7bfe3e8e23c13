"""Gestures on the canvas reach the draft and come back as the partials that the page needs."""

from sqlalchemy import select

from server.flows.tables import flow_edits
from server.kit.db import Database
from tests.conftest import Workspace
from tests.server.editor.drawing import Editor, draw_tea, new_flow, targets


async def test_the_page_shows_the_canvas(editor: Editor) -> None:
    await draw_tea(editor)
    page = await editor.client.get(editor.url)
    assert page.status_code == 200
    assert '<flow-node id="n-1"' in page.text
    assert '<flow-edge id="e-1" source="n-1" port="next" target="n-2">' in page.text
    assert f'<meta id="rev" content="{editor.rev}">' in page.text
    assert "style=" not in page.text


async def test_the_first_step_becomes_the_start(editor: Editor) -> None:
    answer = await editor.add("n-1", x=40, y=80)
    assert targets(answer) == [("#nodes", "beforeend")]
    assert "Start" in answer.text
    draft = await editor.draft()
    assert draft["triggers"] == [{"id": "start", "type": "conversation_start", "node": "n-1"}]
    assert draft["nodes"]["n-1"]["position"] == {"x": 40, "y": 80}


async def test_a_move_is_not_told_back(editor: Editor) -> None:
    await editor.add("n-1")
    assert targets(await editor.move("n-1", 80, 96)) == []
    assert (await editor.draft())["nodes"]["n-1"]["position"] == {"x": 80, "y": 96}


async def test_connecting_updates_the_badge_of_the_card(editor: Editor) -> None:
    await editor.add("n-1", "ask_question")
    await editor.add("n-2", "end", 320)
    answer = await editor.connect("e-1", "n-1", "next", "n-2")
    assert ("#n-1", "outerMorph") in targets(answer)
    assert ("#edges", "beforeend") not in targets(answer)


async def test_the_browser_deleted_it_already(editor: Editor) -> None:
    await draw_tea(editor)
    answer = await editor.operate({"op": "delete", "nodes": ["n-2"], "edges": ["e-1"]})
    assert targets(answer) == []
    assert list((await editor.draft())["nodes"]) == ["n-1"]


async def test_a_deleted_start_moves_on_and_shows(editor: Editor) -> None:
    await draw_tea(editor)
    answer = await editor.operate({"op": "delete", "nodes": ["n-1"], "edges": ["e-1"]})
    assert targets(answer) == [("#n-2", "outerMorph")]


async def test_the_same_request_again_changes_nothing(editor: Editor) -> None:
    add = {"op": "add", "id": "n-1", "type": "send_message", "x": 0, "y": 0}
    await editor.operate(add, op_id="o-same")
    again = await editor.operate(add, op_id="o-same")
    assert targets(again) == [("#nodes", "innerMorph"), ("#edges", "innerMorph")]
    assert editor.rev == 2


async def test_undo_and_redo(editor: Editor) -> None:
    await draw_tea(editor)
    before = await editor.draft()
    undone = await editor.post("undo")
    assert targets(undone)[:2] == [("#e-1", "delete"), ("#n-2", "delete")]
    assert "Undo: Add End the conversation" in undone.text
    redone = await editor.post("redo")
    assert ("#nodes", "beforeend") in targets(redone)
    assert await editor.draft() == before


async def test_undo_goes_all_the_way_back_and_survives_a_reload(editor: Editor) -> None:
    await draw_tea(editor)
    for _ in range(3):
        await editor.post("undo")
    assert (await editor.draft())["nodes"] == {}
    assert "Nothing to undo" in (await editor.post("undo")).text
    page = (await editor.client.get(editor.url)).text
    assert 'id="undo"' in page
    for _ in range(3):
        await editor.post("redo")
    assert set((await editor.draft())["nodes"]) == {"n-1", "n-2"}


async def test_doing_something_else_ends_redo(editor: Editor) -> None:
    await editor.add("n-1")
    await editor.add("n-2")
    await editor.post("undo")
    await editor.add("n-3")
    assert "Nothing to redo" in (await editor.post("redo")).text


async def test_nudges_are_one_step_of_undo(editor: Editor) -> None:
    await editor.add("n-1")
    for x in (8, 16, 24):
        await editor.move("n-1", x, 0, "nudge")
    await editor.post("undo")
    assert (await editor.draft())["nodes"]["n-1"]["position"] == {"x": 0, "y": 0}


async def test_a_batch_is_one_step_of_undo_for_each_operation(editor: Editor) -> None:
    await editor.operate(
        {"op": "add", "id": "n-1", "type": "send_message", "x": 0, "y": 0},
        {"op": "add", "id": "n-2", "type": "end", "x": 0, "y": 0},
        {"op": "connect", "id": "e-1", "source": "n-1", "port": "next", "target": "n-2"},
    )
    await editor.post("undo")
    draft = await editor.draft()
    assert set(draft["nodes"]) == {"n-1", "n-2"}
    assert draft["edges"] == {}


async def test_what_cannot_be_done_is_a_problem_in_words(editor: Editor) -> None:
    answer = await editor.connect("e-1", "n-1", "next", "n-2")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "That step is gone: somebody deleted it."
    assert (await editor.post("ops", batch="not json")).status_code == 422
    assert (await editor.post("ops", batch='{"base_rev":1,"op_id":"o","ops":[{"op":"explode"}]}')).status_code == 422
    assert (await editor.post("ops", batch='{"base_rev":1,"op_id":"o","ops":[]}')).status_code == 422


async def test_another_flow_of_the_workspace_can_be_copied_from(owner: Workspace, editor: Editor) -> None:
    await draw_tea(editor)
    other = await new_flow(owner.client, "Copy")
    answer = await other.operate({"op": "paste", "flow": editor.flow_id, "nodes": ["n-1"], "ids": {"n-1": "n-9"}, "dx": 0, "dy": 0})
    assert targets(answer) == [("#nodes", "beforeend")]
    assert (await other.draft())["nodes"]["n-9"]["settings"]["text"] == "Welcome to the tea house."


async def test_nothing_can_be_copied_from_another_workspace(editor: Editor, other_owner: Workspace) -> None:
    await draw_tea(editor)
    theirs = await new_flow(other_owner.client)
    answer = await theirs.operate({"op": "paste", "flow": editor.flow_id, "nodes": ["n-1"], "ids": {"n-1": "n-9"}})
    assert answer.status_code == 404
    assert (await other_owner.client.get(editor.url)).status_code == 404
    assert (await other_owner.client.post(f"{editor.url}/undo")).status_code == 404


async def test_an_old_revision_shows_the_whole_canvas(editor: Editor) -> None:
    await editor.add("n-1")
    answer = await editor.operate({"op": "add", "id": "n-2", "type": "end", "x": 9, "y": 9}, rev=1)
    assert targets(answer) == [("#nodes", "innerMorph"), ("#edges", "innerMorph")]
    assert set((await editor.draft())["nodes"]) == {"n-1", "n-2"}


async def test_a_revision_from_the_future_is_a_conflict(editor: Editor) -> None:
    answer = await editor.operate({"op": "add", "id": "n-2", "type": "end", "x": 9, "y": 9}, rev=99)
    assert answer.status_code == 409
    assert (await editor.draft())["nodes"] == {}


async def test_every_edit_is_kept_with_its_author(db: Database, owner: Workspace, editor: Editor) -> None:
    await draw_tea(editor)
    async with db.tenant(owner.tenant_id) as conn:
        rows = (await conn.execute(select(flow_edits.c.member_id, flow_edits.c.label).order_by(flow_edits.c.edit_no))).all()
    assert {row.member_id for row in rows} == {owner.member_id}
    assert [row.label for row in rows] == ["Add Send a message", "Edit Welcome", "Add End the conversation"]

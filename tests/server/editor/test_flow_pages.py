"""Home and the list of flows; publishing, versions and the name in the editor."""

import json
from html import unescape

from tests.conftest import Workspace
from tests.server.editor.drawing import Editor, draw_tea, new_flow


async def test_home_of_a_new_workspace_says_what_to_do(owner: Workspace) -> None:
    home = (await owner.client.get("/")).text
    assert "Welcome, Ada" in home
    assert "Draw your first flow" in home


async def test_home_shows_what_is_done(owner: Workspace, editor: Editor) -> None:
    await draw_tea(editor)
    await editor.post("publish", version_note="")
    home = (await owner.client.get("/")).text
    assert home.count('<li class="done">') == 2
    assert "Order help" in home


async def test_a_flow_is_made_in_a_dialog_and_opened(owner: Workspace) -> None:
    answer = await owner.client.post("/flows", data={"name": "Tea house"}, headers={"hx-request": "true"})
    page = await owner.client.get(answer.headers["hx-redirect"])
    assert "Tea house" in page.text
    assert (await owner.client.post("/flows", data={"name": " "})).status_code == 422


async def test_an_empty_workspace_is_shown_the_templates(owner: Workspace) -> None:
    listed = (await owner.client.get("/flows")).text
    assert "Draw your first flow" in listed
    assert "Or start from a template" in listed
    await new_flow(owner.client, "Mine")
    assert "Or start from a template" not in (await owner.client.get("/flows")).text


async def test_a_template_becomes_a_flow_and_is_opened(owner: Workspace) -> None:
    gallery = (await owner.client.get("/flows/templates")).text
    assert gallery.count('class="flow-card template-card"') >= 9
    assert "Newsletter in two languages" in gallery
    answer = await owner.client.post("/flows/templates/booking", headers={"hx-request": "true"})
    page = await owner.client.get(answer.headers["hx-redirect"])
    assert "Take bookings" in page.text
    assert (await owner.client.post("/flows/templates/nothing")).status_code == 404


async def test_the_list_searches_and_pages(owner: Workspace) -> None:
    for number in range(26):
        await new_flow(owner.client, f"Flow {number}")
    first = (await owner.client.get("/flows")).text
    assert first.count('class="flow-card"') == 24
    assert "26 in all" in first
    assert "Next page" in first
    assert (await owner.client.get("/flows?q=Flow 25")).text.count('class="flow-card"') == 1
    assert "No flow is called that" in (await owner.client.get("/flows?q=zzz")).text


async def test_deleting_offers_to_take_it_back(owner: Workspace, editor: Editor) -> None:
    await editor.post("deletion")
    listed = (await owner.client.get("/flows")).text
    assert "Recently deleted (1)" in listed
    assert (await owner.client.get(editor.url)).status_code == 404
    await editor.post("restoration")
    assert (await owner.client.get(editor.url)).status_code == 200


async def test_a_file_goes_out_and_comes_back(owner: Workspace, editor: Editor) -> None:
    await draw_tea(editor)
    exported = await owner.client.get(f"{editor.url}/export.json")
    assert "attachment" in exported.headers["content-disposition"]
    file = {"file": ("flow.json", exported.content, "application/json")}
    answer = await owner.client.post("/flows/import", files=file, headers={"hx-request": "true"})
    assert answer.headers["hx-redirect"].startswith("/flows/")
    for data in (b"not json", b"[" * 100_000, json.dumps({"nodes": []}).encode()):
        refused = await owner.client.post("/flows/import", files={"file": ("flow.json", data, "application/json")})
        assert refused.status_code == 422


async def test_publishing_says_where_the_flow_is_now(editor: Editor) -> None:
    await draw_tea(editor)
    asked = (await editor.client.get(f"{editor.url}/publish")).text
    assert "Publish version 1" in asked
    done = (await editor.post("publish", version_note="First")).text
    assert "Version 1 is live." in done
    assert "/w/" in done
    assert "&lt;script src=" in done
    listed = (await editor.client.get(f"{editor.url}/versions")).text
    assert "First" in listed
    assert "by Ada" in listed


async def test_the_publish_dialog_lists_what_forbids_it(editor: Editor) -> None:
    await editor.add("n-1")
    asked = unescape((await editor.client.get(f"{editor.url}/publish")).text)
    assert "Mend this problem first" in asked
    assert 'data-goto="n-1"' in asked
    assert (await editor.post("publish")).status_code == 422


async def test_a_version_is_restored_into_the_draft_and_that_can_be_undone(editor: Editor) -> None:
    await draw_tea(editor)
    await editor.post("publish")
    published = await editor.draft()
    await editor.operate({"op": "delete", "nodes": ["n-2"], "edges": ["e-1"]})
    await editor.save("n-1", step_title="Changed", text="Changed")
    changed = await editor.draft()
    restored = await editor.post("versions/1/restoration")
    assert "Version 1 is the draft again" in restored.text
    assert await editor.draft() == published
    await editor.post("undo")
    assert await editor.draft() == changed
    assert (await editor.post("versions/9/restoration")).status_code == 404

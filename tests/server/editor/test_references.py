"""Settings that name a step or another flow are chosen from a list, by name; a chosen flow says what it takes."""

import re
from html import unescape

from tests.conftest import Workspace
from tests.server.editor.drawing import Editor, new_flow, targets


async def form(editor: Editor, node: str) -> str:
    return unescape((await editor.client.get(f"{editor.url}/nodes/{node}/form")).text)


async def test_a_jump_goes_to_a_step_chosen_by_its_title(editor: Editor) -> None:
    await editor.add("n-1")
    await editor.save("n-1", step_title="Greeting", text="Hello")
    await editor.add("n-2", "jump", 300)
    assert '<option value="n-1">Greeting</option>' in await form(editor, "n-2")
    answer = await editor.save("n-2", step="n-1")
    assert "<p>Greeting</p>" in answer.text
    assert (await editor.draft())["nodes"]["n-2"]["settings"]["step"] == "n-1"
    await editor.operate({"op": "delete", "nodes": ["n-1"]})
    assert "Something that is gone" in await form(editor, "n-2")


async def test_another_flow_is_chosen_and_its_inputs_get_rows(owner: Workspace) -> None:
    called, editor = await new_flow(owner.client, "Find the address"), await new_flow(owner.client)
    for name in ("street", "city", "address"):
        await called.post("variables", name=name)
    await called.post("interface", **{"input.name": ["street", "city"], "input.required": ["yes", ""], "output.name": ["address"]})
    await editor.add("n-1", "run_subflow")
    assert f'<option value="{called.flow_id}">Find the address</option>' in await form(editor, "n-1")
    answer = await editor.save("n-1", flow=called.flow_id)
    assert ("[data-field=inputs]", "outerHTML") in targets(answer)
    assert "<p>Find the address" in answer.text
    shown = await form(editor, "n-1")
    assert re.findall(r'name="inputs.key" value="([^"]*)"', shown) == ["street", "city"]
    keys = {"inputs.key": ["street", "city"], "inputs.value": ["{{ contact.name }}", ""]}
    await editor.save("n-1", flow=called.flow_id, **keys, **{"outputs.output": ["address"], "outputs.variable": ["home"]})
    settings = (await editor.draft())["nodes"]["n-1"]["settings"]
    assert settings["inputs"] == {"street": "{{ contact.name }}"}
    assert settings["outputs"] == [{"output": "address", "variable": "home"}]
    await called.post("interface", **{"input.name": ["city"], "input.required": [""]})
    assert "no longer an input" in await form(editor, "n-1")

"""What is offered while somebody types {{ }}."""

from flow_runtime.checks.types import BUILT_IN as TYPES
from server.editor.completion_pages import BUILT_IN
from tests.server.editor.drawing import Editor


async def test_variables_functions_and_filters_are_offered_with_types_and_help(editor: Editor) -> None:
    await editor.add("n-1", "ask_question")
    await editor.save("n-1", text="Size?", save_as="size")
    await editor.post("variables", name="city", type="list")
    await editor.post("variables/city", type="list", scope="flow", description="Where they live")
    offers = (await editor.client.get(f"{editor.url}/completions")).json()
    by_name = {one["name"]: one for one in offers["variables"]}
    assert by_name["city"] == {"name": "city", "type": "list", "help": "Where they live", "arguments": "", "takes": []}
    assert by_name["size"]["name"] == "size"
    assert by_name["contact.name"]["type"] == "text"
    upper = next(one for one in offers["filters"] if one["name"] == "upper")
    assert upper["help"]
    assert "text" in upper["takes"]
    assert offers["functions"]


def test_every_name_that_is_offered_exists() -> None:
    assert BUILT_IN.keys() <= TYPES.keys()

"""The form of a step saves itself, says what is wrong at the field, and loses nothing."""

import re
from html import unescape

from server.flows.library import library
from tests.server.editor.drawing import Editor, targets


async def form(editor: Editor, node: str) -> str:
    """The form as the panel gets it."""
    answer = await editor.client.get(f"{editor.url}/nodes/{node}/form")
    assert answer.status_code == 200
    return answer.text


async def test_every_kind_of_step_has_a_form_with_help(editor: Editor) -> None:
    for kind, node in library().items():
        await editor.add(kind, kind)
        html = await form(editor, kind)
        assert f"<h2>{node.title}</h2>" in html
        assert "Help and examples" in html
        for name in node.schema["properties"]:
            assert f'data-field="{name}"' in html
        assert "style=" not in html
        assert not re.search(r"\son\w+=", html)


async def test_saving_a_form_as_it_came_changes_nothing(editor: Editor) -> None:
    for kind, node in library().items():
        await editor.add(kind, kind)
        before = (await editor.draft())["nodes"][kind]
        answer = await editor.client.post(f"{editor.url}/nodes/{kind}", data=fields_in(await form(editor, kind)))
        assert answer.status_code == 200
        after = (await editor.draft())["nodes"][kind]
        filled = {name: value for name, value in after["settings"].items() if value not in ("", []) or name in before["settings"]}
        assert {**node.defaults(), **filled} == {**node.defaults(), **before["settings"]}
        assert {**after, "settings": 0} == {**before, "settings": 0}


def fields_in(html: str) -> dict[str, list[str]]:
    """What a browser would send of the form."""
    html = re.sub(r"<template.*?</template>", "", html, flags=re.DOTALL)
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<(?:input|select|textarea)\b[^>]*>(?:[^<]*</textarea>)?", html):
        name = re.search(r'name="([^"]*)"', tag)
        if not name or ("checkbox" in tag and "checked" not in tag):
            continue
        value = re.search(r'value="([^"]*)"', tag)
        text = re.search(r">([^<]*)</textarea>", tag)
        if tag.startswith("<select"):
            select = html[html.index(tag) :].partition("</select>")[0]
            options = re.findall(r'<option( value="([^"]*)")?( selected)?>([^<]*)', select)
            has_value, value_given, _, label = next((one for one in options if one[2]), options[0])
            found.setdefault(name[1], []).append(unescape(value_given if has_value else label))
        else:
            found.setdefault(name[1], []).append(unescape(text[1] if text else value[1] if value else ""))
    return found


async def test_saving_updates_the_card_and_the_notes_at_the_fields(editor: Editor) -> None:
    await editor.add("n-1")
    answer = await editor.save("n-1", step_title="Welcome", text="Hello {{ contact.name }}")
    assert targets(answer) == [("#n-1", "outerMorph")]
    assert "Hello {{ contact.name }}" in answer.text
    assert 'hx-target="#f-text-problem"' in answer.text
    step = (await editor.draft())["nodes"]["n-1"]
    assert (step["title"], step["settings"]["text"]) == ("Welcome", "Hello {{ contact.name }}")


async def test_an_empty_field_is_kept_and_noted(editor: Editor) -> None:
    await editor.add("n-1")
    answer = await editor.save("n-1", text="")
    assert answer.status_code == 200
    assert "&#34;Message&#34; is empty." in answer.text


async def test_a_step_needs_a_name(editor: Editor) -> None:
    await editor.add("n-1")
    answer = await editor.save("n-1", step_title="  ", text="Not lost")
    assert answer.status_code == 422
    assert "Give this step a name." in answer.text
    assert "Not lost" in answer.text
    assert (await editor.draft())["nodes"]["n-1"]["title"] == "Send a message"


async def test_a_number_that_is_none_is_refused_at_its_field(editor: Editor) -> None:
    await editor.add("n-1", "wait")
    for amount, words in (("soon", "must be"), ("-5", "must be 1 or more"), ("99999999999", "must be 2592000 or less")):
        answer = await editor.save("n-1", **{"seconds.amount": amount, "seconds.unit": "seconds"})
        assert answer.status_code == 422
        assert words in unescape(answer.text)
        assert 'id="f-seconds-error"' in answer.text
    assert (await editor.draft())["nodes"]["n-1"]["settings"]["seconds"] == 5


async def test_durations_have_units(editor: Editor) -> None:
    await editor.add("n-1", "wait")
    await editor.save("n-1", **{"seconds.amount": "1,5", "seconds.unit": "hours"})
    assert (await editor.draft())["nodes"]["n-1"]["settings"]["seconds"] == 5_400
    assert 'value="90"' in await form(editor, "n-1")


async def test_new_choices_get_a_value_and_keep_it(editor: Editor) -> None:
    await editor.add("n-1", "offer_choices")
    await editor.save("n-1", text="?", **{"choices.value": ["", ""], "choices.label": ["Track my order", ""]})
    await editor.add("n-2", "end", 320)
    await editor.connect("e-1", "n-1", "track_my_order", "n-2")
    await editor.save("n-1", text="?", **{"choices.value": [""], "choices.label": ["Where is it?"]})
    await editor.save("n-1", text="?", **{"choices.value": ["", ""], "choices.label": ["Billing", "Where is it?"]})
    await editor.save("n-1", text="?", **{"choices.value": ["", "track_my_order"], "choices.label": ["Money", "Where is it?"]})
    draft = await editor.draft()
    choices = [{"value": "billing", "label": "Money"}, {"value": "track_my_order", "label": "Where is it?"}]
    assert draft["nodes"]["n-1"]["settings"]["choices"] == choices
    assert "e-1" in draft["edges"]


async def test_a_choice_that_goes_takes_its_connection_along_in_one_step_of_undo(editor: Editor) -> None:
    await editor.add("n-1", "offer_choices")
    await editor.save("n-1", text="?", **{"choices.value": ["a", "b"], "choices.label": ["A", "B"]})
    await editor.add("n-2", "end", 320, source="n-1", port="b", edge="e-1")
    answer = await editor.save("n-1", text="?", **{"choices.value": ["a"], "choices.label": ["A"]})
    assert ("#e-1", "delete") in targets(answer)
    await editor.post("undo")
    assert list((await editor.draft())["edges"]) == ["e-1"]


async def test_branches_hold_their_rows(editor: Editor) -> None:
    await editor.add("n-1", "branch")
    await editor.save(
        "n-1",
        **{
            "branches.name": ["b1", "b2"],
            "branches.title": ["Tea", "Coffee"],
            "branches.match": ["all", "any"],
            "branches.when.of": ["b1", "b2", "b2", "b2"],
            "branches.when.variable": ["drink", "drink", "drink", ""],
            "branches.when.operator": ["is", "contains", "is_empty", "is"],
            "branches.when.value": ["tea", "cof", "", ""],
        },
    )
    branches = (await editor.draft())["nodes"]["n-1"]["settings"]["branches"]
    assert [one["title"] for one in branches] == ["Tea", "Coffee"]
    assert branches[1]["when"] == {
        "match": "any",
        "rows": [
            {"variable": "drink", "operator": "contains", "value": "cof"},
            {"variable": "drink", "operator": "is_empty", "value": ""},
        ],
    }


async def test_a_step_that_may_fail_gets_an_output_for_it(editor: Editor) -> None:
    await editor.add("n-1", "set_variables")
    await editor.save("n-1", step_on_error="branch", **{"assignments.variable": "x", "assignments.value": "1"})
    await editor.add("n-2", "end", 320)
    assert (await editor.connect("e-1", "n-1", "failed", "n-2")).status_code == 200
    await editor.save("n-1", step_on_error="default", step_error_value="0", **{"assignments.variable": "x", "assignments.value": "1"})
    draft = await editor.draft()
    assert draft["nodes"]["n-1"]["on_error"] == {"do": "default", "value": "0"}
    assert draft["edges"] == {}


async def test_texts_of_people_are_shown_as_text(editor: Editor) -> None:
    await editor.add("n-1")
    attack = '"><script>alert(1)</script>{{ 7 * 7 }}'
    await editor.save("n-1", step_title=attack, text=attack, step_note=attack)
    pages = [(await editor.client.get(url)).text for url in (editor.url, f"{editor.url}/outline")]
    for html in (await form(editor, "n-1"), *pages):
        assert "<script>alert" not in html
        assert "7 * 7" in html


async def test_a_step_that_is_gone_has_no_form(editor: Editor) -> None:
    assert (await editor.client.get(f"{editor.url}/nodes/n-9/form")).status_code == 404
    assert (await editor.save("n-9")).status_code == 404

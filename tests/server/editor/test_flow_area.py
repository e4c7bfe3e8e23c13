"""The dialog about the flow as a whole: each tab says what there is, saves itself, refuses at the field and is undone."""

import csv
import io
import re
from html import unescape

import pytest

from server.editor.variable_pages import read_default, shown_default
from tests.server.editor.drawing import Editor, draw_tea, targets

TABS = ("general", "variables", "triggers", "languages", "interface")


@pytest.fixture
async def tea(editor: Editor) -> Editor:
    """A message that reads a variable, a question that sets one, the end."""
    await draw_tea(editor)
    await editor.save("n-1", step_title="Welcome", text="Welcome, {{ guest }}.")
    await editor.add("n-3", "ask_question", 640)
    await editor.save("n-3", step_title="Ask", text="Your name?", save_as="guest")
    return editor


async def tab(editor: Editor, part: str, **query: str) -> str:
    """What a tab shows."""
    answer = await editor.client.get(f"{editor.url}/{part}", params=query)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


async def test_every_tab_opens_the_dialog_and_comes_alone_when_its_tab_is_pressed(tea: Editor) -> None:
    for part in TABS:
        whole = await tab(tea, part)
        assert whole.count('role="tabpanel"') == len(TABS)
        assert "style=" not in whole
        assert not re.search(r"\son\w+=", whole)
        alone = await tea.client.get(f"{tea.url}/{part}", headers={"HX-Request": "true", "HX-Target": f"div#flow-{part}"})
        assert 'role="tabpanel"' not in alone.text


async def test_a_variable_is_added_described_renamed_and_deleted(tea: Editor) -> None:
    shown = await tab(tea, "variables")
    assert "Used by steps, not described yet" in shown
    answer = await tea.post("variables", name="guest", type="text", scope="contact")
    assert ("#flow-variables", "innerHTML") in targets(answer)
    assert "Text, kept with this contact · set in 1, read in 1" in answer.text
    answer = await tea.post("variables/guest", type="list", scope="bot", default="gone", personal="true", description=" Who ")
    assert ("#variable-default-guest", "outerHTML") in targets(answer)
    await tea.post("variables/guest", type="list", scope="bot", default="Ada\n\nBob", personal="true", description="Who")
    about = {"type": "list", "scope": "bot", "default": ["Ada", "Bob"], "personal": True, "description": "Who"}
    assert (await tea.draft())["variables"] == {"guest": about}
    await tea.post("variables/guest/name", name="visitor")
    draft = await tea.draft()
    assert draft["variables"] == {"visitor": about}
    assert draft["nodes"]["n-1"]["settings"]["text"] == "Welcome, {{ visitor }}."
    assert draft["nodes"]["n-3"]["settings"]["save_as"] == "visitor"
    assert "used in 2 places" in await tab(tea, "variables")
    await tea.post("variables/visitor/deletion")
    assert (await tea.draft())["variables"] == {}
    await tea.post("area/undo", part="variables")
    answer = await tea.post("area/undo", part="variables")
    assert ("#flow-variables", "innerHTML") in targets(answer)
    assert (await tea.draft())["variables"] == {"guest": about}


async def test_a_variable_is_refused_at_its_field(tea: Editor) -> None:
    for name, words in (("not a name", "begins with a letter"), ("message", "uses itself")):
        answer = await tea.post("variables", name=name)
        assert answer.status_code == 422
        assert words in answer.text
        assert 'id="new-variable-name-error"' in answer.text
    await tea.post("variables", name="size", type="number")
    assert "already" in (await tea.post("variables", name="size")).text
    answer = await tea.post("variables/size", type="number", scope="flow", default="many")
    assert answer.status_code == 422
    assert 'id="variable-default-value-size-error"' in answer.text
    assert 'value="many"' in answer.text
    assert (await tea.post("variables/size/name", name="guest")).status_code == 422
    assert (await tea.post("variables/gone", type="text", scope="flow")).status_code == 404


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", " two words", " two words"),
        ("number", "2,5", 2.5),
        ("boolean", "no", False),
        ("date", "2026-11-21", "2026-11-21"),
        ("list", "a\nb", ["a", "b"]),
        ("object", '{"a": 1}', {"a": 1}),
        ("file", "x", None),
        ("number", "", None),
    ],
)
def test_first_values_by_type(kind: str, text: str, value: object) -> None:
    assert read_default(kind, text) == value
    assert read_default(kind, shown_default(kind, value)) == value


@pytest.mark.parametrize(("kind", "text"), [("number", "x"), ("object", "{"), ("object", "[1]")])
def test_first_values_that_are_none(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"Write|JSON"):
        read_default(kind, text)


async def test_a_trigger_is_added_shown_on_its_card_changed_and_deleted(tea: Editor) -> None:
    assert "When the customer says…" in await tab(tea, "triggers", node="n-2")
    form = await tea.client.get(f"{tea.url}/triggers/new", params={"kind": "keyword", "node": "n-2"})
    assert re.search(r'<option value="n-2" selected>', form.text)
    answer = await tea.post("triggers", type="keyword", node="n-2", words="bye\r\ngoodbye", match="contains", returns="true")
    assert ("#n-2", "outerMorph") in targets(answer)
    assert "trigger-flag" in answer.text
    (trigger,) = (await tea.draft())["triggers"][1:]
    assert trigger == {
        "id": trigger["id"],
        "type": "keyword",
        "node": "n-2",
        "words": ["bye", "goodbye"],
        "match": "contains",
        "returns": True,
    }
    answer = await tea.post(f"triggers/{trigger['id']}", type="keyword", node="n-2", words="ciao", match="exact")
    assert "“ciao”" in answer.text
    assert (await tea.draft())["triggers"][1]["returns"] is False
    refused = await tea.post(f"triggers/{trigger['id']}", type="keyword", node="n-2", words=" ", match="exact")
    assert refused.status_code == 422
    assert f'id="trigger-{trigger["id"]}-words-error"' in refused.text
    assert "“ciao”" in (await tea.client.get(f"{tea.url}/outline")).text
    await tea.post(f"triggers/{trigger['id']}/deletion")
    assert len((await tea.draft())["triggers"]) == 1
    assert (await tea.post("triggers/t-9", type="error", node="n-2")).status_code == 404


async def test_every_kind_of_trigger_has_a_form(tea: Editor) -> None:
    filled = {
        "intent": {"intents": ["refund", "track"], "when": "always"},
        "command": {"command": "human", "words": "agent"},
        "postback": {"value": "menu"},
        "event": {"name": "paid", "save_as": "payment"},
        "schedule": {"every": "week", "at": "09:30", "days": ["1", "3"], "audience": "open", "time_zone": "Europe/Berlin"},
        "inactivity": {"amount": "2", "unit": "hours", "times": "1"},
        "error": {},
    }
    for kind, fields in filled.items():
        assert (await tea.client.get(f"{tea.url}/triggers/new", params={"kind": kind})).status_code == 200
        if kind != "error":
            assert (await tea.post("triggers", type=kind, node="n-1")).status_code == 422
        assert (await tea.post("triggers", type=kind, node="n-1", **fields)).status_code == 200, kind
    by_type = {trigger["type"]: trigger for trigger in (await tea.draft())["triggers"]}
    assert by_type["schedule"]["cron"] == "30 9 * * 1,3"
    assert by_type["inactivity"]["after_s"] == 7200
    assert by_type["intent"]["intents"] == ["refund", "track"]
    shown = await tab(tea, "triggers")
    assert "Every Monday and Wednesday at 09:30" in shown
    assert "Silent for 2 hours" in shown
    assert (await tea.client.get(f"{tea.url}/triggers/new", params={"kind": "telepathy"})).status_code == 404


async def test_languages_are_added_translated_filtered_and_removed(tea: Editor) -> None:
    await tea.post("languages", add="de")
    answer = await tea.post("languages", add="pt-BR")
    assert "Portuguese (Brazil)" in answer.text
    await tea.post("translations", language="de", source="Your name?", translation="Ihr Name?")
    assert (await tea.draft())["languages"]["texts"] == {"de": {"Your name?": "Ihr Name?"}}
    shown = await tab(tea, "languages")
    assert "1 of 3" in shown or "1 of 2" in shown
    missing = await tab(tea, "translations", language="de", missing_only="yes")
    assert "Your name?" not in missing
    assert "Welcome, {{ guest }}." in missing
    assert "Your name?" in await tab(tea, "translations", language="de", q="ihr name")
    assert "No text fits." in await tab(tea, "translations", language="de", q="zebra")
    answer = await tea.post("translations", language="de", source="Your name?", translation="", node="n-3")
    assert ("#step-missing-de", "textContent") in targets(answer)
    await tea.post("languages", remove="de")
    assert (await tea.draft())["languages"]["others"] == ["pt-BR"]
    assert (await tea.post("translations", language="de", source="Your name?", translation="x")).status_code == 422


async def test_texts_go_to_a_file_and_come_back(tea: Editor) -> None:
    await tea.post("languages", add="de")
    await tea.save("n-1", step_title="Welcome", text='Hello, "{{ guest }}";\nwelcome')
    file = (await tea.client.get(f"{tea.url}/texts.csv")).text
    rows = list(csv.reader(io.StringIO(file.removeprefix("\ufeff"))))
    assert rows[0] == ["where", "en", "de"]
    filled = io.StringIO()
    csv.writer(filled).writerows([rows[0], *([where, text, f"de: {text}"] for where, text, _ in rows[1:]), ["x", "gone", "weg"]])
    answer = await tea.client.post(f"{tea.url}/texts", files={"file": ("texts.csv", filled.getvalue().encode())})
    assert answer.status_code == 200
    assert "1 rows are of texts that are no longer in the flow" in answer.headers["hx-trigger"]
    assert (await tea.draft())["languages"]["texts"]["de"]['Hello, "{{ guest }}";\nwelcome'] == 'de: Hello, "{{ guest }}";\nwelcome'
    for data, words in ((b"\xff\xfe", "not UTF-8"), (b"a,b\n", "column en"), (b"en,fr\n", "Add the language"), (b"en,de\n", "Nothing new")):
        refused = await tea.client.post(f"{tea.url}/texts", files={"file": ("texts.csv", data)}, headers={"Accept": "application/json"})
        assert refused.status_code == 422
        assert words in refused.text


async def test_general_settings(tea: Editor) -> None:
    fields = {
        "name": "Tea house",
        "description": "For guests",
        "fallback_text": "Sorry!",
        "typing": "0,8",
        "time_zone": "Europe/Berlin",
        "budget": "0.05",
    }
    quiet = {"quiet": "true", "quiet_from": "22:00", "quiet_to": "07:00"}
    answer = await tea.post("general", **fields, **quiet)
    assert ("#flow-name", "textContent") in targets(answer)
    draft = await tea.draft()
    assert (draft["name"], draft["description"]) == ("Tea house", "For guests")
    assert draft["settings"] == {
        "fallback_text": "Sorry!",
        "typing_ms": 800,
        "turn_budget_usd": 0.05,
        "time_zone": "Europe/Berlin",
        "quiet_hours": {"from": "22:00", "to": "07:00"},
    }
    for field, value, name in (
        ("name", " ", "name"),
        ("typing", "soon", "typing"),
        ("budget", "-1", "budget"),
        ("time_zone", "Mars", "zone"),
    ):
        refused = await tea.post("general", **{**fields, field: value})
        assert refused.status_code == 422
        assert f'id="general-{name}-error"' in refused.text
    await tea.post("general", name="Tea house", description="For guests")
    assert (await tea.draft())["settings"] == {}
    for _ in range(3):
        await tea.post("area/undo", part="general")
    assert (await tea.draft())["name"] == "Order help"


async def test_inputs_and_outputs(tea: Editor) -> None:
    assert "Add some under Variables first" in await tab(tea, "interface")
    await tea.post("variables", name="guest")
    await tea.post("interface", **{"input.name": ["guest", ""], "input.required": ["yes", ""], "output.name": ["guest"]})
    assert (await tea.draft())["interface"] == {"inputs": [{"name": "guest", "required": True}], "outputs": [{"name": "guest"}]}
    refused = await tea.post("interface", **{"output.name": ["guest", "guest"]})
    assert refused.status_code == 422
    assert "stands there twice" in refused.text


async def test_what_a_step_does_when_something_goes_wrong_and_its_languages(tea: Editor) -> None:
    await tea.add("n-4", "http_request", 900)
    policy = {"step_on_error": "branch", "step_retry_times": "3", "step_retry_pause": "1,5", "step_timeout": "20"}
    await tea.save("n-4", url="https://a.example", **policy)
    step = (await tea.draft())["nodes"]["n-4"]
    assert step["on_error"] == {"do": "branch", "retry": {"times": 3, "pause_s": 1.5}}
    assert step["timeout_s"] == 20
    form = (await tea.client.get(f"{tea.url}/nodes/n-4/form")).text
    assert 'value="1.5"' in form
    for field in ("step_retry_times", "step_retry_pause", "step_timeout"):
        refused = await tea.save("n-4", url="https://a.example", **{**policy, field: "-1"})
        assert refused.status_code == 422
        assert f'id="f-{field}-error"' in refused.text
    await tea.save("n-4", url="https://a.example", step_retry_times="", step_retry_pause="", step_timeout="")
    assert "timeout_s" not in (await tea.draft())["nodes"]["n-4"]
    assert "step_retry_times" not in (await tea.client.get(f"{tea.url}/nodes/n-2/form")).text
    await tea.post("languages", add="de")
    form = (await tea.client.get(f"{tea.url}/nodes/n-3/form")).text
    assert 'id="tab-step-in-de"' in form
    assert "Your name?" in (await tea.client.get(f"{tea.url}/nodes/n-3/translations", params={"language": "de"})).text
    assert 'id="tab-step-in-de"' not in (await tea.client.get(f"{tea.url}/nodes/n-4/form")).text


async def test_the_badge_says_where_customers_reach_the_flow(tea: Editor) -> None:
    await draw_end(tea)
    assert "no chat address yet" in (await tea.client.get(f"{tea.url}/live")).text
    assert (await tea.post("publish")).status_code == 200
    assert "/w/" in (await tea.client.get(f"{tea.url}/live")).text
    assert 'popovertarget="live-menu"' in (await tea.client.get(tea.url)).text


async def draw_end(editor: Editor) -> None:
    """The question leads to the end, and is led to."""
    await editor.connect("e-2", "n-1", "next", "n-3")
    await editor.connect("e-3", "n-3", "next", "n-2")

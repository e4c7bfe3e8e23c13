"""The scripts at their first depth: the runtime alone, no server."""

import json
from pathlib import Path

import pytest

from flow_runtime import Outcome, State, effect_to_json, input_from_json, input_to_json, resume, start
from tests.conversations.chat_script import SCRIPTS, names, play, read_script
from tests.conversations.runtime_driver import RuntimeDriver


@pytest.mark.parametrize("path", SCRIPTS, ids=names(SCRIPTS))
async def test_chat_goes_as_written(path: Path) -> None:
    await play(read_script(path), RuntimeDriver())


@pytest.mark.parametrize("path", SCRIPTS, ids=names(SCRIPTS))
async def test_chat_replays_byte_for_byte_from_its_stored_inputs(path: Path) -> None:
    script, driver = read_script(path), RuntimeDriver()
    await play(script, driver)
    stored = [json.dumps(input_to_json(input)) for input in driver.inputs]
    replayed: list[Outcome] = []
    for text in stored:
        input = input_from_json(json.loads(text))
        if replayed:
            state = State.from_json(json.loads(json.dumps(replayed[-1].state.to_json())))
            replayed.append(resume(driver.flow, state, input))
        else:
            replayed.append(start(driver.flow, input, conversation_id="chat", contact=script.contact))
    assert [_bytes(outcome) for outcome in replayed] == [_bytes(outcome) for outcome in driver.outcomes]


def _bytes(outcome: Outcome) -> str:
    return json.dumps(
        [outcome.state.to_json(), [effect_to_json(effect) for effect in outcome.effects], [visit.to_json() for visit in outcome.trace]]
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("opens\nbot: Something else", "the bot said: What is your order number?"),
        ("opens\nbot: What is your order number?\nbot: More", "the bot said nothing"),
        ("opens\nuser: 7", "before that the bot said"),
        ("opens", "the bot also said"),
        ("opens\nbot: What is your order number?\nend", "the flow ended with None"),
        ("opens\nbot: What is your order number?\nuser: 7\ncall: llm.reply", "the call is integration.call"),
        ('opens\nbot: What is your order number?\nuser: 7\ncall: integration.call {"method": "PUT"}', "the payload is"),
        ("opens\nbot: What is your order number?\nknows: order_id 7", "order_id is None"),
    ],
)
async def test_a_script_that_goes_another_way_says_where(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "wrong.chat"
    path.write_text(f"flow order_status.json\n{text}\n")
    with pytest.raises(AssertionError, match=r"wrong\.chat") as caught:
        await play(read_script(path), RuntimeDriver())
    assert complaint in str(caught.value)

"""The templates of the gallery: nothing to mend in any of them, and each does what its scripts say."""

import json
from pathlib import Path

import pytest

from flow_runtime import Surroundings, problems_of
from node_library import load_library
from server.flows.gallery import Template, templates
from tests.conversations.chat_script import TEMPLATE_SCRIPTS, names, play, read_script
from tests.conversations.runtime_driver import RuntimeDriver

TEMPLATES = templates()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_there_is_nothing_to_mend(template: Template) -> None:
    examples = {name: len(intent["examples"]) for name, intent in template.intents.items()}
    assert problems_of(dict(template.document), load_library(), Surroundings(examples)) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_the_preview_shows_what_the_bot_says(template: Template) -> None:
    said = json.dumps(template.document, ensure_ascii=False)
    assert [text for who, text in template.preview if who == "bot" and json.dumps(text, ensure_ascii=False)[1:-1] not in said] == []


def test_every_template_has_a_script() -> None:
    played = {line.split()[1] for path in TEMPLATE_SCRIPTS for line in path.read_text().splitlines() if line.startswith("template ")}
    assert played == {template.key for template in TEMPLATES}


@pytest.mark.parametrize("path", TEMPLATE_SCRIPTS, ids=names(TEMPLATE_SCRIPTS))
async def test_template_talks_as_written(path: Path) -> None:
    await play(read_script(path), RuntimeDriver())

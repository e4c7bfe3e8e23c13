"""Every stage does what its cases.json says; every folder can be used as a stage."""

from typing import Any

import pytest

from server.conversations.processing.about import StageAbout, stages
from server.conversations.processing.cases import cases_of, failures_of

CASES = [pytest.param(about, case, id=f"{about.name}: {case['title']}") for about in stages() for case in cases_of(about)]
ELSEWHERE = {"geocoding", "malware", "picture_metadata"}
"""They ask another process; test_geocoding.py, test_malware.py and test_picture_metadata.py have their cases."""


@pytest.mark.parametrize(("about", "case"), CASES)
def test_a_case(about: StageAbout, case: dict[str, Any]) -> None:
    assert failures_of(about, case) == []


def test_a_wrong_case_is_seen() -> None:
    about = next(stage for stage in stages() if stage.name == "normalise")
    assert failures_of(about, {"text": "a", "found": {"changed": ["form"]}})
    assert failures_of(about, {"text": " a", "found": {"changed": ["blanks"]}})
    assert failures_of(about, {"text": "a", "refused": "empty"})
    assert failures_of(about, {"text": "", "found": {}}) == [], "what has no text does not concern the stage"


def test_every_folder_is_a_stage_with_defaults_that_fit() -> None:
    orders = [about.order for about in stages()]
    assert len(orders) == len(set(orders)), "two stages claim one place"
    for about in stages():
        assert callable(about.process)
        assert about.title
        assert about.summary.endswith(".")
        assert {option.name: option.problem(option.default) for option in about.settings if option.problem(option.default)} == {}
        assert cases_of(about) or about.name in ELSEWHERE
        assert not about.on or about.runs != "inline" or "file" in about.reads, "what is on by itself must not slow the turn"

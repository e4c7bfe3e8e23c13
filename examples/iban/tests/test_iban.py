"""The plugin's own tests: its cases, its arithmetic, and its call with a service that is made up."""

import importlib.util
from pathlib import Path
from string import ascii_uppercase, digits
from types import ModuleType
from typing import Any

import pytest

from flow_runtime.errors import NodeFailure
from node_library.conformance import complaints

HERE = Path(__file__).parents[1]


def load(file: str) -> ModuleType:
    """A module of the plugin, as its host loads it."""
    spec = importlib.util.spec_from_file_location(f"iban_{Path(file).stem}", HERE / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("node", ["check_iban", "find_bank"])
def test_a_step_passes_the_tests_of_every_step(node: str) -> None:
    assert complaints(HERE / node) == []


EXAMPLES = (
    "GB82WEST12345698765432",
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
)


@pytest.mark.parametrize("iban", EXAMPLES)
def test_every_digit_or_letter_typed_as_another_is_found(iban: str) -> None:
    is_valid = load("check_iban/node.py").is_valid
    assert is_valid(iban)
    for place, right in enumerate(iban):
        for other in set(digits if right.isdigit() else ascii_uppercase) - {right}:
            wrong = iban[:place] + other + iban[place + 1 :]
            assert not is_valid(wrong), wrong


class Service:
    """Answers every request with the same."""

    def __init__(self, status: int, body: Any) -> None:
        self.answer = {"status": status, "headers": {}, "body": body}
        self.asked: list[str] = []

    def get(self, url: str) -> dict[str, Any]:
        """Note the request."""
        self.asked.append(url)
        return self.answer


def test_the_bank_is_read_from_the_answer() -> None:
    service = Service(200, {"valid": True, "bankData": {"name": "Commerzbank", "bic": "COBADEFFXXX", "zip": ""}})
    assert load("calls.py").bank({"iban": "DE89 3704/?"}, service) == {"name": "Commerzbank", "bic": "COBADEFFXXX"}
    assert service.asked == ["https://openiban.com/validate/DE89%203704%2F%3F?getBIC=true"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(200, {"bankData": {}}, "unknown_bank"), (200, {}, "unknown_bank"), (200, "<html>", "http_status"), (503, {}, "http_status")],
)
def test_no_bank_is_a_failure_that_says_why(status: int, body: Any, kind: str) -> None:
    with pytest.raises(NodeFailure) as failed:
        load("calls.py").bank({"iban": "X"}, Service(status, body))
    assert failed.value.kind == kind

"""Every node folder passes the tests that plugins pass."""

from pathlib import Path

import pytest

import node_library
from flow_runtime import Port
from node_library import load_library
from node_library.conformance import complaints
from node_library.contract import CATEGORIES

LIBRARY = load_library()
FOLDERS = sorted(path.parent for path in Path(node_library.__file__).parent.glob("*/node.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_node_keeps_the_contract(folder: Path) -> None:
    assert complaints(folder) == []


def test_every_folder_is_a_node_of_its_name() -> None:
    assert set(LIBRARY) == {folder.name for folder in FOLDERS}
    assert LIBRARY.refused == ()


def test_palette_shows_every_node_by_category() -> None:
    entries = LIBRARY.palette()
    assert sorted(entry.type for entry in entries) == sorted(LIBRARY)
    categories = [CATEGORIES.index(entry.category) for entry in entries]
    assert categories == sorted(categories)
    for entry in entries:
        assert entry.icon.is_file()
        assert entry.help.startswith("# ")
        assert entry.schema["properties"].keys() >= entry.defaults.keys()


def test_ports_follow_the_settings() -> None:
    choices = {"choices": [{"value": "red", "label": "Red"}, {"label": "Dark blue"}], "on_other": "leave"}
    assert LIBRARY.ports_of("offer_choices", choices) == [
        Port("red", "Red", True),
        Port("dark_blue", "Dark blue", True),
        Port("otherwise", "Anything else", True),
    ]
    assert [port.name for port in LIBRARY.ports_of("offer_choices", {})] == []
    assert [port.name for port in LIBRARY.ports_of("send_message", {}, on_error="branch")] == ["next", "failed"]
    assert [port.name for port in LIBRARY.ports_of("http_request", {}, on_error="branch")] == ["ok", "failed"]
    assert LIBRARY.ports_of("not_installed", {}) == []


@pytest.mark.parametrize(
    "garbage", [{"choices": 7}, {"choices": [None, 3, {}, {"label": 5}]}, {"branches": {"a": 1}}, {"intents": [[], {}]}]
)
@pytest.mark.parametrize("type", sorted(LIBRARY))
def test_unfinished_settings_still_have_ports_and_a_card(type: str, garbage: dict[str, object]) -> None:
    assert all(isinstance(port.name, str) and port.name for port in LIBRARY.ports_of(type, garbage))
    assert isinstance(LIBRARY.card_text(type, garbage), str)


@pytest.mark.parametrize(
    ("type", "settings", "shown"),
    [
        ("send_message", {"text": "Hello\n  there"}, "Hello there"),
        ("send_message", {}, ""),
        ("send_message", {"text": "a" * 500}, "a" * 159 + "…"),
        ("wait", {"seconds": 7200}, "2 hours"),
        ("wait", {"seconds": 61}, "61 seconds"),
        ("wait", {"seconds": 1}, "1 second"),
        ("http_request", {"url": "https://shop.example"}, "GET https://shop.example"),
        ("branch", {"branches": [{"title": "Big"}, {"title": "Small"}]}, "Big, Small"),
        ("classify_intent", {"intents": ["track", "refund"]}, "track, refund"),
        ("not_installed", {}, ""),
    ],
)
def test_card_says_in_one_line_what_the_node_does(type: str, settings: dict[str, object], shown: str) -> None:
    assert LIBRARY.card_text(type, settings) == shown

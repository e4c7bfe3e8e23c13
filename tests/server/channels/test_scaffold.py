"""`chatloom channel new` writes a channel that works; the conformance tests find what is broken in one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from server.channels import about, contract
from server.channels.conformance import complaints
from server.channels.scaffold import new_channel
from server.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_channel("carrier_pigeon", tmp_path)


def test_a_new_folder_has_nothing_to_complain_about(folder: Path) -> None:
    assert complaints(folder) == []


def test_a_new_folder_is_a_kind_with_no_other_file_touched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about.kinds.cache_clear()
    monkeypatch.setattr(about, "HERE", folder.parent)
    try:
        assert [kind.title for kind in about.kinds()] == ["Carrier pigeon"]
    finally:
        about.kinds.cache_clear()
        about.about_of.cache_clear()


def test_the_command_writes_and_checks_one(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["channel", "new", "carrier_pigeon", "--into", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    assert CliRunner().invoke(main, ["channel", "check", str(tmp_path / "carrier_pigeon")]).exit_code == 0
    again = CliRunner().invoke(main, ["channel", "new", "carrier_pigeon", "--into", str(tmp_path)])
    assert again.exit_code == 1
    assert "exists already" in again.output
    (tmp_path / "carrier_pigeon" / "help.md").unlink()
    assert "help.md" in CliRunner().invoke(main, ["channel", "check", str(tmp_path / "carrier_pigeon")]).output


@pytest.mark.parametrize("name", ["Pigeon", "a", "../x", "pigeon-post"])
def test_a_name_is_a_word_of_small_letters(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="small letters"):
        new_channel(name, tmp_path)


def _about(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        data = json.loads((folder / "channel.json").read_text())
        change(data)
        (folder / "channel.json").write_text(json.dumps(data))

    return apply


def _code(before: str, after: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        text = (folder / "adapter.py").read_text()
        assert before in text
        (folder / "adapter.py").write_text(text.replace(before, after))

    return apply


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_about(lambda about: about.update(kind="owl")), "the kind is owl"),
        (_about(lambda about: about.update(wings=2)), "unknown field `wings`"),
        (_about(lambda about: about.update(limits={"wings": 2})), "there is no limit wings"),
        (_about(lambda about: about.update(summary="")), "a summary says"),
        (_about(lambda about: about["settings"][0].update(pattern="(")), "the pattern of url"),
        (_about(lambda about: about["secrets"][0].update(help="")), "signing_secret has no help"),
        (_about(lambda about: about["secrets"].append(about["secrets"][0])), "signing_secret is there twice"),
        (_code("hmac.compare_digest(given, one)", "True"), "a text: is taken with another body"),
        (_code("for secret in valid(secrets, SECRET)]", "for secret in [secrets[SECRET]]]"), "is taken without a secret"),
        (_code("for secret in valid(secrets, SECRET)]", "for secret in valid(secrets, SECRET)[:1]]"), None),
        (_code("valid(secrets, SECRET)]", "[secrets.get(SECRET) or valid({}, SECRET)[0]]]"), "while a secret is rotated"),
        (_code('"x-signature" in request.doubled or', ""), "although headers came twice"),
        (_code('.encode("latin-1", "replace")', '.encode("ascii")'), "other than ASCII"),
        (_code("words_of(body)", 'str(body["text"])'), "render: choices: 'Small' is lost"),
        (_code("[Inbound(message.id, ", "[Inbound(message.sender, "), "a text: messages.0.key should be 'm1', is 'ada'"),
        (_code("adapter = CarrierPigeonAdapter()", "adapter = None"), "is not an Adapter"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, spoil: Callable[[Path], None], complaint: str | None) -> None:
    spoil(folder)
    found = complaints(folder)
    assert found == [] if complaint is None else any(complaint in one for one in found), found


def test_what_cannot_be_loaded_is_said(folder: Path) -> None:
    (folder / "cases.json").write_text("{")
    assert "cases.json" in complaints(folder)[0]
    (folder / "adapter.py").unlink()
    assert "FileNotFoundError" in complaints(folder)[0]
    assert contract.adapter_of("carrier_pigeon") is None

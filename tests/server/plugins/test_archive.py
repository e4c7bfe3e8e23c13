"""A plugin file from outside: a good one is unpacked, every bad one is refused before anything is written, with a sentence."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from server.kit.errors import Problem
from server.plugins import archive
from server.plugins.archive import open_plugin, unpack
from server.plugins.keys import PublicKey, SigningKey, read_public_key
from server.plugins.manifest import MANIFEST, SIGNATURE, Manifest
from server.plugins.pack import zipped
from tests.server.plugins.making import KEY, packed, write_plugin

TRUSTED = [KEY.public]
Change = Callable[[dict[str, bytes]], None]


@pytest.fixture
def plugin(tmp_path: Path) -> bytes:
    """A good plugin file."""
    return packed(write_plugin(tmp_path / "source", "shout", title="Shout", network=["api.example.com"]))


def contents(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def resigned(data: bytes, change: Change) -> bytes:
    """The file changed by somebody who has the key: what the signature cannot catch."""
    files = contents(data)
    manifest = Manifest.read(files.pop(MANIFEST))
    files.pop(SIGNATURE)
    change(files)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    text = Manifest(1, manifest.name, manifest.version, "", "", manifest.nodes, (), (), manifest.requires, digests, KEY.public.id).encoded()
    return zipped({MANIFEST: text, SIGNATURE: KEY.sign(text), **files})


def refusal(data: bytes, trusted: list[PublicKey] = TRUSTED, **options: bool) -> Problem:
    with pytest.raises(Problem) as refused:
        open_plugin(data, trusted, **options)
    assert refused.value.status == 422
    return refused.value


def test_a_signed_plugin_is_opened_and_unpacked(plugin: bytes, tmp_path: Path) -> None:
    opened = open_plugin(plugin, TRUSTED)
    assert (opened.manifest.name, opened.manifest.version, opened.publisher) == ("shout", "1.0.0", KEY.public)
    assert opened.manifest.network == ("api.example.com",)
    folder = unpack(opened, tmp_path / "plugins")
    assert folder.name == f"shout-1.0.0-{hashlib.sha256(plugin).hexdigest()[:8]}"
    assert (folder / "shout" / "node.py").read_text().startswith('"""shout"""')


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = write_plugin(tmp_path, "shout")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_it.py").write_text("")
    (folder / "shout" / ".hidden").write_text("")
    assert packed(folder) == packed(folder)
    assert not any("tests" in name or "hidden" in name for name in contents(packed(folder)))


def test_what_was_unpacked_and_then_changed_is_unpacked_again(plugin: bytes, tmp_path: Path) -> None:
    opened = open_plugin(plugin, TRUSTED)
    code = unpack(opened, tmp_path / "plugins") / "shout" / "node.py"
    code.write_text("evil = True")
    unpack(opened, tmp_path / "plugins")
    assert code.read_text().startswith('"""shout"""')
    assert [path.name for path in (tmp_path / "plugins").iterdir()] == [opened.folder_name]


def test_a_key_that_is_not_trusted_opens_nothing(plugin: bytes) -> None:
    assert refusal(plugin, []).code == "plugin_unknown_key"
    assert "CHATLOOM_PLUGIN_KEYS" in refusal(plugin, [SigningKey.new("other").public]).detail


def test_an_unsigned_plugin_needs_the_setting_for_developers(tmp_path: Path) -> None:
    data = packed(write_plugin(tmp_path, "shout"), None)
    assert "CHATLOOM_PLUGINS_UNSIGNED" in refusal(data).detail
    assert open_plugin(data, [], allow_unsigned=True).publisher is None


def test_the_setting_for_developers_does_not_weaken_signatures(plugin: bytes) -> None:
    assert refusal(plugin, [], allow_unsigned=True).code == "plugin_unknown_key"
    files = contents(plugin)
    files.pop(SIGNATURE)
    assert refusal(zipped(files), allow_unsigned=True).code == "plugin_bad_signature"


def test_a_changed_manifest_or_file_is_noticed(plugin: bytes) -> None:
    files = contents(plugin)
    changed = {**files, MANIFEST: files[MANIFEST].replace(b"api.example.com", b"bad.example.com")}
    assert refusal(zipped(changed)).code == "plugin_bad_signature"
    changed = {**files, "shout/node.py": b"evil = True"}
    assert "shout/node.py" in refusal(zipped(changed)).detail
    assert "is not in the plugin's manifest" in refusal(zipped({**files, "more.py": b""})).detail
    del files["shout/help.md"]
    assert "'shout/help.md' of the plugin's manifest is missing" in refusal(zipped(files)).detail


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "absolute"),
        ("../up.py", "out of the plugin"),
        ("shout/../../up.py", "out of the plugin"),
        ("shout//twice.py", "out of the plugin"),
        ("shout\\back.py", "another system"),
        ("C:\\windows.py", "another system"),
        ("vendor/run.pth", ".pth"),
        ("SHOUT/node.py", "two files of one name"),
    ],
)
def test_a_path_that_does_not_belong_there_is_refused_even_when_signed(plugin: bytes, name: str, why: str) -> None:
    refused = refusal(resigned(plugin, lambda files: files.update({name: b""})))
    assert (refused.code, why in refused.detail) == ("plugin_unsafe", True), refused.detail


def test_a_link_is_refused(plugin: bytes) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as changed:
        for name, content in contents(plugin).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o120777 if name.endswith("node.py") else 0o644) << 16
            changed.writestr(entry, content)
    assert "a link" in refusal(out.getvalue()).detail


def test_bombs_are_refused_before_they_are_unpacked(plugin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = resigned(plugin, lambda files: files.update({"big": bytes(60 << 20)}))
    assert len(bomb) < 1 << 20
    assert refusal(bomb).code == "plugin_too_large"
    many = resigned(plugin, lambda files: files.update({f"f{number}": b"" for number in range(archive.MAX_FILES)}))
    assert refusal(many).code == "plugin_too_large"
    monkeypatch.setattr(archive, "MAX_BYTES", 100)
    assert refusal(plugin).code == "plugin_too_large"


def test_a_bomb_that_lies_about_its_size_is_refused(plugin: bytes) -> None:
    bomb = bytearray(resigned(plugin, lambda files: files.update({"big": bytes(1 << 20)})))
    size = (1 << 20).to_bytes(4, "little")
    while (place := bomb.find(size)) >= 0:
        bomb[place : place + 4] = (10).to_bytes(4, "little")
    assert refusal(bytes(bomb)).code == "plugin_damaged"


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(200)])
def test_what_is_no_plugin_file_is_said_to_be_none(data: bytes) -> None:
    assert "not a plugin file" in refusal(data).detail


def test_half_a_file_is_damaged(plugin: bytes) -> None:
    assert refusal(plugin[: len(plugin) // 2]).code == "plugin_damaged"


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    data = packed(write_plugin(tmp_path / "a", "shout", requires=["no-such-package"]))
    assert "does not have no-such-package" in refusal(data).detail
    data = packed(write_plugin(tmp_path / "b", "shout", requires=["click==0.0.1"]))
    assert "requires click==0.0.1" in refusal(data).detail
    open_plugin(packed(write_plugin(tmp_path / "c", "shout", requires=["click"])), TRUSTED)


def test_keys_are_written_once_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "acme.key"
    KEY.write(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert SigningKey.read(file).public == KEY.public == read_public_key(KEY.public.text)
    with pytest.raises(FileExistsError):
        KEY.write(file)
    for wrong in ("acme", "acme:short", KEY.public.text.partition(":")[2], "acme:" + "!" * 43):
        with pytest.raises(ValueError, match="no public key"):
            read_public_key(wrong)


@pytest.mark.parametrize(
    ("about", "why"),
    [('{"name": "Shout!", "version": "1.0.0"}', "name"), ('{"name": "shout", "version": "1"}', "version"), ("[", "object")],
)
def test_a_plugin_json_that_cannot_be_read_is_told(tmp_path: Path, about: str, why: str) -> None:
    folder = write_plugin(tmp_path, "shout")
    (folder / "plugin.json").write_text(about)
    with pytest.raises(ValueError, match=r"plugin\.json") as told:
        packed(folder)
    assert why in str(told.value)

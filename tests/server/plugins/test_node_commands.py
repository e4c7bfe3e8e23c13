"""A new node is one new folder: written by `chatloom node new`, it is in the palette and works in a published flow."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from click.testing import CliRunner, Result

from server.cli import main
from server.kit.settings import Settings, environment_for_children
from tests.conftest import PASSWORD

ROOT = Path(__file__).parents[3]
PACKAGES = ("server", "node_library", "flow_runtime", "ui/templates", "migrations")


def chatloom(*words: str, **env: str) -> Result:
    """Run the command."""
    return CliRunner(env=env).invoke(main, words)


def test_a_new_node_passes_every_test_at_once(tmp_path: Path) -> None:
    assert chatloom("node", "new", "shout_hello", "--into", str(tmp_path)).exit_code == 0
    checked = chatloom("node", "check", str(tmp_path / "shout_hello"))
    assert (checked.exit_code, checked.output) == (0, "shout_hello passes every test.\n")


def test_a_new_node_goes_into_the_plugins_folder_or_else_into_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chatloom("node", "new", "one", CHATLOOM_PLUGINS_DIR=str(tmp_path / "plugins"))
    chatloom("node", "new", "two")
    assert (tmp_path / "plugins" / "one" / "node.json").exists()
    assert (tmp_path / "two" / "node.json").exists()


def test_a_name_that_cannot_be_used_and_a_node_that_fails_are_told(tmp_path: Path) -> None:
    refused = chatloom("node", "new", "Shout!", "--into", str(tmp_path))
    assert (refused.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "small letters" in refused.stderr
    chatloom("node", "new", "shout", "--into", str(tmp_path))
    (tmp_path / "shout" / "help.md").unlink()
    checked = chatloom("node", "check", str(tmp_path / "shout"))
    assert (checked.exit_code, checked.stderr) == (1, "shout lacks help.md\n")


def test_the_cases_of_a_node_are_told_one_by_one(tmp_path: Path) -> None:
    chatloom("node", "new", "shout", "--into", str(tmp_path))
    tested = chatloom("node", "test", str(tmp_path / "shout"))
    assert tested.exit_code == 0
    assert tested.output.splitlines() == [
        "Shout (shout, version 1): 2 cases",
        "  ok    says the text in capital letters",
        "  ok    an empty text is a problem",
        "Everything passes.",
    ]
    cases = tmp_path / "shout" / "cases.json"
    cases.write_text(cases.read_text().replace("HI ADA!", "HI EVE!"))
    tested = chatloom("node", "test", str(tmp_path / "shout"))
    assert tested.exit_code == 1
    assert 'FAIL  case "says the text in capital letters": expected' in tested.output
    assert tested.output.endswith("1 failed.\n")


def test_a_node_is_packed_signed_or_unsigned_but_never_by_accident(tmp_path: Path) -> None:
    chatloom("node", "new", "shout", "--into", str(tmp_path))
    node, out = str(tmp_path / "shout"), str(tmp_path / "out")
    neither = chatloom("node", "pack", node, "--out", out)
    assert (neither.exit_code, "--key FILE" in neither.stderr) == (1, True)
    made = chatloom("plugin", "key", "new", "acme", "--into", str(tmp_path))
    assert made.stdout.startswith("acme:")
    assert "never overwritten" in chatloom("plugin", "key", "new", "acme", "--into", str(tmp_path)).stderr
    packed = chatloom("node", "pack", node, "--key", str(tmp_path / "acme.key"), "--out", out)
    assert packed.exit_code == 0, packed.output
    assert "signed with the key" in packed.output
    assert (tmp_path / "out" / "shout-1.0.0.plugin").exists()
    assert "unsigned" in chatloom("node", "pack", node, "--unsigned", "--out", out).output


def test_a_plugin_that_fails_its_own_tests_is_not_packed(tmp_path: Path) -> None:
    chatloom("node", "new", "shout", "--into", str(tmp_path))
    (tmp_path / "shout" / "help.md").write_text("short")
    refused = chatloom("node", "pack", str(tmp_path / "shout"), "--unsigned", "--out", str(tmp_path / "out"))
    assert refused.exit_code == 1
    assert "fails its own tests" in refused.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["nothing", "key"])
def test_what_cannot_be_packed_is_told(tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.key").write_text("no key")
    if what == "nothing":
        assert "neither plugin.json nor node.json" in chatloom("node", "pack", str(tmp_path / "empty"), "--unsigned").stderr
    else:
        chatloom("node", "new", "shout", "--into", str(tmp_path))
        told = chatloom("node", "pack", str(tmp_path / "shout"), "--key", str(tmp_path / "bad.key"), "--out", str(tmp_path / "out"))
        assert "is no private key" in told.stderr


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """A plugins folder with a node that was just scaffolded, and nothing else."""
    folder = tmp_path / "plugins"
    before = sources()
    assert chatloom("node", "new", "shout_hello", "--into", str(folder)).exit_code == 0
    assert sources() == before
    assert [path.name for path in folder.iterdir()] == ["shout_hello"]
    return folder


def sources() -> set[Path]:
    """Every file that is Chatloom."""
    return {path for package in PACKAGES for path in (ROOT / package).rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture
def server(settings: Settings, plugins: Path, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a web process that was started with that folder, signed in."""
    log = tmp_path / "web.log"
    env = environment_for_children(replace(settings, plugins_dir=plugins))
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as file:
        command = [sys.executable, "-m", "server.cli", "web", "--listen-on", str(listener.fileno())]
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=file, stderr=file, pass_fds=[listener.fileno()])
        port = listener.getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://localhost:{port}", timeout=20) as client:
            wait_for(client, process, log)
            new = {"organization": "Acme", "name": "Ada", "email": "ada@example.com", "password": PASSWORD}
            token = client.post("/api/v1/auth/register", json=new).raise_for_status().json()["access_token"]
            client.cookies.clear()
            client.headers["authorization"] = f"Bearer {token}"
            yield client
    finally:
        process.terminate()
        process.wait(20)


def wait_for(client: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the process answers."""
    end = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, "the web process does not answer"
        try:
            client.get("/health").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return


def test_a_scaffolded_node_is_in_the_palette_and_works_in_a_published_flow(server: httpx.Client) -> None:
    document: dict[str, Any] = {
        "schema_version": 1,
        "name": "Loud bot",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "n1"}],
        "nodes": {"n1": {"type": "shout_hello", "settings": {"text": "Hi {{ contact.name }}!"}}},
        "edges": {},
    }
    flow = server.post("/api/v1/flows/import", json=document).raise_for_status().json()["id"]
    page = server.get(f"/flows/{flow}").raise_for_status().text
    assert 'data-type="shout_hello"' in page
    assert "Says a text in capital letters." in page
    channel = server.post(f"/api/v1/flows/{flow}/versions", json={}).raise_for_status().json()["channel_id"]
    opened = {"channel_id": channel, "client_message_id": str(uuid4()), "start": True, "contact": {"id": "v1", "name": "Ada"}}
    answer = server.post("/api/v2/chat/message", json=opened).raise_for_status().json()
    assert [message["body"]["text"] for message in answer["messages"]] == ["HI ADA!"]

"""docs/plugins.md by the letter: its blocks are written and run in a fresh folder, against a server that runs."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from server.kit.db import Database
from server.kit.secrets import Vault
from server.kit.settings import Settings, environment_for_children
from server.security import tokens
from server.security.first_owner import first_owner
from server.security.keys import Keys
from server.security.sessions import Client, open_session
from server.tenants import queries

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs" / "plugins.md"
FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: a file to write, commands to run, or what the commands before it print."""

    language: str
    file: str
    text: str


def blocks() -> list[Block]:
    """Every block of the guide, in order."""
    return [Block(*found) for found in FENCE.findall(GUIDE.read_text(encoding="utf-8"))]


class Shell:
    """Runs blocks in one folder; variables of one are there in the next."""

    def __init__(self, folder: Path, bin: Path) -> None:
        self.folder = folder
        self.env = {"PATH": f"{bin}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}

    def run(self, text: str) -> str:
        """What the commands print; the first that fails ends them."""
        kept = self.folder.parent / "variables"
        before = f"set -euo pipefail\n[ ! -f {kept} ] || . {kept}\n"
        after = f"\nset +u; declare -p PLUGIN FLOW CHANNEL CUSTOMER > {kept} 2>/dev/null || true"
        command = ["bash", "-c", before + text + after]
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A fresh folder in which the command `chatloom` is this code."""
    bin, folder = tmp_path / "bin", tmp_path / "fresh"
    bin.mkdir()
    folder.mkdir()
    command = bin / "chatloom"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m server.cli "$@"\n')
    command.chmod(0o755)
    return Shell(folder, bin)


@pytest.fixture
def processes() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Servers that are ended with the test."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.terminate()
        process.wait(20)


async def owner_of_the_instance(settings: Settings) -> str:
    """A token of the owner of the instance's own workspace, which is made as `chatloom run` makes it."""
    db = Database(settings.database_url or "")
    try:
        owner = await first_owner(db, settings)
        async with db.tenant(owner[0]) as conn:
            member = await queries.member(conn, *owner)
            assert member is not None
            session = await open_session(conn, member, Client("127.0.0.1", "guide"))
    finally:
        await db.close()
    return tokens.issue(Keys.of(Vault.open(settings.secret_key_file)).access, session.identity)


def start_server(settings: Settings, log: Path, processes: list["subprocess.Popen[bytes]"]) -> str:
    """The address of a web process that answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as file:
        command = [sys.executable, "-m", "server.cli", "web", "--listen-on", str(listener.fileno())]
        env = environment_for_children(settings)
        processes.append(subprocess.Popen(command, env=env, cwd=ROOT, stdout=file, stderr=file, pass_fds=[listener.fileno()]))
        url = f"http://localhost:{listener.getsockname()[1]}"
    end = time.monotonic() + 60
    while True:
        assert processes[-1].poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        try:
            httpx.get(f"{url}/health", timeout=5).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return url


@pytest.fixture
async def token(settings: Settings) -> str:
    """Who installs."""
    return await owner_of_the_instance(settings)


def test_a_stranger_follows_the_guide_and_a_customer_is_answered(
    shell: Shell, settings: Settings, token: str, tmp_path: Path, processes: list["subprocess.Popen[bytes]"]
) -> None:
    printed = ""
    ran = 0
    for block in blocks():
        if block.file:
            file = shell.folder / block.file
            assert block.file == "flow.json" or file.exists(), f"{block.file} is not one of those that `chatloom node new` wrote"
            file.write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            if "$CHATLOOM" in block.text and "CHATLOOM" not in shell.env:
                trusted = frozenset({(shell.folder / "acme.pub").read_text().strip()})
                url = start_server(replace(settings, plugin_keys=trusted), tmp_path / "web.log", processes)
                shell.env |= {"CHATLOOM": url, "TOKEN": token}
            printed = shell.run(block.text)
            ran += 1
        else:
            assert block.language == "text", f"nobody knows what to do with a block of {block.language}"
            assert block.text.strip() in printed, printed
    assert ran == 6
    assert re.search(r"You have your teapot on \w+day, \d+ \w+\.", printed), printed


def test_every_block_is_understood() -> None:
    """A block that the pattern misses would not be run."""
    assert GUIDE.read_text(encoding="utf-8").count("```") == 2 * len(blocks())

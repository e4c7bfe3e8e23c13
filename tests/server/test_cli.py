"""`chatloom run` as a person meets it: one command, one link, nothing left behind; and the commands that are found, not listed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from click.testing import CliRunner

from server.cli import main

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"Open (http://localhost:\d+)(/sign-in/link\?token=\S+)")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing set but where the data goes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHATLOOM_")}
    return {**kept, "CHATLOOM_DATA_DIR": str(tmp_path / "data")}


@contextmanager
def chatloom_run(environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "server.cli", "run"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: "subprocess.Popen[str]", pattern: str) -> "re.Match[str]":
    """The first line of output that has the pattern."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if found := re.search(pattern, line):
            return found
    raise AssertionError("it ended before it said that:\n" + "".join(seen))


def family(process: "subprocess.Popen[str]", kind: str = "") -> list[psutil.Process]:
    """The processes below `chatloom run`, or those of one kind."""
    below = psutil.Process(process.pid).children(recursive=True)
    return [one for one in below if not kind or kind in words_of(one)]


def words_of(process: psutil.Process) -> list[str]:
    """Its command line; nothing when it has ended meanwhile, as those that only make the sample do."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def wait_for(true: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def are_gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


def test_one_command_one_link_and_nothing_left_behind(environment: dict[str, str]) -> None:
    with chatloom_run(environment) as process:
        address, link = read_until(process, LINK.pattern).groups()
        with httpx.Client(base_url=address, follow_redirects=True) as browser:
            page = browser.get(link)
            assert page.status_code == 200
            if "sign-in/link" in str(page.url):
                token = link.partition("token=")[2]
                page = browser.post("/sign-in/link", data={"token": token}, headers={"origin": address})
            assert browser.get("/").url.path == "/", "the link did not sign the owner in"

        second = subprocess.run(
            [sys.executable, "-m", "server.cli", "run"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert second.returncode == 1
        assert f"already running in {environment['CHATLOOM_DATA_DIR']}: {address}" in second.stderr

        wait_for(lambda: family(process, "runner"))
        (web,) = family(process, "web")
        web.kill()
        assert httpx.get(f"{address}/sign-in", timeout=20).status_code == 200, "a visitor of the moment was turned away"

        everybody = family(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert are_gone(everybody)


def test_it_comes_back_at_the_same_address_after_everything_was_killed(environment: dict[str, str]) -> None:
    addresses = set()
    for _ in range(2):
        with chatloom_run(environment) as process:
            address = read_until(process, LINK.pattern)[1]
            addresses.add(address)
            assert httpx.get(f"{address}/sign-in").status_code == 200
            everybody = family(process)
            process.kill()
            wait_for(lambda: are_gone(everybody))  # noqa: B023 - called before the next round
    assert len(addresses) == 1


def test_every_server_that_is_killed_comes_back(environment: dict[str, str]) -> None:
    with chatloom_run(environment) as process:
        address, link = read_until(process, LINK.pattern).groups()
        for name in ("postgres", "redis-server"):
            [server] = [one for one in family(process) if f"/{name}" in "".join(words_of(one)[:1]) and one.ppid() == process.pid]
            server.kill()
            read_until(process, r"ended: signal SIGKILL; starting it again")
        wait_for(lambda: httpx.get(address + link, timeout=20).status_code < 400)


def test_help_lists_the_commands_of_every_room() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0
    assert {"doctor", "migrate", "run", "runner", "web", "worker"} <= {
        line.split()[0] for line in shown.output.splitlines() if line.startswith("  ")
    }
    assert "prepare" not in shown.output


def test_a_setting_that_cannot_be_used_is_said_in_a_sentence(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "server.cli", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env={**environment, "CHATLOOM_PORT": "x"}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: CHATLOOM_PORT must be a whole number from 0 to 65535, not 'x'\n"

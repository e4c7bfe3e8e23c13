"""Memory after the start: `chatloom run` on an empty data folder, left alone until it is calm."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.load.processes import Memory, cpu_seconds, family, memory_of
from bench.load.runs import table
from bench.load.settings import Options
from bench.place import ROOT
from server.kit.db import IDLE_S

READY_WITHIN_S = 240.0
CALM_WITHIN_S = 90.0
CALM_SHARE = 0.1
MOST_MB = 400
_ROLE = re.compile(r"server\.cli (\w+)")


Usage = dict[str, tuple[int, Memory]]
"""By role: how many processes, and their memory together."""


def measure(_: Options) -> str:
    """The table: megabytes after the first start, which makes the sample workspace and its history, and after the next one."""
    with tempfile.TemporaryDirectory(prefix="chatloom-memory-", ignore_cleanup_errors=True) as folder:
        first, later = _after_start(Path(folder)), _after_start(Path(folder))
    rows = [[role, *_cells(first, role), *_cells(later, role)] for role in sorted(first.keys() | later.keys())]
    rows.append(["**all**", *_sums(first), *_sums(later)])
    head = ("processes", "first start: RSS MB", "PSS MB", "later start: RSS MB", "PSS MB")
    return table(head, rows) + f"\n\nWanted: {MOST_MB} MB at most. RSS counts what processes share once for each of them, PSS once for all."


def _after_start(folder: Path) -> Usage:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHATLOOM_")}
    log = folder / "run.log"
    with log.open("w") as output:
        environment = {**kept, "CHATLOOM_DATA_DIR": f"{folder}/data"}
        process = subprocess.Popen([sys.executable, "-m", "server.cli", "run"], cwd=ROOT, env=environment, stdout=output)
    try:
        _until_ready(process, log)
        return _usage(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until the link is printed and the processes have nothing to do any more."""
    until = time.monotonic() + READY_WITHIN_S
    while "Open " not in log.read_text():
        if time.monotonic() > until or process.poll() is not None:
            raise RuntimeError(f"chatloom run printed no link:\n{log.read_text()}")
        time.sleep(0.2)
    until, calm, before = time.monotonic() + CALM_WITHIN_S, 0, 0.0
    while calm < 5 and time.monotonic() < until:
        time.sleep(1.0)
        now = sum(cpu_seconds(pid) for pid in family(process.pid))
        calm = calm + 1 if now - before < CALM_SHARE else 0
        before = now
    time.sleep(2 * IDLE_S)  # connections that the start needed are closed by then


def _usage(pid: int) -> Usage:
    found: Usage = {}
    for one in family(pid):
        role, memory = _role_of(one), memory_of(one)
        count, before = found.get(role, (0, Memory()))
        found[role] = (count + 1, before + memory)
    return found


def _cells(usage: Usage, role: str) -> list[str]:
    if role not in usage:
        return ["", ""]
    count, used = usage[role]
    return [f"{used.rss:.0f} ({count})", f"{used.pss:.0f}"]


def _sums(usage: Usage) -> list[str]:
    total = sum((used for _, used in usage.values()), Memory())
    return [f"**{total.rss:.0f}**", f"**{total.pss:.0f}**"]


def _role_of(pid: int) -> str:
    """What a process is for, in a word."""
    try:
        command = " ".join(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return "ended"
    if (role := _ROLE.search(command)) is not None:
        return role[1]
    return "PostgreSQL" if "postgres" in command else "Redis" if "redis" in command else command[:40]

"""The sample conversations in a process of their own: the libraries that understand the customers, about ninety megabytes, go with it."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import msgspec

from server.demo.history import Wanted
from server.kit.embedded.server import launch_command
from server.kit.settings import Settings, environment_for_children

ROOT = Path(__file__).parents[2]


class HistoryEnded(RuntimeError):
    """The process ended before all conversations were there."""


async def make_history_apart(settings: Settings, wanted: Wanted) -> None:
    """Have the conversations made; ends the process when it is cancelled. Raises HistoryEnded."""
    command = launch_command([sys.executable, "-m", "server.demo"])
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stderr=PIPE, cwd=ROOT, env=environment_for_children(settings))
    try:
        _, told = await process.communicate(msgspec.json.encode(wanted))
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise HistoryEnded(f"it ended with code {process.returncode}: {told.decode(errors='replace')[-1_000:]}")

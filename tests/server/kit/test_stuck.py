"""A process whose loop stands still ends, also when what blocks it holds the interpreter's lock."""

import subprocess
import sys

CHILD = """
import asyncio
from server.kit.stuck import ending_when_stuck

async def live():
    async with ending_when_stuck(1.0):
        await asyncio.sleep(1.5)
        print("still here", flush=True)
        sum(range(10**13))  # in C, without ever letting go of the lock

asyncio.run(live())
"""


def test_it_ends_when_its_loop_stands_still_and_not_before() -> None:
    ended = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.returncode) == ("still here\n", 1)
    assert "in live" in ended.stderr

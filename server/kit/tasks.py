"""Ending background tasks, and knowing who ended them."""

import asyncio
from typing import Any


async def end_tasks(*tasks: "asyncio.Future[Any]", patience_s: float = 1.0) -> None:
    """Cancel the tasks and wait until all of them have ended, however they do.

    Once may not do: the Redis client swallows a cancellation that reaches it while it connects, so it is repeated every `patience_s`.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=patience_s)
    await asyncio.gather(*tasks, return_exceptions=True)


def asked_to_stop() -> bool:
    """Whether the running task itself was cancelled, and not only something it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

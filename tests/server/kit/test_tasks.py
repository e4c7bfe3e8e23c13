"""Ending background tasks."""

import asyncio

import pytest

from server.kit.tasks import asked_to_stop, end_tasks


async def test_tasks_are_ended_together() -> None:
    tasks = [asyncio.create_task(asyncio.sleep(60)) for _ in range(3)]
    await end_tasks(*tasks)
    assert all(task.cancelled() for task in tasks)


async def test_a_task_that_swallows_a_cancellation_is_asked_again() -> None:
    async def deaf_once() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    await end_tasks(task, patience_s=0.01)
    assert task.cancelled()


async def test_a_task_that_fails_on_the_way_out_disturbs_nobody() -> None:
    async def broken() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("broken")

    task = asyncio.create_task(broken())
    await asyncio.sleep(0)
    await end_tasks(task)
    with pytest.raises(ValueError, match="broken"):
        task.result()


async def test_nothing_to_end_is_fine() -> None:
    await end_tasks()


async def test_a_cancelled_task_knows_it_from_a_cancelled_part_of_it() -> None:
    heard: list[bool] = []

    async def work(part: "asyncio.Future[None]") -> None:
        try:
            await part
        except asyncio.CancelledError:
            heard.append(asked_to_stop())

    for cancel_task in (True, False):
        part = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(work(part))
        await asyncio.sleep(0)
        (task if cancel_task else part).cancel()
        await task
    assert heard == [True, False]

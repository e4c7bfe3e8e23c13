"""Runs the stages of a plan over an input or a file: each timed, bounded, and with its own policy for errors."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any, TypeVar

from msgspec import structs

from flow_runtime import Attachment, Choice, ConversationStarted, Input, Location, Message
from server.conversations.processing.contract import Aids, FileResult, Given, Rejected, Result, Said, StageFailed, Visitor
from server.conversations.processing.plan import Plan, Step

Found = dict[str, Any]
Made = TypeVar("Made", Result, FileResult)

MOST_ERROR_CHARACTERS = 200

log = logging.getLogger(__name__)


class NotLetThrough(Exception):
    """An input or a file must not go on: by a stage's decision, or because a stage failed that must not fail (`failed`).

    `found` holds the annotations up to then.
    """

    def __init__(self, sentence: str, found: Found, *, failed: bool = False) -> None:
        super().__init__(sentence)
        self.found = found
        self.failed = failed


def for_now(plan: Plan, given: Input) -> tuple[Plan, Plan]:
    """The steps that concern an input: those that can run before it is stored, and those that reach outside."""
    mine = [step for step in plan if _concerns(step, given)]
    return tuple(step for step in mine if step.about.runs != "outside"), tuple(step for step in mine if step.about.runs == "outside")


def _concerns(step: Step, given: Input) -> bool:
    reads = step.about.reads
    if "text" in reads and isinstance(given, Message | Attachment) and given.text:
        return True
    if "place" in reads and isinstance(given, Location):
        return True
    return "visitor" in reads and isinstance(given, Message | Attachment | Choice | Location | ConversationStarted)


async def process(plan: Plan, given: Input, aids: Aids, visitor: Visitor | None = None, within_s: float = math.inf) -> Input:
    """The input after the steps that concern it, with what they found as its annotations; raises NotLetThrough.

    What is not done after `within_s` counts as failed: somebody waits for an answer.
    """
    until = time.perf_counter() + within_s
    said = Said(given, dict(getattr(given, "annotations", None) or {}), visitor)
    found: Found = dict(said.found)
    for step in plan:
        if not _concerns(step, said.input) or ("visitor" in step.about.reads and visitor is None):
            continue
        work = partial(_of_input, step, said, aids)
        result = await _guarded(step, found, work, Result(), until)
        said = replace(said, input=result.input or said.input, found=found)
    return structs.replace(said.input, annotations=found) if found else said.input


async def process_file(plan: Plan, file: Given, aids: Aids) -> tuple[Given, Found]:
    """The file after the steps, and what they found; raises NotLetThrough. The content stands at its start."""
    found: Found = {}
    for step in plan:
        if step.about.needs == "clamd" and aids.clamd is None:
            continue
        file.content.seek(0)
        result = await _guarded(step, found, partial(_of_file, step, file, aids), FileResult())
        if result.content is not None:
            file = replace(file, content=BytesIO(result.content), size=len(result.content))
    file.content.seek(0)
    return file, found


def annotations_of(found: Sequence[Found | None]) -> Found | None:
    """What was found in each file of a message, as the message's annotations."""
    return {"files": [one or {} for one in found]} if any(found) else None


async def _of_input(step: Step, said: Said, aids: Aids) -> Result:
    function = step.about.process
    if step.about.runs == "inline":
        result: Result = function(said, step.settings)
    elif step.about.runs == "thread":
        result = await asyncio.to_thread(function, said, step.settings)
    else:
        result = await function(said, step.settings, aids)
    return result


async def _of_file(step: Step, file: Given, aids: Aids) -> FileResult:
    result: FileResult = await step.about.process(file, step.settings, aids)
    return result


async def _guarded(step: Step, found: Found, work: Callable[[], Awaitable[Made]], nothing: Made, until: float = math.inf) -> Made:
    """What the step makes; `nothing` when it failed and may. The annotation tells what it found, how long it took and what went wrong."""
    about, began = step.about, time.perf_counter()
    try:
        if about.runs == "inline":
            result = await work()
        else:
            async with asyncio.timeout(min(about.within_ms / 1000, max(until - began, 0.0))):
                result = await work()
    except Rejected as reason:
        found[about.name] = {"refused": str(reason), "ms": _ms(began)}
        raise NotLetThrough(str(reason), found) from None
    except Exception as error:
        sentence = _why(_ms(began), error)
        found[about.name] = {"error": sentence, "ms": _ms(began)}
        log.warning("processing stage %s failed: %s", about.name, type(error).__name__)
        if step.on_error == "refuse":
            raise NotLetThrough(f"{about.title} could not be done now. Try again later.", found, failed=True) from None
        return nothing
    found[about.name] = {**result.found, "ms": _ms(began)}
    return result


def _why(after_ms: float, error: Exception) -> str:
    """The error in words. Those of a library are left out: they may repeat what the customer wrote."""
    if isinstance(error, TimeoutError):
        return f"It was not done after {after_ms:.0f} ms."
    if isinstance(error, StageFailed):
        return str(error)[:MOST_ERROR_CHARACTERS]
    return f"It failed with {type(error).__name__}."


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 2)

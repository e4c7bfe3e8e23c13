"""Runs the examples in a stage's cases.json."""

import asyncio
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from flow_runtime import Attachment, Input, Location, Message
from server.conversations.processing.about import STAGES, StageAbout
from server.conversations.processing.contract import Aids, Given, Visitor
from server.conversations.processing.plan import Step
from server.conversations.processing.run import Found, NotLetThrough, process, process_file
from server.kit.http import OutboundClient

PATIENCE_MS = 20_000
"""The first use of a library may take seconds."""
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def cases_of(about: StageAbout) -> list[dict[str, Any]]:
    """The examples of a stage."""
    cases: list[dict[str, Any]] = json.loads((STAGES / about.name / "cases.json").read_text(encoding="utf-8"))
    return cases


def failures_of(about: StageAbout, case: Mapping[str, Any]) -> list[str]:
    """What came out otherwise than the example says."""
    patient = structs.replace(about, within_ms=PATIENCE_MS)
    step = Step(patient, about.defaults | case.get("settings", {}), "skip")
    try:
        after, found = asyncio.run(_run(step, case))
    except NotLetThrough as refused:
        wanted = case.get("refused", "that it goes on")
        return [] if "refused" in case and wanted in str(refused) else [f"refused with {refused}, wanted {wanted}"]
    if "refused" in case:
        return ["it was not refused"]
    one = dict(found.get(about.name, {}))
    if "error" in case:
        return [] if case["error"] in one.get("error", "") else [f"found {one}, wanted the error {case['error']}"]
    wanted = case["found"]
    failures = [f"found {name} {one.get(name)!r}, wanted {value!r}" for name, value in wanted.items() if one.get(name) != value]
    failures += [f"found {name} {one[name]!r} beside" for name in one.keys() - wanted.keys() - {"ms"} if not wanted or "error" in one]
    return failures + ([] if after is None else _differences(after, case))


async def _run(step: Step, case: Mapping[str, Any]) -> tuple[Input | None, Found]:
    http = OutboundClient()
    try:
        if "file" in case:
            name, media_type, size = case["file"]
            _, found = await process_file((step,), Given(io.BytesIO(), name, media_type, size), Aids(http))
            return None, found
        after = await process((step,), _input(case), Aids(http), _visitor(case))
    finally:
        await http.close()
    annotations = getattr(after, "annotations", None) or {}
    return structs.replace(after, annotations=None), {name: dict(one) for name, one in annotations.items()}


def _input(case: Mapping[str, Any]) -> Input:
    if "place" in case:
        latitude, longitude, label = case["place"]
        return Location(latitude, longitude, label, at=AT)
    if "words_beside" in case:
        return Attachment("https://files.example/a.png", "image/png", "a.png", 10, case["words_beside"], at=AT)
    return Message(case["text"], case.get("told"), at=AT)


def _visitor(case: Mapping[str, Any]) -> Visitor | None:
    return Visitor(**case["visitor"]) if "visitor" in case else None


def _differences(after: Input, case: Mapping[str, Any]) -> list[str]:
    if isinstance(after, Location):
        place = [after.latitude, after.longitude, after.label]
        wanted = case.get("after_place", case["place"])
        return [] if place == wanted else [f"goes on as {place}, wanted {wanted}"]
    assert isinstance(after, Message | Attachment)
    text = case.get("after", case.get("text", case.get("words_beside")))
    failures = [] if after.text == text else [f"goes on as {after.text!r}, wanted {text!r}"]
    if isinstance(after, Message) and "language" in case and after.language != case["language"]:
        failures.append(f"goes on in {after.language}, wanted {case['language']}")
    return failures

"""What a step says, side by side on every channel: before anybody gets it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from flow_runtime import Surroundings
from flow_runtime.checks.channels import check_channels
from flow_runtime.checks.drawing import Drawing, draw
from server.channels.about import About, kinds
from server.channels.contract import adapter_of
from server.channels.keep import list_channels
from server.channels.likeness import Bubble, likeness
from server.editor.step_message import message_of
from server.flows import draft as drafts
from server.flows.library import library
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import not_found
from server.security.identity import Identity

READ = {"permission": "flows:read"}

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Preview:
    """A message on one kind of channel: what is seen, what is lost or changed, and exactly what is sent. `used`: the workspace has one."""

    kind: str
    title: str
    used: bool
    bubbles: Sequence[Bubble]
    notes: Sequence[str]
    sent: str


@get("/flows/{flow_id:uuid}/nodes/{node:str}/channels", opt=READ, include_in_schema=False)
async def show_channels(
    request: AnyRequest, flow_id: FromPath[UUID], node: FromPath[str], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """The first message of a step on every kind of channel, those of the workspace first."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
        settings = {row.kind: row.settings for row in await list_channels(conn, identity.tenant_id)}
    step = draft.document["nodes"].get(node)
    if step is None:
        raise not_found("step")
    known = library().get(step["type"])
    body = None if known is None else message_of(known, step["settings"])
    shown = [] if body is None else previews(step, body, settings)
    return pages.render(request, "editor/_preview.html", previews=shown)


def previews(step: Mapping[str, Any], body: Mapping[str, Any], used: Mapping[str, Mapping[str, Any]]) -> list[Preview]:
    """The message of a step on every kind of channel; `used` holds the settings of the workspace's own, by kind."""
    drawing = draw({"nodes": {"step": step}, "edges": {}, "triggers": []}, library())
    shown = [_preview(about, drawing, body, used) for about in kinds()]
    return sorted(shown, key=lambda one: not one.used)


def _preview(about: About, drawing: Drawing, body: Mapping[str, Any], used: Mapping[str, Mapping[str, Any]]) -> Preview:
    adapter = adapter_of(about.kind)
    try:
        parts = [body] if adapter is None else list(adapter.render(body, used.get(about.kind, {})))
    except (LookupError, TypeError, ValueError, AttributeError):
        return Preview(about.kind, about.title, about.kind in used, [], ["It can be shown once a channel of this kind is set up."], "")
    bubbles = likeness(body, parts)
    notes = [problem.message for problem in check_channels(drawing, Surroundings({}, channels=[about.channel_limits]))]
    sent = msgspec.json.format(msgspec.json.encode(parts), indent=2).decode()
    return Preview(about.kind, about.title, about.kind in used, bubbles, [*notes, *_changes(body, bubbles)], sent)


def _changes(body: Mapping[str, Any], bubbles: Sequence[Bubble]) -> Iterator[str]:
    """What is different from the message as it was written."""
    if len(bubbles) > 1:
        yield f"Sent as {len(bubbles)} messages."
    pressed = {label for bubble in bubbles for label in bubble.buttons}
    if body.get("choices") and not pressed:
        yield "There are no buttons here: the customer answers with the number or the words."


handlers = [show_channels]

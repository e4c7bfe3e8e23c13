"""The stages that a message over the chat route goes through before its turn, where its channel has any on."""

from collections.abc import Mapping
from dataclasses import replace

from litestar.datastructures import State

from server.channels.queries import Channel
from server.conversations.processing.contract import Aids, Visitor
from server.conversations.processing.plan import plan_of
from server.conversations.processing.problems import problem_of
from server.conversations.processing.run import NotLetThrough, process
from server.kit.counts import count
from server.turns.units import Incoming

Came = tuple[Mapping[str, str], tuple[str, int] | None]
"""The headers of a request, and the (address, port) it came from."""


async def heard(state: State, channel: Channel, incoming: Incoming, request: Came | None = None) -> Incoming:
    """The message as the flow will get it; Problem 422 when a stage refuses it, 503 when one that must not fail did.

    `request` is how a visitor's message came; None for one of a member.
    """
    plan = plan_of(channel.settings, "text", "place", "visitor")
    if not plan:
        return incoming
    try:
        given = await process(plan, incoming.input, Aids(state.http, state.settings.clamd), None if request is None else _visitor(request))
    except NotLetThrough as refused:
        await count(state.redis, channel.tenant_id, "processing", channel.kind, "failed" if refused.failed else "refused")
        raise problem_of(refused, "text") from None
    return replace(incoming, input=given)


def _visitor(request: Came) -> Visitor:
    headers, client = request
    return Visitor(headers.get("user-agent", ""), client[0] if client else "", headers.get("referer", ""))

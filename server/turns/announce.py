"""Tells what was committed: open widgets of the turns, workers of the jobs, runners of the messages that must be sent."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from server.conversations.inbox import ring_doorbell
from server.conversations.stream import topic_of
from server.kit.jobs import Resources, ring_for
from server.turns.rows import Saved

log = logging.getLogger(__name__)


class Announcer:
    """Beside the turns, which do not wait for it: everything that came together since the last time goes in one write."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._saved: list[tuple[UUID, Saved]] = []
        self._told = asyncio.Event()

    def tell(self, tenant_id: UUID, saved: Sequence[Saved]) -> None:
        """These turns of a tenant are committed."""
        if saved:
            self._saved.extend((tenant_id, one) for one in saved)
            self._told.set()

    async def run(self) -> None:
        """Announce for ever. What cannot be announced is found by the sweepers and by whoever looks again."""
        while True:
            await self._told.wait()
            self._told.clear()
            saved, self._saved = self._saved, []
            try:
                await self._announce(saved)
            except Exception:
                log.exception("news of %d turns lost", len(saved))

    async def _announce(self, saved: Sequence[tuple[UUID, Saved]]) -> None:
        live, redis = self._resources.live, self._resources.redis
        await live.publish_all([(tenant_id, topic_of(one.taken.conversation.id), _news_of(one)) for tenant_id, one in saved])
        await ring_for(redis, [(tenant_id, job_id) for tenant_id, one in saved for job_id in one.jobs])
        for tenant_id, one in saved:
            if one.pushes and one.messages:
                await ring_doorbell(redis, tenant_id, one.taken.conversation.id, only="send")


def _news_of(saved: Saved) -> dict[str, Any]:
    """What an open widget is told of a turn: that it was taken, and what the flow waits for now."""
    return {"kind": "turn", "turn": saved.turn, "seq": saved.last_seq, "waiting_for": saved.taken.state.waiting_for}

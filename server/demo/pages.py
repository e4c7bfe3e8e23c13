"""What the pages say about the sample conversations, and the button that takes them away."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from server.analytics.ingest import TOPIC
from server.demo.remove import count_history, remove_history
from server.kit import pages
from server.kit.db import Database
from server.kit.live import Live
from server.security.identity import Identity
from server.security.roles import allows

AnyRequest = Request[Any, Any, Any]


@get("/sample", opt={"permission": "workspace:read"}, include_in_schema=False)
async def sample_notice(request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity]) -> Response[str]:
    """How many of the conversations are samples; nothing when none are."""
    async with db.tenant(identity.tenant_id) as connection:
        count = await count_history(connection, identity.tenant_id)
    return pages.render(request, "demo/notice.html", count=count, writable=allows(identity.role, "workspace:write"))


@post("/sample/remove", opt={"permission": "workspace:write"}, include_in_schema=False, status_code=200)
async def remove_sample(db: NamedDependency[Database], live: NamedDependency[Live], identity: NamedDependency[Identity]) -> Response[str]:
    """Take the sample conversations away and show the page again without them."""
    async with db.tenant(identity.tenant_id) as connection:
        count = await remove_history(connection, identity.tenant_id)
    await live.publish(identity.tenant_id, TOPIC, {})
    told = {"text": f"{count} sample conversations are gone. Your own are still here.", "variant": "success"}
    return Response("", headers={**pages.trigger(toast_next=told), "HX-Refresh": "true"})


handlers = [sample_notice, remove_sample]

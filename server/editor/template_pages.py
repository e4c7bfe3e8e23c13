"""The gallery of templates, and making a flow from one."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.flows.gallery import create_from_template, find_template, templates
from server.kit import pages
from server.kit.db import Database
from server.security.identity import Identity
from server.security.roles import allows

READ = {"permission": "flows:read"}
WRITE = {"permission": "flows:write"}

AnyRequest = Request[Any, Any, Any]


@get("/flows/templates", opt=READ, include_in_schema=False)
async def gallery(request: AnyRequest, identity: NamedDependency[Identity]) -> Response[str]:
    """What a flow can start from."""
    return pages.render(request, "flows/templates.html", templates=templates(), writable=allows(identity.role, "flows:write"))


@post("/flows/templates/{key:str}", opt=WRITE, status_code=200, include_in_schema=False)
async def use_template(
    request: AnyRequest, key: FromPath[str], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[Any]:
    """Make a flow from a template and open it."""
    template = find_template(key)
    async with db.tenant(identity.tenant_id) as conn:
        draft = await create_from_template(conn, identity.tenant_id, template)
    return pages.go_to(request, f"/flows/{draft.flow_id}")


handlers = [gallery, use_template]

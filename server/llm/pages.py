"""Pages: connect a model, try it, see what it used."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery

from server.kit import clock, pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.http import OutboundClient
from server.kit.secrets import Vault
from server.llm import queries
from server.llm.kinds import KINDS
from server.llm.providers import connect_provider, disconnect_provider, make_default
from server.llm.schemas import NewProvider, ProviderView, TrialResult, UsageView
from server.llm.try_out import try_out
from server.security.identity import Identity
from server.security.roles import allows

AnyRequest = Request[Any, Any, Any]
USAGE_PERIOD = timedelta(days=30)
_PAGE = 25
_NOTHING_TYPED = NewProvider(name="", kind="openai", model="")


class ProviderForm(NewProvider, kw_only=True):
    """A model to connect."""

    csrf: str = msgspec.field(name="_csrf", default="")


class ButtonForm(msgspec.Struct, forbid_unknown_fields=True):
    """A button."""

    csrf: str = msgspec.field(name="_csrf", default="")


_Encoded = Body(media_type=RequestEncodingType.URL_ENCODED)
ProviderData = Annotated[ProviderForm, _Encoded]
ButtonData = Annotated[ButtonForm, _Encoded]


@get("/settings/models", opt={"permission": "models:read"}, include_in_schema=False)
async def show_models(
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    cursor: FromQuery[UUID | None] = None,
) -> Response[str]:
    """The connected models and their use."""
    return await _models(request, identity, db, cursor=cursor)


@post("/settings/models", opt={"permission": "models:write"}, include_in_schema=False)
async def submit_model(
    data: ProviderData,
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
) -> Response[Any]:
    """Connect a model. An address typed for another service before is not meant."""
    kind = KINDS.get(data.kind)
    wanted = msgspec.structs.replace(data, base_url="") if kind and kind.base_url else data
    try:
        async with db.tenant(identity.tenant_id) as connection:
            await connect_provider(connection, vault, http, identity.tenant_id, wanted)
    except Problem as problem:
        return await _models(request, identity, db, typed=data, problem=problem)
    return pages.go_to(request, "/settings/models")


@post("/settings/models/{provider_id:uuid}/default", opt={"permission": "models:write"}, include_in_schema=False)
async def submit_default(
    data: ButtonData, provider_id: FromPath[UUID], request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database]
) -> Response[Any]:
    """Let this model answer for flows that name none."""
    async with db.tenant(identity.tenant_id) as connection:
        await make_default(connection, identity.tenant_id, provider_id)
    return pages.go_to(request, "/settings/models")


@post("/settings/models/{provider_id:uuid}/removal", opt={"permission": "models:write"}, include_in_schema=False)
async def submit_removal(
    data: ButtonData, provider_id: FromPath[UUID], request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database]
) -> Response[Any]:
    """Forget a model and its key."""
    async with db.tenant(identity.tenant_id) as connection:
        await disconnect_provider(connection, identity.tenant_id, provider_id)
    return pages.go_to(request, "/settings/models")


@post("/settings/models/{provider_id:uuid}/tests", opt={"permission": "models:write"}, include_in_schema=False, status_code=200)
async def submit_test(
    data: ButtonData,
    provider_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
) -> Response[Any]:
    """Ask the model something short and show what it said beside it."""
    trial = await try_out(db, vault, http, identity.tenant_id, provider_id)
    if pages.Hx(request):
        return pages.render(request, "llm/_trial.html", trial=trial)
    return await _models(request, identity, db, trial=trial)


async def _models(
    request: AnyRequest,
    identity: Identity,
    db: Database,
    *,
    typed: NewProvider = _NOTHING_TYPED,
    problem: Problem | None = None,
    trial: TrialResult | None = None,
    cursor: UUID | None = None,
) -> Response[str]:
    async with db.tenant(identity.tenant_id) as connection:
        providers = await queries.providers(connection, identity.tenant_id)
        usage = await queries.usage_page(connection, identity.tenant_id, cursor, _PAGE + 1)
        totals = await queries.usage_since(connection, identity.tenant_id, clock.now() - USAGE_PERIOD)
    following = usage[_PAGE - 1].id if len(usage) > _PAGE else None
    return pages.render(
        request,
        "llm/models.html",
        status=problem.status if problem else 200,
        providers=[ProviderView.of(row) for row in providers],
        usage=[UsageView.of(row) for row in usage[:_PAGE]],
        totals=totals,
        kinds=KINDS,
        typed=typed,
        problem=problem,
        trial=trial,
        may_write=allows(identity.role, "models:write"),
        may_see_members=allows(identity.role, "members:read"),
        next_url=f"/settings/models?cursor={following}" if following else None,
    )


handlers: list[Any] = [show_models, submit_model, submit_default, submit_removal, submit_test]

"""JSON: the connected models and what they used."""

from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.secrets import Vault
from server.llm import queries
from server.llm.providers import connect_provider, disconnect_provider, make_default
from server.llm.schemas import DefaultProvider, NewProvider, ProviderList, ProviderView, TrialResult, UsagePage, UsageView
from server.llm.try_out import try_out
from server.security.identity import Identity

MAX_PAGE = 200


@get("/api/v1/models/providers", opt={"permission": "models:read"}, tags=["models"])
async def list_providers(identity: NamedDependency[Identity], db: NamedDependency[Database]) -> ProviderList:
    """The connected models, without their keys."""
    async with db.tenant(identity.tenant_id) as connection:
        return ProviderList([ProviderView.of(row) for row in await queries.providers(connection, identity.tenant_id)])


@post("/api/v1/models/providers", opt={"permission": "models:write"}, tags=["models"])
async def create_provider(
    data: JSONBody[NewProvider],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
) -> ProviderView:
    """Connect a model. The first one becomes the default."""
    async with db.tenant(identity.tenant_id) as connection:
        provider_id = await connect_provider(connection, vault, http, identity.tenant_id, data)
        row = await queries.provider(connection, identity.tenant_id, provider_id)
    assert row is not None
    return ProviderView.of(row)


@delete("/api/v1/models/providers/{provider_id:uuid}", opt={"permission": "models:write"}, tags=["models"])
async def delete_provider(provider_id: FromPath[UUID], identity: NamedDependency[Identity], db: NamedDependency[Database]) -> None:
    """Forget a model and its key."""
    async with db.tenant(identity.tenant_id) as connection:
        await disconnect_provider(connection, identity.tenant_id, provider_id)


@put("/api/v1/models/default", opt={"permission": "models:write"}, tags=["models"])
async def choose_default(
    data: JSONBody[DefaultProvider], identity: NamedDependency[Identity], db: NamedDependency[Database]
) -> ProviderList:
    """Choose the model that answers for flows that name none."""
    async with db.tenant(identity.tenant_id) as connection:
        await make_default(connection, identity.tenant_id, data.provider_id)
        return ProviderList([ProviderView.of(row) for row in await queries.providers(connection, identity.tenant_id)])


@post("/api/v1/models/providers/{provider_id:uuid}/tests", opt={"permission": "models:write"}, tags=["models"], status_code=200)
async def create_test(
    provider_id: FromPath[UUID],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
) -> TrialResult:
    """Ask the model something short; costs a few tokens."""
    return await try_out(db, vault, http, identity.tenant_id, provider_id)


@get("/api/v1/models/usage", opt={"permission": "models:read"}, tags=["models"])
async def list_usage(
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    cursor: FromQuery[UUID | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 50,
) -> UsagePage:
    """Every call of a model with its tokens and cost, the newest first."""
    async with db.tenant(identity.tenant_id) as connection:
        rows = await queries.usage_page(connection, identity.tenant_id, cursor, limit + 1)
    following = str(rows[limit - 1].id) if len(rows) > limit else None
    return UsagePage([UsageView.of(row) for row in rows[:limit]], following)


handlers: list[Any] = [list_providers, create_provider, delete_provider, choose_default, create_test, list_usage]

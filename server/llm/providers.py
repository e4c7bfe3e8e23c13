"""Connects models to a workspace, takes them away, opens them for a call."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.errors import Problem, not_found
from server.kit.http import OutboundClient, OutboundRefused
from server.kit.ids import uuid7
from server.kit.secrets import Vault
from server.llm import queries
from server.llm.kinds import KINDS
from server.llm.messages import NO_MODEL, ModelFailed, Provider
from server.llm.schemas import NewProvider
from server.llm.tables import model_providers

MAX_PROVIDERS = 50

_KEY_PLACE = ("model_providers", "api_key_sealed")


def problems_of(new: NewProvider, http: OutboundClient) -> dict[str, str]:
    """What is wrong with a model somebody wants to connect, by field."""
    kind = KINDS.get(new.kind)
    if kind is None:
        return {"kind": f"Choose one of {', '.join(KINDS)}."}
    problems = {name: "Fill this in." for name in ("name", "model") if not getattr(new, name).strip()}
    problems |= {
        name: "This holds characters that cannot be shown." for name in ("name", "model", "api_key") if not getattr(new, name).isprintable()
    }
    if kind.needs_key and not new.api_key.strip():
        problems["api_key"] = f"{kind.title} needs a key. You find it in your account there."
    if not new.api_key.isascii():
        problems["api_key"] = "A key has only plain letters, digits and signs. Copy it again."
    if kind.base_url is not None and new.base_url.strip():
        problems["base_url"] = f"{kind.title} has its own address. Leave this empty."
    if kind.base_url is None:
        try:
            http.check(new.base_url.strip())
        except OutboundRefused as refused:
            problems["base_url"] = str(refused)
    return problems


async def connect_provider(connection: AsyncConnection, vault: Vault, http: OutboundClient, tenant_id: UUID, new: NewProvider) -> UUID:
    """Store a model with its key sealed. The first one becomes the default."""
    if problems := problems_of(new, http):
        raise Problem(422, "invalid_provider", "The model was not connected. Correct the marked fields.", fields=problems)
    count = await connection.scalar(select(func.count()).where(model_providers.c.tenant_id == tenant_id)) or 0
    if count >= MAX_PROVIDERS:
        raise Problem(422, "too_many_providers", f"A workspace has up to {MAX_PROVIDERS} models. Remove one you do not use.")
    provider_id, key = uuid7(), new.api_key.strip()
    values = {
        "tenant_id": tenant_id,
        "id": provider_id,
        "name": new.name.strip(),
        "kind": new.kind,
        "base_url": new.base_url.strip() or None,
        "model": new.model.strip(),
        "api_key_sealed": await vault.seal(connection, tenant_id, *_KEY_PLACE, provider_id, key) if key else None,
        "is_default": count == 0,
    }
    try:
        await connection.execute(insert(model_providers).values(values))
    except IntegrityError as error:
        sentence = f"There is already a model called {values['name']}."
        raise Problem(422, "name_taken", sentence, fields={"name": sentence}) from error
    return provider_id


async def disconnect_provider(connection: AsyncConnection, tenant_id: UUID, provider_id: UUID) -> None:
    """Forget a model and its key. When it was the default, the oldest of the others takes its place."""
    gone = delete(model_providers).where(*_is(tenant_id, provider_id)).returning(model_providers.c.is_default)
    row = (await connection.execute(gone)).one_or_none()
    if row is None:
        raise not_found("model")
    remaining = await queries.providers(connection, tenant_id)
    if row.is_default and remaining:
        await make_default(connection, tenant_id, remaining[0].id)


async def make_default(connection: AsyncConnection, tenant_id: UUID, provider_id: UUID) -> None:
    """Let this model answer for flows that name none."""
    if await queries.provider(connection, tenant_id, provider_id) is None:
        raise not_found("model")
    of_tenant = update(model_providers).where(model_providers.c.tenant_id == tenant_id)
    await connection.execute(of_tenant.values(is_default=model_providers.c.id == provider_id))


async def open_provider(connection: AsyncConnection, vault: Vault, tenant_id: UUID, wanted: str | None = None) -> Provider:
    """The model for a call, with its key; raises `ModelFailed` of kind no_model. `wanted` is a name that a flow gives."""
    row = await queries.provider_for(connection, tenant_id, wanted)
    if row is None:
        raise ModelFailed("no_model", f'No connected model is called "{wanted}".' if wanted else NO_MODEL)
    return await unsealed(connection, vault, row)


async def unsealed(connection: AsyncConnection, vault: Vault, row: Row[Any]) -> Provider:
    """A row of the table with its key opened."""
    sealed = row.api_key_sealed
    key = None if sealed is None else await vault.unseal(connection, row.tenant_id, *_KEY_PLACE, row.id, sealed)
    return Provider(row.id, row.name, row.kind, row.model, row.base_url, key)


def _is(tenant_id: UUID, provider_id: UUID) -> tuple[Any, Any]:
    return model_providers.c.tenant_id == tenant_id, model_providers.c.id == provider_id

"""Asks a connected model something short, to see whether it works."""

import time
from uuid import UUID

from server.kit.db import Database
from server.kit.errors import not_found
from server.kit.http import OutboundClient
from server.kit.secrets import Vault
from server.llm import queries
from server.llm.gateway import Gateway
from server.llm.messages import ChatMessage, ModelFailed, Provider, ReplyRequest, ReplyResult
from server.llm.providers import unsealed
from server.llm.schemas import TrialResult
from server.llm.usage import record_usage

LIMIT_S = 20.0
_QUESTION = ReplyRequest([ChatMessage("user", "Reply with the one word OK.")], max_tokens=200)


async def try_out(db: Database, vault: Vault, http: OutboundClient, tenant_id: UUID, provider_id: UUID) -> TrialResult:
    """Ask the model, with no transaction open meanwhile, and enter the call into the ledger."""
    async with db.tenant(tenant_id) as connection:
        row = await queries.provider(connection, tenant_id, provider_id)
        if row is None:
            raise not_found("model")
        provider = await unsealed(connection, vault, row)
    result, ms = await _ask(http, provider)
    async with db.tenant(tenant_id) as connection:
        await record_usage(connection, tenant_id, provider, result, ms=ms)
    said = result.text if isinstance(result, ReplyResult) else str(result)
    return TrialResult(isinstance(result, ReplyResult), ms, said, provider.name)


async def _ask(http: OutboundClient, provider: Provider) -> tuple[ReplyResult | ModelFailed, int]:
    gateway, started = Gateway(http), time.perf_counter()
    try:
        result: ReplyResult | ModelFailed = await gateway.reply(provider, _QUESTION, timeout_s=LIMIT_S)
    except ModelFailed as failed:
        result = failed
    finally:
        await gateway.close()
    return result, round((time.perf_counter() - started) * 1000)

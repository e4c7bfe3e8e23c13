"""The calls of flows that this room performs."""

import time

import msgspec

from flow_runtime import CallError
from server.kit.calls import CallEnd, OpenCall, Tools, performs
from server.llm.extract import ExtractRequest, extract
from server.llm.gateway import gateway_of
from server.llm.messages import ModelFailed, Provider
from server.llm.providers import open_provider
from server.llm.usage import note_usage, told_usage


@performs("llm.extract", in_process=True)
async def extract_values(tools: Tools, call: OpenCall) -> CallEnd:
    """Values out of a text, None for what it does not tell. A failure is an answer too."""
    began = time.perf_counter()
    try:
        request = ExtractRequest.of(call.payload)
    except msgspec.ValidationError as error:
        return CallEnd.failed("refused", f"The model cannot be asked this: {error}", may_retry=False)
    provider: Provider | None = None
    try:
        async with tools.resources.db.tenant(call.tenant_id) as conn:
            provider = await open_provider(conn, tools.resources.vault, call.tenant_id, request.model)
        found = await extract(tools.one(gateway_of), provider, request, timeout_s=call.timeout_s)
    except ModelFailed as failed:
        usage = None if failed.spent is None else told_usage(failed.spent)
        note = note_usage(call, provider, failed, _ms_since(began))
        may_retry = failed.kind not in ("no_model", "refused")
        return CallEnd(False, error=CallError(failed.kind, str(failed)), usage=usage, also=note, may_retry=may_retry)
    note, usage = note_usage(call, provider, found.spent, _ms_since(began)), told_usage(found.spent)
    return CallEnd(True, {"values": found.values}, usage=usage, also=note)


def _ms_since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)

"""The same POST twice is done once."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from server.kit import clock
from server.kit.db import Database
from server.security.tables import idempotency_keys
from tests.conftest import Workspace

FLOWS = "/api/v1/flows"


async def _post(owner: Workspace, key: str, **body: Any) -> Any:
    return await owner.client.post(FLOWS, json=body, headers={"idempotency-key": key})


async def _names(owner: Workspace) -> list[str]:
    return sorted(one["name"] for one in (await owner.client.get(FLOWS)).json()["data"])


async def test_the_same_request_twice_is_done_once(owner: Workspace, other_owner: Workspace, db: Database) -> None:
    first, again = await _post(owner, "k1", name="a"), await _post(owner, "k1", name="a")
    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert again.json() == first.json()
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" in again.headers
    other = await _post(owner, "k1", name="b")
    assert (other.status_code, other.json()["type"]) == (422, "urn:chatloom:idempotency_key_reused")
    assert await _names(owner) == ["a"]
    assert (await _post(other_owner, "k1", name="b")).status_code == 201  # a key is its member's own

    answers = await asyncio.gather(*(_post(owner, "k2", name="c") for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1
    assert await _names(owner) == ["a", "c"]

    refused = await _post(owner, "k3", name="")
    assert refused.status_code == 422
    assert (await _post(owner, "k3", name="d")).status_code == 201  # what failed was not done

    for strange in ("", "x" * 256, "a\tb"):
        assert (await _post(owner, strange, name="e")).status_code == 400, strange

    async with db.tenant(owner.tenant_id) as conn:
        sealed = list(await conn.scalars(select(idempotency_keys.c.answer_sealed)))
        assert len(sealed) == 3
        assert not any(first.json()["id"].encode() in one for one in sealed)
        await conn.execute(update(idempotency_keys).values(created_at=clock.now() - timedelta(days=2)))
    assert (await _post(owner, "k1", name="f")).status_code == 201  # a key lives for a day

"""Who a visitor is to the site around, and what they may read of before."""

from typing import Any
from uuid import UUID, uuid4

import httpx
from litestar import Litestar
from sqlalchemy import select, update

from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.channels.web.identity import proof_of
from server.conversations.inbox import contact_id_of
from server.conversations.standing import Standing, standing_of
from server.conversations.tables import contacts, conversations
from server.conversations.token import ConversationToken, sign_token, token_key
from server.kit import clock
from server.kit.db import Database
from tests.server.turns.widget_rows import make_channel, make_conversation, say

SECRET = "s" * 40
SHOP = "https://shop.example"


async def shared_secret(app: Litestar, tenant_id: UUID, channel_id: UUID, **secrets: str) -> None:
    """Give the channel its identity secret."""
    async with app.state.db.tenant(tenant_id) as conn:
        sealed = await seal_secrets(conn, app.state.vault, tenant_id, channel_id, secrets or {"identity_secret": SECRET})
        await conn.execute(
            update(channels).where(channels.c.tenant_id == tenant_id, channels.c.id == channel_id).values(secrets_sealed=sealed)
        )


def bearer(app: Litestar, token: ConversationToken) -> dict[str, str]:
    return {"authorization": f"Bearer {sign_token(token_key(app.state.vault), token, clock.now())}"}


async def contact_of(db: Database, tenant_id: UUID, conversation_id: UUID) -> Any:
    here = (conversations.c.tenant_id == tenant_id) & (conversations.c.id == conversation_id)
    async with db.tenant(tenant_id) as conn:
        query = select(contacts).join(conversations, contacts.c.id == conversations.c.contact_id).where(here)
        return (await conn.execute(query)).one()


async def test_a_proven_user_takes_over_what_they_began_unknown_and_finds_it_elsewhere(
    client: httpx.AsyncClient, app: Litestar, db: Database
) -> None:
    tenant_id, channel_id = await make_channel(db, allowed_origins=[SHOP])
    await shared_secret(app, tenant_id, channel_id)
    address, person = (
        f"/w/{channel_id}/identity",
        {"id": "42", "hash": proof_of(SECRET, "42"), "name": "Ada", "attributes": {"plan": "pro"}},
    )
    began = await make_conversation(db, tenant_id, channel_id)

    nothing = (await client.post(address, json=person, headers={"origin": SHOP})).json()
    assert (nothing["contact"]["id"], nothing["conversation_id"], nothing["token"]) == ("user:42", None, None)

    taken = await client.post(address, json=person, headers={"origin": SHOP, **bearer(app, began)})
    assert taken.headers["access-control-allow-origin"] == SHOP
    assert taken.json()["conversation_id"] == str(began.conversation_id)
    contact = await contact_of(db, tenant_id, began.conversation_id)
    assert (contact.external_id, contact.name, contact.attributes) == ("user:42", "Ada", {"plan": "pro"})

    elsewhere = await client.post(address, json={**person, "name": None, "attributes": {"city": "Paris"}}, headers={"origin": SHOP})
    assert elsewhere.json()["conversation_id"] == str(began.conversation_id)
    contact = await contact_of(db, tenant_id, began.conversation_id)
    assert (contact.name, contact.attributes) == ("Ada", {"plan": "pro", "city": "Paris"})
    key = {"authorization": f"Bearer {elsewhere.json()['token']}", "origin": SHOP}
    read = await client.get(f"/w/{channel_id}/messages?conversation={began.conversation_id}&before=9", headers=key)
    assert read.status_code == 200

    other = {"id": "7", "hash": proof_of(SECRET, "7")}
    theirs = await client.post(address, json=other, headers={"origin": SHOP, **key})
    assert theirs.json()["conversation_id"] is None, "another user's conversation stays theirs"
    assert (await contact_of(db, tenant_id, began.conversation_id)).external_id == "user:42"


async def test_who_is_not_proven_is_nobody(client: httpx.AsyncClient, app: Litestar, db: Database) -> None:
    tenant_id, channel_id = await make_channel(db)
    good = {"id": "42", "hash": proof_of(SECRET, "42")}
    address = f"/w/{channel_id}/identity"
    assert (await client.post(address, json=good)).status_code == 403, "the channel shares no secret"
    await shared_secret(app, tenant_id, channel_id, identity_secret="n" * 40, identity_secret_previous=SECRET)
    assert (await client.post(address, json=good)).status_code == 200, "during a rotation both are good"
    for body, status in (
        ({**good, "id": "43"}, 403),
        ({**good, "hash": proof_of("x" * 40, "42")}, 403),
        ({**good, "hash": "short"}, 422),
        ({"id": "42"}, 422),
        ({**good, "role": "admin"}, 422),
        ({**good, "id": ""}, 422),
    ):
        assert (await client.post(address, json=body)).status_code == status
    assert (await client.post(address, content=b"{", headers={"content-type": "application/json"})).status_code == 400
    message = {"channel_id": str(channel_id), "client_message_id": "m" * 32, "start": True}
    proof = (await client.post(address, json=good)).json()["contact"]["proof"]
    for contact in ({"id": "user:42"}, {"id": "user:42", "proof": "x"}, {"id": "user:43", "proof": proof}):
        said = await client.post("/api/v2/chat/message", json={**message, "contact": contact})
        assert (said.status_code, said.json()["type"]) == (401, "urn:chatloom:identity_not_proven")
    said = await client.post("/api/v2/chat/message", json={**message, "contact": {"id": "user:42", "proof": proof}})
    assert said.json().get("type") != "urn:chatloom:identity_not_proven"
    assert contact_id_of(channel_id, "user:42") != contact_id_of(channel_id, "42")


async def test_earlier_messages_are_for_the_conversations_own_token(client: httpx.AsyncClient, app: Litestar, db: Database) -> None:
    tenant_id, channel_id = await make_channel(db, allowed_origins=[SHOP])
    mine, theirs = await make_conversation(db, tenant_id, channel_id), await make_conversation(db, tenant_id, channel_id)
    await say(db, mine, 1, *(f"message {number}" for number in range(1, 131)))
    address = f"/w/{channel_id}/messages?conversation={mine.conversation_id}&before="
    key = {"origin": SHOP, **bearer(app, mine)}
    read = (await client.get(f"{address}121", headers=key)).json()
    assert [one["seq"] for one in read] == list(range(21, 121))
    assert [one["seq"] for one in (await client.get(f"{address}21", headers=key)).json()] == list(range(1, 21))
    assert (await client.get(f"{address}1", headers=key)).json() == []
    refused = await client.get(f"{address}9", headers={"origin": SHOP, **bearer(app, theirs)})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (404, SHOP)
    assert (await client.get(f"{address}9", headers={"origin": SHOP})).status_code == 401
    assert (await client.get(f"{address}x", headers=key)).status_code == 422
    assert len((await client.get(f"{address}{10**12}", headers=key)).json()) == 100
    assert (await client.get(f"{address}9", headers={**key, "origin": "https://evil.example"})).status_code == 403
    missing = await client.get(f"/w/{uuid4()}/messages?conversation={mine.conversation_id}&before=9", headers=key)
    assert missing.status_code == 404


async def test_who_waits_for_a_person_has_a_place_in_line(db: Database) -> None:
    tenant_id, channel_id = await make_channel(db)
    tokens = [await make_conversation(db, tenant_id, channel_id) for _ in range(3)]

    async def change(token: ConversationToken, **values: Any) -> None:
        here = (conversations.c.tenant_id == tenant_id) & (conversations.c.id == token.conversation_id)
        async with db.tenant(tenant_id) as conn:
            await conn.execute(update(conversations).where(here).values(**values))

    async def standing(token: ConversationToken, *, in_line: bool = True) -> Standing:
        async with db.tenant(tenant_id) as conn:
            return await standing_of(conn, tenant_id, token.conversation_id, in_line=in_line)

    assert await standing(tokens[0]) == Standing("open")
    for token in tokens[:2]:
        await change(token, status="ended", outcome="handed_off", ended_at=clock.now())
    assert await standing(tokens[1]) == Standing("handed_off", 2)
    assert await standing(tokens[1], in_line=False) == Standing("handed_off")
    await change(tokens[0], status="closed")
    assert await standing(tokens[0]) == Standing("closed")
    assert await standing(tokens[1]) == Standing("handed_off", 1)
    assert await standing(tokens[2]) == Standing("open")

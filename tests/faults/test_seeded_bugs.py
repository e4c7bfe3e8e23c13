"""The checker finds real bugs: each takes one safeguard out of the running product; the same story without the bug has no findings."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select, text, update

from flow_runtime import Message, input_to_json
from server.conversations import deliver, inbox, outbox, receive
from server.conversations.deliver import AHEAD_S, Delivery
from server.flows.tables import flow_versions, flows
from server.integrations import perform as integrations
from server.kit import clock
from server.kit.db import Database
from server.kit.embedded.postgres import SUPERUSER, EmbeddedPostgres
from server.kit.jobs import Work, due_jobs, run_job
from server.kit.rates import SharedRates
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.turns import claimed, commit, finish_call, runner, timers
from server.turns import jobs as turn_jobs
from server.turns.engine import Turns
from server.turns.versions import Version, Versions
from tests.conftest import client_of
from tests.faults.invariants import Outside, violations
from tests.faults.load import SECRET, Customers, publish_chat, publish_hook
from tests.faults.shop import Mood, Shop, mark_of
from tests.faults.strangers import strangers
from tests.server.turns.bots import Bot, flow_of, make_tenant, publish
from tests.server.turns.test_poison import arrive


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Where messages and calls go."""
    with Shop() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, shop: Shop) -> Settings:
    """Settings of a server that may call the shop."""
    return replace(settings, outbound_allow=frozenset({shop.host}))


@dataclass
class World:
    """A server in this process, and what it did to the outside. `bots` are those of the story that is told."""

    app: Litestar
    turns: Turns
    db: Database
    settings: Settings
    shop: Shop
    admin_url: str
    bots: list[Bot] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    async def hooked(self, calls: Mood = Mood.FINE) -> Bot:
        """A bot whose messages go to the shop."""
        bot = await publish_hook(self.db, self.settings, self.shop, calls=calls)
        self.bots.append(bot)
        return bot

    async def hear(self, bot: Bot, key: str, words: str) -> UUID:
        """Store a customer's message; the conversation it belongs to."""
        given = input_to_json(Message(text=words, at=clock.now(), seed=1))
        accepted = await arrive(self.db, bot, key, "ada", given)
        self.accepted.append(key)
        return UUID(str(accepted.conversation_id))

    async def say(self, bot: Bot, *words: str) -> UUID:
        """The same with its turn, for one message after the other."""
        for number, word in enumerate(words):
            conversation_id = await self.hear(bot, f"{bot.channel_id.hex}-{number}", word)
            await self.turns.drain(bot.tenant_id, conversation_id)
        return conversation_id

    def sender(self) -> Delivery:
        """The part of a runner that sends."""
        resources = self.turns.resources
        return Delivery(resources.db, resources.vault, resources.http, SharedRates(resources.redis, AHEAD_S))

    async def work(self, bot: Bot, conversation_id: UUID) -> None:
        """Do the jobs that are due, take the turns that follow, send what there is to send."""
        for tenant_id, job_id in await due_jobs(self.db):
            await run_job(self.turns.resources, tenant_id, job_id)
        await self.turns.drain(bot.tenant_id, conversation_id)
        await self.sender().deliver(bot.tenant_id, conversation_id)

    async def change(self, bot: Bot, statement: str) -> None:
        """Change rows of the bot's workspace."""
        async with self.db.tenant(bot.tenant_id) as conn:
            await conn.execute(text(statement))

    async def alter(self, *statements: str) -> None:
        """Change the tables themselves."""
        conn = await asyncpg.connect(self.admin_url)
        for statement in statements:
            await conn.execute(statement)
        await conn.close()

    async def findings(self) -> list[str]:
        """Every promise that is broken."""
        tenants = [bot.tenant_id for bot in self.bots]
        outside = Outside(self.shop.delivered, self.shop.calls, self.accepted, dead_letters=True)
        return await violations(self.db, tenants, outside) + await strangers(self.admin_url, tenants, [SECRET])


@pytest.fixture
def world(app: Litestar, db: Database, settings: Settings, shop: Shop, postgres: EmbeddedPostgres) -> World:
    name = (settings.database_url or "").rpartition("?")[0].rpartition("/")[2]
    return World(app, app.state.turns, db, settings, shop, postgres.address(SUPERUSER, name))


Patch = pytest.MonkeyPatch


async def a_message_comes_twice(world: World) -> None:
    bot = await world.hooked()
    for _ in range(2):
        conversation_id = await world.hear(bot, f"{bot.channel_id.hex}-0", "one")
    await world.turns.drain(bot.tenant_id, conversation_id)
    await world.work(bot, conversation_id)


async def no_dedupe(world: World, patch: Patch) -> None:
    async def never(conn: Any, arrival: Any) -> None:
        return None

    await world.alter("alter table inbox drop constraint inbox_tenant_id_channel_id_external_id_key")
    patch.setattr(inbox, "_find", never)


async def a_webhook_is_answered(world: World) -> None:
    bot = await world.hooked()
    async with client_of(world.app) as client:
        customers = Customers(_OneWeb(), client)  # type: ignore[arg-type]
        assert await customers.deliver(bot, f"{bot.channel_id.hex}-0", "ada", "one")
    world.accepted += customers.accepted
    await _take_all(world, bot)


class _OneWeb:
    def address(self) -> str:
        return "http://localhost:8800"


async def answered_before_stored(world: World, patch: Patch) -> None:
    async def later(*given: Any) -> None:
        return None

    patch.setattr(receive, "_store", later)


async def two_processes_take_one_turn(world: World) -> None:
    """The first stands still between its turn and its commit for longer than its lease; the second takes the turn meanwhile."""
    bot = await publish_chat(world.db, world.shop)
    world.bots.append(bot)
    conversation_id = await world.say(bot, "one")
    await world.hear(bot, f"{bot.channel_id.hex}-x", "two")
    resources = world.turns.resources
    second = Turns(resources.db, resources.redis, resources.live, resources.settings, resources.vault, resources.http)
    await second.start()
    still, go_on = asyncio.Event(), asyncio.Event()
    write = commit.Commit.write

    async def slow(self: commit.Commit, conn: Any, tenant_id: UUID) -> Any:
        if not still.is_set():
            still.set()
            await go_on.wait()
        return await write(self, conn, tenant_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commit.Commit, "write", slow)
        patch.setattr(claimed, "LEASE_S", 0.0)
        first = asyncio.ensure_future(world.turns.drain(bot.tenant_id, conversation_id))
        await still.wait()
        await second.drain(bot.tenant_id, conversation_id)
        go_on.set()
        await first
    await second.stop()


async def no_fencing(world: World, patch: Patch) -> None:
    part = commit.PARTS["continued"]
    unfenced = part.sql.replace("and c.state_version = r.version and c.lease_no = r.lease_no ", "")
    assert unfenced != part.sql
    patch.setitem(commit.PARTS, "continued", replace(part, sql=unfenced))
    commit.statement_of.cache_clear()
    await world.alter("alter table turns drop constraint turns_pkey", "alter table messages drop constraint messages_pkey")


async def a_commit_fails_once(world: World) -> None:
    bot = await world.hooked()
    conversation_id = await world.hear(bot, f"{bot.channel_id.hex}-0", "one")
    write = commit.Commit.write
    failed: list[bool] = []

    async def refuse(self: commit.Commit, conn: Any, tenant_id: UUID) -> Any:
        if not failed:
            failed.append(True)
            self.statement()
            raise asyncpg.SerializationError("the commit was refused")
        return await write(self, conn, tenant_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commit.Commit, "write", refuse)
        await world.turns.drain(bot.tenant_id, conversation_id)
    await world.work(bot, conversation_id)
    assert failed


async def sent_before_commit(world: World, patch: Patch) -> None:
    statement = commit.Commit.statement

    def send_and_write(self: commit.Commit) -> Any:
        for row in self._rows.get("outbox", []):
            httpx.post(world.shop.messages_url(world.bots[-1].tenant_id), headers={"webhook-id": f"{row[0]}:{row[1]}"})
        return statement(self)

    patch.setattr(commit.Commit, "statement", send_and_write)


async def outbox_in_another_transaction(world: World, patch: Patch) -> None:
    add = commit.Commit.add

    def add_but_outbox(self: Any, part: str, *values: Any) -> None:
        if part != "outbox":  # its own transaction was to follow, and the process died before it
            add(self, part, *values)

    patch.setattr(commit.Commit, "add", add_but_outbox)


async def a_conversation_with_a_call(world: World) -> None:
    bot = await world.hooked()
    conversation_id = await world.say(bot, "one", "look")
    await world.work(bot, conversation_id)


async def two_workers_get_one_ring(world: World) -> None:
    bot = await world.hooked(Mood.SLOW)
    conversation_id = await world.say(bot, "one", "look")
    (due,) = await due_jobs(world.db)
    async with world.db.tenant(bot.tenant_id) as conn:
        call_id = str(await conn.scalar(text("select id from calls where status = 'pending'")))
    await asyncio.gather(*(_perform(world, bot, call_id) for _ in range(2)))
    await run_job(world.turns.resources, *due)
    await world.work(bot, conversation_id)


async def _perform(world: World, bot: Bot, call_id: str) -> None:
    await turn_jobs.perform_call(Work(bot.tenant_id, bot.flow_id, 1, world.turns.resources), call_id)


async def calls_without_lease(world: World, patch: Patch) -> None:
    claim = finish_call.claim_call
    one_after_the_other = asyncio.Lock()

    async def claim_anyway(db: Database, tenant_id: UUID, call_id: str) -> Any:
        async with one_after_the_other:
            async with db.tenant(tenant_id) as conn:
                await conn.execute(text("update calls set lease_until = null"))
            return await claim(db, tenant_id, call_id)

    patch.setattr(turn_jobs, "claim_call", claim_anyway)


async def no_idempotency_key(world: World, patch: Patch) -> None:
    headers_and_body = integrations._message

    def bare(call: Any, method: str) -> Any:
        headers, body = headers_and_body(call, method)
        return {name: value for name, value in headers.items() if name != "Idempotency-Key"}, body

    patch.setattr(integrations, "_message", bare)


async def a_sender_dies_while_sending(world: World) -> None:
    bot = await world.hooked()
    conversation_id = await world.say(bot, "one")
    dying = world.sender()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliver, "note_sent", _die)
        patch.setattr(deliver.Delivery, "_failed", _die)
        with pytest.raises(_Dead):
            await dying.deliver(bot.tenant_id, conversation_id)
    await world.change(bot, "update outbox set lease_until = now() - interval '1 second' where status = 'sending'")
    await world.sender().deliver(bot.tenant_id, conversation_id)


class _Dead(BaseException):
    """The process is gone: nothing catches this."""


async def _die(*given: Any, **more: Any) -> None:
    raise _Dead


async def what_may_have_arrived_is_sent_again(world: World, patch: Patch) -> None:
    async def back(conn: Any, tenant_id: UUID, conversation_id: UUID) -> None:
        await conn.execute(text("update outbox set status = 'pending' where status = 'sending' and lease_until <= now()"))

    patch.setattr(deliver, "give_up_unknown", back)


async def a_long_answer(world: World) -> None:
    bot = await world.hooked()
    conversation_id = await world.say(bot, "one", "two", "four")
    await world.sender().deliver(bot.tenant_id, conversation_id)


async def the_newest_is_sent_first(world: World, patch: Patch) -> None:
    head_of = deliver.head_of

    async def newest(conn: Any, tenant_id: UUID, conversation_id: UUID) -> Any:
        found = await head_of(conn, tenant_id, conversation_id)
        seq = await conn.scalar(text("select max(seq) from outbox where status = 'pending'"))
        return found and replace(found, seq=seq)

    async def claim(conn: Any, tenant_id: UUID, conversation_id: UUID, seq: int) -> Any:
        claimed = (
            update(outbox.outbox)
            .where(outbox.outbox.c.seq == seq, outbox.outbox.c.status == "pending")
            .values(status="sending", attempts=1, lease_no=1, lease_until=clock.now() + outbox.LEASE)
            .returning(outbox.outbox.c.seq, outbox.outbox.c.attempts, outbox.outbox.c.lease_no, outbox.outbox.c.parts_sent)
        )
        return (await conn.execute(claimed)).first()

    patch.setattr(deliver, "head_of", newest)
    patch.setattr(deliver, "claim", claim)


async def a_version_is_published_meanwhile(world: World) -> None:
    bot = await world.hooked()
    await world.say(bot, "one")
    async with world.db.tenant(bot.tenant_id) as conn:
        document = await conn.scalar(select(flow_versions.c.document))
        await conn.execute(flow_versions.insert().values(tenant_id=bot.tenant_id, flow_id=bot.flow_id, version=2, document=document))
        await conn.execute(update(flows).values(published_version=2))
    conversation_id = await world.hear(bot, f"{bot.channel_id.hex}-x", "two")
    await world.turns.drain(bot.tenant_id, conversation_id)
    await world.work(bot, conversation_id)


async def always_the_live_version(world: World, patch: Patch) -> None:
    for place in _places_of("version_for"):
        patch.setattr(place, "version_for", lambda conversation, published, wanted=None: published)


def _places_of(name: str) -> list[Any]:
    """The modules of the room of turns that use a function under this name."""
    found = [module for path, module in sys.modules.items() if path.startswith("server.turns.") and hasattr(module, name)]
    assert found
    return found


async def two_workspaces_talk(world: World) -> None:
    for _ in range(2):
        bot = await world.hooked()
        conversation_id = await world.say(bot, "one")
        await world.sender().deliver(bot.tenant_id, conversation_id)


async def one_cache_for_all_workspaces(world: World, patch: Patch) -> None:
    get = Versions.get
    kept: dict[int, Version] = {}

    async def without_tenant(self: Versions, conn: Any, tenant_id: UUID, flow_id: UUID, version: int) -> Version:
        if version not in kept:
            kept[version] = await get(self, conn, tenant_id, flow_id, version)
        return kept[version]

    patch.setattr(Versions, "get", without_tenant)


async def secrets_are_not_sealed(world: World, patch: Patch) -> None:
    async def plain(self: Vault, conn: Any, tenant_id: UUID, table: str, column: str, row: UUID, secret: str) -> bytes:
        return secret.encode()

    async def read(self: Vault, conn: Any, tenant_id: UUID, table: str, column: str, row: UUID, sealed: bytes) -> str:
        return sealed.decode()

    patch.setattr(Vault, "seal", plain)
    patch.setattr(Vault, "unseal", read)


async def _waiting(world: World) -> Bot:
    tenant_id = await make_tenant(world.db)
    flow = flow_of(
        {
            "hello": ("send_message", {"text": mark_of(tenant_id)}),
            "wait": ("wait", {"seconds": 60}),
            "tell": ("send_message", {"text": "Over."}),
        },
        [("hello", "next", "wait"), ("wait", "next", "tell")],
    )
    bot = await publish(world.db, flow, tenant_id)
    world.bots.append(bot)
    await world.say(bot, "one")
    return bot


async def two_runners_see_a_due_timer(world: World) -> None:
    bot = await _waiting(world)
    await world.change(bot, "update timers set due_at = now() - interval '1 second'")
    for _ in range(2):
        async with world.db.tenant(bot.tenant_id) as conn:
            fired = await timers._fire(conn, bot.tenant_id)
        for conversation_id in fired:
            await world.turns.drain(bot.tenant_id, conversation_id)


async def a_timer_is_not_due(world: World) -> None:
    await _waiting(world)
    await timers.fire_timers(world.db)


async def timers_fire_without_looking(world: World, patch: Patch) -> None:
    await world.alter("alter table inbox drop constraint inbox_tenant_id_channel_id_external_id_key")
    patch.setattr(timers, "_fire", _fire_anyway)


_FIRE_ANYWAY = text("""
insert into inbox (tenant_id, id, conversation_id, channel_id, external_id, input)
select c.tenant_id, gen_random_uuid(), c.id, c.channel_id, 'timer:' || t.id,
    jsonb_build_object('kind', 'timer_fired', 'timer_id', t.id, 'at', now(), 'seed', 1)
from timers t join conversations c on c.id = t.conversation_id returning conversation_id""")


async def _fire_anyway(conn: Any, tenant_id: UUID) -> list[UUID]:
    await conn.execute(text("update timers set status = 'fired'"))
    return list(await conn.scalars(_FIRE_ANYWAY))


async def timers_fire_too_early(world: World, patch: Patch) -> None:
    now, fire = clock.now, timers._fire

    async def in_the_present(conn: Any, tenant_id: UUID) -> Any:
        fired = await fire(conn, tenant_id)
        await conn.execute(text("update inbox set input = input || jsonb_build_object('at', now()) where kind = 'timer_fired'"))
        return fired

    patch.setattr(clock, "now", lambda: now() + timedelta(minutes=2))
    patch.setattr(timers, "_fire", in_the_present)


async def a_ring_is_lost(world: World) -> None:
    bot = await world.hooked()
    conversation_id = await world.hear(bot, f"{bot.channel_id.hex}-0", "one")
    await world.change(bot, "update inbox set received_at = now() - interval '1 hour'")
    for tenant_id, waiting in await runner.waiting_conversations(world.db):
        await world.turns.drain(tenant_id, waiting)
    await world.sender().deliver(bot.tenant_id, conversation_id)


async def nobody_sweeps(world: World, patch: Patch) -> None:
    async def nothing(db: Database) -> list[Any]:
        return []

    patch.setattr(runner, "waiting_conversations", nothing)


async def a_message_cannot_be_taken(world: World) -> None:
    bot = await world.hooked()
    conversation_id = await world.hear(bot, f"{bot.channel_id.hex}-0", "one")
    await world.change(bot, "update inbox set attempts = 3")
    await world.turns.drain(bot.tenant_id, conversation_id)


async def dead_letters_without_reason(world: World, patch: Patch) -> None:
    settle = claimed._settle

    async def silent(conn: Any, tenant_id: UUID, row: Any, status: str, reason: str) -> None:
        await settle(conn, tenant_id, row, status, "")

    patch.setattr(claimed, "_settle", silent)


async def _take_all(world: World, bot: Bot) -> None:
    async with world.db.tenant(bot.tenant_id) as conn:
        found = list(await conn.scalars(text("select id from conversations")))
    for conversation_id in found:
        await world.turns.drain(bot.tenant_id, conversation_id)
        await world.sender().deliver(bot.tenant_id, conversation_id)


Story = Callable[[World], Awaitable[None]]
Bug = Callable[[World, Patch], Awaitable[None]]

SEEDS: list[tuple[Story, Bug, str]] = [
    (a_message_comes_twice, no_dedupe, "I1 an input was stored twice"),
    (a_webhook_is_answered, answered_before_stored, "I1 an accepted message is lost"),
    (a_ring_is_lost, nobody_sweeps, "I1 an input is still waiting"),
    (a_commit_fails_once, sent_before_commit, "I2"),
    (a_sender_dies_while_sending, what_may_have_arrived_is_sent_again, "I2"),
    (a_long_answer, the_newest_is_sent_first, "I3"),
    (two_processes_take_one_turn, no_fencing, "I4 the turns of a conversation have a gap"),
    (a_conversation_with_a_call, outbox_in_another_transaction, "I4 a pushed message is not in the outbox"),
    (two_workers_get_one_ring, calls_without_lease, "I6"),
    (a_conversation_with_a_call, no_idempotency_key, "I6 a call has no idempotency key"),
    (two_workspaces_talk, one_cache_for_all_workspaces, "I7"),
    (a_version_is_published_meanwhile, always_the_live_version, "I8"),
    (a_conversation_with_a_call, secrets_are_not_sealed, "I10"),
    (two_runners_see_a_due_timer, timers_fire_without_looking, "I11 a timer fired more than once"),
    (a_timer_is_not_due, timers_fire_too_early, "I11"),
    (a_message_cannot_be_taken, dead_letters_without_reason, "I12 a dead letter has no reason"),
]


@pytest.mark.faults
@pytest.mark.parametrize(("story", "bug", "promise"), SEEDS, ids=[f"{story.__name__}-{bug.__name__}" for story, bug, _ in SEEDS])
async def test_a_seeded_bug_turns_the_checker_red(world: World, monkeypatch: Patch, story: Story, bug: Bug, promise: str) -> None:
    await story(world)
    assert await world.findings() == []
    await bug(world, monkeypatch)
    await story(world)
    assert any(finding.startswith(promise) for finding in await world.findings()), await world.findings()

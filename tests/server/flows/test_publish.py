"""Publishing: an immutable version, at once when it can, after learning its intents when it must."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar import Litestar
from sqlalchemy import insert, select

from server.app import modules
from server.flows.draft import read_draft
from server.flows.problems import problems_of_draft
from server.flows.publish import snapshot_draft
from server.flows.tables import flow_versions, intent_models
from server.kit.jobs import Resources, due_jobs, run_job
from server.kit.tables import events, jobs
from server.llm.tables import model_usage
from tests.conftest import Workspace
from tests.server.flows.test_routes import hello, imported

INTENTS = {
    "track": {"examples": ["where is my order", "track my parcel", "has it shipped", "order status please", "when will it arrive"]},
    "refund": {"examples": ["i want my money back", "refund please", "return this item", "how do i return it", "give me a refund"]},
}


def understanding(**intents: Any) -> dict[str, Any]:
    """A flow that asks which intent a message carries."""
    bundle = hello(intents=intents or INTENTS)
    bundle["nodes"]["n1"] = {"type": "classify_intent", "settings": {"intents": ["track"]}}
    bundle["edges"] = {f"e{n}": {"source": "n1", "port": port, "target": "n2"} for n, port in enumerate(("track", "matched", "otherwise"))}
    return bundle


async def publish(owner: Workspace, flow: str, note: str = "") -> dict[str, Any]:
    answer = await owner.client.post(f"/api/v1/flows/{flow}/versions", json={"note": note})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def work(app: Litestar) -> list[str]:
    """Do every job that is due; how each ended."""
    list(modules("jobs"))
    state = app.state
    resources = Resources(state.settings, state.db, state.redis, state.live, state.vault, state.http)
    return [await run_job(resources, *job) for job in await due_jobs(state.db)]


async def test_a_flow_goes_live_at_once(app: Litestar, owner: Workspace) -> None:
    flow = await imported(owner, hello())
    published = await publish(owner, flow, "First")
    assert (published["version"], published["live"]) == (1, True)
    shown = (await owner.client.get(f"/api/v1/flows/{flow}")).json()
    assert (shown["published_version"], shown["has_unpublished_changes"]) == (1, False)
    version = (await owner.client.get(f"/api/v1/flows/{flow}/versions")).json()["data"][0]
    assert (version["note"], version["live"], version["steps"], version["published_by"]) == ("First", True, 2, str(owner.member_id))
    async with app.state.db.tenant(owner.tenant_id) as conn:
        told = (await conn.execute(select(events.c.flow_id, events.c.flow_version).where(events.c.type == "flow.published"))).one()
    assert (str(told.flow_id), told.flow_version) == (flow, 1)


async def test_a_version_stays_as_it_is(owner: Workspace) -> None:
    flow = await imported(owner, hello())
    await publish(owner, flow)
    await owner.client.patch(f"/api/v1/flows/{flow}", json={"name": "Changed"})
    assert (await owner.client.get(f"/api/v1/flows/{flow}")).json()["has_unpublished_changes"] is True
    assert (await owner.client.get(f"/api/v1/flows/{flow}/versions/1")).json()["name"] == "Hello"
    assert (await publish(owner, flow))["version"] == 2
    assert (await owner.client.get(f"/api/v1/flows/{flow}/versions/2")).json()["name"] == "Changed"
    assert [one["live"] for one in (await owner.client.get(f"/api/v1/flows/{flow}/versions")).json()["data"]] == [True, False]


async def test_every_publishing_keeps_the_channel(owner: Workspace) -> None:
    flow = await imported(owner, hello())
    first = await publish(owner, flow)
    assert (await publish(owner, flow))["channel_id"] == first["channel_id"]
    assert (await owner.client.get(f"/w/{first['channel_id']}")).status_code == 200


async def test_problems_forbid_publishing(owner: Workspace) -> None:
    bundle = hello()
    bundle["nodes"]["n1"]["settings"] = {}
    flow = await imported(owner, bundle)
    answer = await owner.client.post(f"/api/v1/flows/{flow}/versions", json={})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["node_id"] == "n1"
    assert (await owner.client.get(f"/api/v1/flows/{flow}/versions")).json()["data"] == []


async def test_intents_are_learned_before_going_live(app: Litestar, owner: Workspace) -> None:
    flow = await imported(owner, understanding())
    published = await publish(owner, flow)
    assert published["live"] is False
    shown = (await owner.client.get(f"/api/v1/flows/{flow}")).json()
    assert (shown["published_version"], shown["waiting_version"]) == (None, 1)
    assert "Learning intents" in (await owner.client.get(f"/flows/{flow}/state")).text
    assert await work(app) == ["done"]
    shown = (await owner.client.get(f"/api/v1/flows/{flow}")).json()
    assert (shown["published_version"], shown["waiting_version"]) == (1, None)
    assert "Live v1" in (await owner.client.get(f"/flows/{flow}/state")).text
    async with app.state.db.tenant(owner.tenant_id) as conn:
        row = (await conn.execute(select(intent_models.c.status, intent_models.c.model, intent_models.c.report))).one()
    assert row.status == "trained"
    assert row.model
    assert row.report["examples"] == 10


async def test_the_same_examples_are_learned_once(app: Litestar, owner: Workspace) -> None:
    flow = await imported(owner, understanding())
    await publish(owner, flow)
    await work(app)
    assert (await publish(owner, flow))["live"] is True
    assert await work(app) == []


async def test_the_live_version_stays_while_the_next_one_learns(app: Litestar, owner: Workspace) -> None:
    flow = await imported(owner, understanding())
    await publish(owner, flow)
    await work(app)
    await owner.client.post(f"/flows/{flow}/intents", data={"name": "cancel", "examples": "cancel it\nstop my order\nplease cancel"})
    assert (await publish(owner, flow))["live"] is False
    assert (await owner.client.get(f"/api/v1/flows/{flow}")).json()["published_version"] == 1
    await work(app)
    assert (await owner.client.get(f"/api/v1/flows/{flow}")).json()["published_version"] == 2


async def test_a_newer_version_is_not_put_back_by_a_model_that_is_late(app: Litestar, owner: Workspace) -> None:
    flow = await imported(owner, understanding())
    await publish(owner, flow)
    draft = await owner.client.get(f"/api/v1/flows/{flow}/draft")
    plain = {**draft.json()["document"], "nodes": hello()["nodes"], "edges": hello()["edges"]}
    await owner.client.put(f"/api/v1/flows/{flow}/draft", json=plain, headers={"if-match": draft.headers["etag"]})
    assert (await publish(owner, flow))["live"] is True
    await work(app)
    assert (await owner.client.get(f"/api/v1/flows/{flow}")).json()["published_version"] == 2


async def test_training_twice_does_no_harm(app: Litestar, owner: Workspace) -> None:
    flow = await imported(owner, understanding())
    await publish(owner, flow)
    await work(app)
    async with app.state.db.tenant(owner.tenant_id) as conn:
        await conn.execute(jobs.update().values(status="pending"))
        before = await conn.scalar(select(intent_models.c.model))
    assert await work(app) == ["done"]
    async with app.state.db.tenant(owner.tenant_id) as conn:
        assert await conn.scalar(select(intent_models.c.model)) == before
        assert len((await conn.execute(select(events.c.id).where(events.c.type == "flow.published"))).all()) == 1


@pytest.mark.parametrize(
    ("intents", "words"),
    [
        ({"track": {"examples": ["where is it"]}}, "at least two intents"),
        ({"track": {"examples": ["where is it"]}, "refund": {"examples": ["Where is it"]}}, "both"),
    ],
)
async def test_examples_that_cannot_be_learned_forbid_publishing(owner: Workspace, intents: dict[str, Any], words: str) -> None:
    flow = await imported(owner, understanding(**intents))
    answer = await owner.client.post(f"/api/v1/flows/{flow}/versions", json={})
    assert answer.status_code == 422
    assert words in answer.text


async def test_a_snapshot_of_the_draft_is_a_version_below_zero(app: Litestar, owner: Workspace) -> None:
    flow = await imported(owner, hello())
    async with app.state.db.tenant(owner.tenant_id) as conn:
        first = await snapshot_draft(conn, owner.tenant_id, UUID(flow))
        again = await snapshot_draft(conn, owner.tenant_id, UUID(flow))
    assert (first.version, first.ready) == (again.version, True) == (-1, True)
    for number in range(25):
        await owner.client.patch(f"/api/v1/flows/{flow}", json={"name": f"Name {number}"})
        async with app.state.db.tenant(owner.tenant_id) as conn:
            await snapshot_draft(conn, owner.tenant_id, UUID(flow))
    async with app.state.db.tenant(owner.tenant_id) as conn:
        kept = (await conn.execute(select(flow_versions.c.version).order_by(flow_versions.c.version))).scalars().all()
    assert kept == list(range(-26, -6))
    assert (await owner.client.get(f"/api/v1/flows/{flow}/versions")).json()["data"] == []


async def test_intents_that_cannot_be_told_apart_are_a_problem_once_they_are_learned(app: Litestar, owner: Workspace) -> None:
    examples = INTENTS["refund"]["examples"]
    again = {"examples": [f"please {text}" for text in examples] + [f"{text} today" for text in examples]}
    refund = {"examples": [*examples, *(f"{text} now" for text in examples)]}
    flow = await imported(owner, understanding(track=INTENTS["track"], refund=refund, money_back=again))
    await publish(owner, flow)
    await work(app)
    async with app.state.db.tenant(owner.tenant_id) as conn:
        draft = await read_draft(conn, owner.tenant_id, UUID(flow))
        problems = await problems_of_draft(conn, draft)
    assert [(problem.code, problem.message) for problem in problems if problem.code == "similar_intents"] == [
        ("similar_intents", 'The bot cannot tell "money_back" and "refund" apart: their examples are too much alike.')
    ]
    page = await owner.client.get(f"/flows/{flow}/intents")
    assert "<li>money_back and refund</li>" in page.text


async def test_a_turn_that_may_cost_more_than_its_budget_is_told(app: Litestar, owner: Workspace) -> None:
    bundle = hello(settings={"turn_budget_usd": 0.03})
    bundle["nodes"]["n1"] = {"type": "llm_reply", "settings": {"instructions": "Answer kindly."}}
    bundle["edges"]["e1"] = {"source": "n1", "port": "next", "target": "n2"}
    flow = await imported(owner, bundle)

    async def warnings() -> list[str]:
        problems = (await owner.client.get(f"/api/v1/flows/{flow}/problems")).raise_for_status().json()["data"]
        return [problem["message"] for problem in problems if problem["code"] == "cost_over_budget"]

    assert await warnings() == []
    used = {"tenant_id": owner.tenant_id, "model": "any", "outcome": "ok"}
    async with app.state.db.tenant(owner.tenant_id) as conn:
        rows = [{**used, "id": uuid4(), "cost_usd": cost} for cost in (0.01, 0.04)]
        await conn.execute(insert(model_usage), rows)
    (message,) = await warnings()
    assert message.startswith("One turn may cost 0.04 USD, above the budget of 0.03 USD")

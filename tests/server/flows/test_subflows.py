"""Flows that run other flows keep the versions that were live when they were published."""

from typing import Any
from uuid import UUID

from litestar import Litestar
from sqlalchemy import select

from server.flows.draft import read_draft
from server.flows.publish import snapshot_draft
from server.flows.tables import flow_versions
from tests.conftest import Workspace
from tests.server.flows.test_publish import INTENTS, publish, understanding, work
from tests.server.flows.test_routes import imported


def saying(name: str, text: str) -> dict[str, Any]:
    """A flow that says one thing."""
    return bundle(name, {"say": ("send_message", {"text": text})}, [])


def running(name: str, *refs: str) -> dict[str, Any]:
    """A flow that runs others, one after the other."""
    nodes = {f"run{number}": ("run_subflow", {"flow": ref}) for number, ref in enumerate(refs)}
    edges = [(f"run{number}", "done", f"run{number + 1}") for number in range(len(refs) - 1)]
    return bundle(name, {**nodes, "bye": ("send_message", {"text": "Bye"})}, [*edges, (f"run{len(refs) - 1}", "done", "bye")])


def bundle(name: str, nodes: dict[str, tuple[str, dict[str, Any]]], edges: list[tuple[str, str, str]]) -> dict[str, Any]:
    return {
        "schema_version": 2,
        "name": name,
        "variables": {},
        "triggers": [{"id": "start", "type": "conversation_start", "node": next(iter(nodes))}],
        "nodes": {node: {"type": kind, "settings": settings} for node, (kind, settings) in nodes.items()},
        "edges": {f"e{number}": {"source": s, "port": p, "target": t} for number, (s, p, t) in enumerate(edges)},
    }


async def kept(app: Litestar, owner: Workspace, flow: str, version: int = 1) -> dict[str, Any]:
    """The sub-flows in a version, by ref: the text each says first."""
    query = select(flow_versions.c.document).where(flow_versions.c.flow_id == UUID(flow), flow_versions.c.version == version)
    async with app.state.db.tenant(owner.tenant_id) as conn:
        document = await conn.scalar(query)
    return {ref: copy["nodes"].get("say", {}).get("settings", {}).get("text") for ref, copy in document.get("subflows", {}).items()}


async def refusal(owner: Workspace, flow: str) -> list[dict[str, Any]]:
    answer = await owner.client.post(f"/api/v1/flows/{flow}/versions", json={})
    assert answer.status_code == 422, answer.text
    problems: list[dict[str, Any]] = answer.json()["problems"]
    return problems


async def test_the_live_version_is_frozen(app: Litestar, owner: Workspace) -> None:
    inner = await imported(owner, saying("Inner", "one"))
    await publish(owner, inner)
    outer = await imported(owner, running("Outer", inner))
    await publish(owner, outer)
    assert await kept(app, owner, outer) == {inner: "one"}
    await owner.client.patch(f"/api/v1/flows/{inner}", json={"name": "Inner 2"})
    draft = (await owner.client.get(f"/api/v1/flows/{inner}/draft")).json()["document"]
    draft["nodes"]["say"]["settings"]["text"] = "two"
    rev = (await owner.client.get(f"/api/v1/flows/{inner}/draft")).headers["etag"]
    changed = await owner.client.put(f"/api/v1/flows/{inner}/draft", json=draft, headers={"if-match": rev})
    assert changed.is_success, changed.text
    await publish(owner, inner)
    assert await kept(app, owner, outer) == {inner: "one"}
    shown = (await owner.client.get(f"/api/v1/flows/{outer}")).json()
    assert shown["has_unpublished_changes"] is False
    await publish(owner, outer)
    assert await kept(app, owner, outer, 2) == {inner: "two"}


async def test_flows_are_frozen_with_those_they_run_by_id_or_name(app: Litestar, owner: Workspace) -> None:
    await publish(owner, await imported(owner, saying("deepest", "deep")))
    middle = await imported(owner, running("Middle", "deepest"))
    await publish(owner, middle)
    outer = await imported(owner, running("Outer", middle, "deepest"))
    await publish(owner, outer)
    assert await kept(app, owner, outer) == {middle: None, "deepest": "deep"}


async def test_a_flow_that_runs_itself_gets_the_version_that_is_published(app: Litestar, owner: Workspace) -> None:
    flow = await imported(
        owner,
        bundle(
            "loop_a",
            {
                "say": ("offer_choices", {"text": "Again?", "choices": [{"value": "y", "label": "Yes"}, {"value": "n", "label": "No"}]}),
                "run": ("run_subflow", {"flow": "loop_a"}),
                "bye": ("send_message", {"text": "Bye"}),
            },
            [("say", "y", "run"), ("say", "n", "bye"), ("run", "done", "bye")],
        ),
    )
    await publish(owner, flow)
    assert await kept(app, owner, flow) == {flow: "Again?"}, "importing has linked the name to the flow"


async def test_what_is_missing_is_named(owner: Workspace, other_owner: Workspace) -> None:
    inner = await imported(owner, saying("Inner", "one"))
    outer = await imported(owner, running("Outer", inner))
    [problem] = await refusal(owner, outer)
    assert (problem["code"], problem["node_id"], problem["field"]) == ("unknown_subflow", "run0", "flow")
    assert problem["message"] == 'This step runs the flow "Inner", which is not published yet.'
    middle = await imported(owner, running("middle", "nowhere"))
    [problem] = await refusal(owner, middle)
    assert problem["message"] == "This step runs a flow that does not exist (any more): nowhere."
    foreign = await imported(other_owner, saying("Foreign", "secret"))
    await publish(other_owner, foreign)
    [problem] = await refusal(owner, await imported(owner, running("Thief", foreign)))
    assert problem["message"].startswith("This step runs a flow that does not exist")


async def test_a_deleted_flow_is_missed_in_the_flow_that_runs_it(app: Litestar, owner: Workspace) -> None:
    inner = await imported(owner, saying("Inner", "one"))
    await publish(owner, inner)
    middle = await imported(owner, running("middle", inner))
    await publish(owner, middle)
    assert (await owner.client.delete(f"/api/v1/flows/{inner}")).is_success
    [problem] = await refusal(owner, await imported(owner, running("Outer", "middle")))
    assert problem["message"] == f'A step of "middle" runs a flow that does not exist (any more): {inner}.'
    assert await kept(app, owner, middle) == {inner: "one"}, "what is published stays as it is"


async def test_the_test_panel_runs_them_too(app: Litestar, owner: Workspace) -> None:
    inner = await imported(owner, saying("Inner", "one"))
    await publish(owner, inner)
    outer = await imported(owner, running("Outer", inner))
    async with app.state.db.tenant(owner.tenant_id) as conn:
        snapshot = await snapshot_draft(conn, owner.tenant_id, UUID(outer))
        assert (await read_draft(conn, owner.tenant_id, UUID(outer))).document.get("subflows") is None
    assert snapshot.ready
    assert await kept(app, owner, outer, snapshot.version) == {inner: "one"}


async def test_the_intents_of_a_flow_that_is_run_are_learned_with_the_others(app: Litestar, owner: Workspace) -> None:
    inner = await imported(owner, understanding(**INTENTS) | {"name": "inner"})
    await publish(owner, inner)
    await work(app)
    outer = await imported(owner, running("Outer", inner))
    published = await publish(owner, outer)
    assert published["live"] is False
    await work(app)
    shown = (await owner.client.get(f"/api/v1/flows/{outer}")).json()
    assert shown["published_version"] == 1

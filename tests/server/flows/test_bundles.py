"""A flow in one file: what comes back from it, what is left out of it, and what is to be linked."""

import json
from typing import Any

from tests.conftest import Workspace
from tests.server.flows.test_routes import hello, imported


def runs(ref: str) -> dict[str, Any]:
    return {"type": "run_subflow", "type_version": 1, "settings": {"flow": ref}}


async def _export(owner: Workspace, flow: str) -> dict[str, Any]:
    answer = await owner.client.get(f"/api/v1/flows/{flow}/export")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def _import(owner: Workspace, bundle: dict[str, Any]) -> dict[str, Any]:
    answer = await owner.client.post("/api/v1/flows/import", json=bundle)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _with_node(bundle: dict[str, Any], name: str, node: dict[str, Any]) -> dict[str, Any]:
    bundle["nodes"][name] = {**node, "title": name, "position": {"x": 0, "y": 0}, "note": "", "on_error": {"do": "stop"}}
    return bundle


async def test_the_flows_that_a_flow_runs_come_with_it_and_are_led_to_anew(owner: Workspace) -> None:
    inner = await imported(owner, hello(name="Address", intents={"greet": {"description": "", "examples": ["hi", "hello"]}}))
    middle = await imported(owner, _with_node(hello(name="My order!"), "sub", runs(inner)))
    outer = await imported(owner, _with_node(_with_node(hello(name="Shop"), "sub", runs(middle)), "again", runs("Address")))
    bundle = await _export(owner, outer)
    assert set(bundle["flows"]) == {"My-order", "Address"}
    assert bundle["nodes"]["sub"]["settings"]["flow"] == "My-order"
    assert bundle["flows"]["My-order"]["nodes"]["sub"]["settings"]["flow"] == "Address"
    assert bundle["flows"]["Address"]["intents"] == {"greet": {"description": "", "examples": ["hi", "hello"]}}
    assert not {inner, middle, outer} & set(json.dumps(bundle).split('"'))
    made = await _import(owner, bundle)
    others = {flow["name"]: flow["id"] for flow in made["others"]}
    assert (set(others), made["to_link"]) == ({"My order!", "Address"}, [])
    assert not {*others.values(), made["id"]} & {inner, middle, outer}
    draft = (await owner.client.get(f"/api/v1/flows/{made['id']}/draft")).json()["document"]
    assert draft["nodes"]["sub"]["settings"]["flow"] == others["My order!"]
    assert draft["nodes"]["again"]["settings"]["flow"] == others["Address"]
    assert await _export(owner, made["id"]) == bundle


async def test_a_flow_that_runs_itself_runs_its_copy(owner: Workspace) -> None:
    flow = await imported(owner, _with_node(hello(name="Round"), "sub", runs("Round")))
    made = await _import(owner, await _export(owner, flow))
    assert (made["others"], made["to_link"]) == ([], [])
    draft = (await owner.client.get(f"/api/v1/flows/{made['id']}/draft")).json()["document"]
    assert draft["nodes"]["sub"]["settings"]["flow"] == made["id"]


async def test_a_flow_that_did_not_come_with_it_is_to_be_linked(owner: Workspace) -> None:
    made = await _import(owner, _with_node(hello(), "sub", runs("Elsewhere")))
    assert made["to_link"] == [{"kind": "flow", "name": "Elsewhere", "flow_id": made["id"], "node_id": "sub", "field": "flow"}]


async def test_translations_come_with_it(owner: Workspace) -> None:
    languages = {"default": "en", "others": ["de"], "texts": {"de": {"Hello": "Hallo"}}}
    flow = await imported(owner, hello(languages=languages))
    assert (await _export(owner, flow))["languages"] == languages


async def test_secrets_stay_at_home_and_are_asked_for(owner: Workspace) -> None:
    settings = {
        "url": "https://shop:hunter2@shop.example/api",
        "headers": {"Authorization": "Bearer sesame", "X-Api-Key": "k-1", "X-Trace": "on", "Cookie": "{{ session }}"},
        "query": {"api_key": "k-2", "monkey": "banana"},
    }
    bundle = _with_node(
        hello(variables={"session": {"type": "text"}}), "ask", {"type": "http_request", "type_version": 1, "settings": settings}
    )
    exported = await _export(owner, await imported(owner, bundle))
    text = json.dumps(exported)
    assert not any(secret in text for secret in ("hunter2", "sesame", "k-1", "k-2"))
    kept = exported["nodes"]["ask"]["settings"]
    assert kept["url"] == "https://shop.example/api"
    assert kept["headers"] == {"Authorization": "", "X-Api-Key": "", "X-Trace": "on", "Cookie": "{{ session }}"}
    assert kept["query"] == {"api_key": "", "monkey": "banana"}
    made = await _import(owner, exported)
    assert {(link["kind"], link["field"]) for link in made["to_link"]} == {
        ("secret", "headers.Authorization"),
        ("secret", "headers.X-Api-Key"),
        ("secret", "query.api_key"),
    }


async def test_what_a_workspace_holds_is_named_and_to_be_linked(owner: Workspace) -> None:
    call = {"type": "call_integration", "type_version": 1, "settings": {"connection": "crm", "action": "find"}}
    answer = {"type": "answer_from_knowledge", "type_version": 1, "settings": {"question": "{{ message.text }}", "bases": ["faq", "shop"]}}
    made = await _import(owner, _with_node(_with_node(hello(), "crm", call), "faq", answer))
    assert [(link["kind"], link["name"], link["node_id"], link["field"]) for link in made["to_link"]] == [
        ("connection", "crm", "crm", "connection"),
        ("knowledge", "faq", "faq", "bases.0"),
        ("knowledge", "shop", "faq", "bases.1"),
    ]


async def test_a_fault_in_a_flow_that_comes_with_it_refuses_the_whole(owner: Workspace) -> None:
    bundle = hello(flows={"Bad": hello(name="Bad", schema_version=999)})
    answer = await owner.client.post("/api/v1/flows/import", json=bundle)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["message"].startswith('The flow "Bad": This flow was made by a newer Chatloom')
    for flows in ([], {"A": 1}, {f"f{i}": hello() for i in range(60)}, {"A": {**hello(), "flows": {}}}):
        answer = await owner.client.post("/api/v1/flows/import", json=hello(flows=flows))
        assert (answer.status_code, bool(answer.json()["problems"])) == (422, True)
    assert (await owner.client.get("/api/v1/flows")).json()["data"] == []


async def test_the_import_dialog_says_what_to_link(owner: Workspace) -> None:
    call = {"type": "call_integration", "type_version": 1, "settings": {"connection": "crm", "action": "find"}}
    plain, needy = hello(), _with_node(hello(), "Ask_the_CRM", call)
    answer = await owner.client.post("/flows/import", files={"file": ("flow.json", json.dumps(plain))}, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith("/flows/")
    answer = await owner.client.post("/flows/import", files={"file": ("flow.json", json.dumps(needy))}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "HX-Redirect" not in answer.headers
    for shown in ('hx-target="#import-form"', "Ask_the_CRM", "Connection", "crm", "Open the flow"):
        assert shown in answer.text

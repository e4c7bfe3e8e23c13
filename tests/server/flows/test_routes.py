"""Flows over HTTP: made, found, changed, deleted and taken back; hostile files refused."""

import json
from pathlib import Path
from typing import Any

from tests.conftest import Workspace

HOSTILE = [json.loads(line) for line in (Path(__file__).parents[2] / "data" / "flow_import.jsonl").read_text().splitlines()]


def hello(name: str = "Hello", **more: Any) -> dict[str, Any]:
    """A small flow without places."""
    nodes = {
        "n1": {"type": "send_message", "settings": {"text": "Hi"}},
        "n2": {"type": "end", "settings": {}},
    }
    edges = {"e1": {"source": "n1", "port": "next", "target": "n2"}}
    triggers = [{"id": "start", "type": "conversation_start", "node": "n1"}]
    return {"schema_version": 1, "name": name, "triggers": triggers, "nodes": nodes, "edges": edges, **more}


async def imported(owner: Workspace, bundle: Any) -> str:
    answer = await owner.client.post("/api/v1/flows/import", json=bundle)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_flow_is_made_found_and_renamed(owner: Workspace) -> None:
    made = (await owner.client.post("/api/v1/flows", json={"name": "  Order   help ", "description": "For the shop"})).json()
    assert (made["name"], made["steps"], made["published_version"]) == ("Order help", 0, None)
    url = f"/api/v1/flows/{made['id']}"
    changed = await owner.client.patch(url, json={"name": "Support"})
    assert (changed.json()["name"], changed.json()["description"]) == ("Support", "For the shop")
    assert (await owner.client.get(url)).json()["revision"] == 2
    assert [one["name"] for one in (await owner.client.get("/api/v1/flows?q=SUPP")).json()["data"]] == ["Support"]
    assert (await owner.client.get("/api/v1/flows?q=%25")).json()["data"] == []


async def test_a_flow_that_cannot_be_made(owner: Workspace) -> None:
    for body in ({}, {"name": ""}, {"name": "x" * 201}, {"name": "x", "tenant_id": "y"}, {"name": 7}, []):
        answer = await owner.client.post("/api/v1/flows", json=body)
        assert answer.status_code == 422, body
        assert answer.headers["content-type"] == "application/problem+json"


async def test_flows_come_in_pages(owner: Workspace) -> None:
    for number in range(5):
        await owner.client.post("/api/v1/flows", json={"name": f"Flow {number}"})
    first = (await owner.client.get("/api/v1/flows?limit=3")).json()
    second = (await owner.client.get("/api/v1/flows", params={"limit": 3, "cursor": first["next"]})).json()
    assert [one["name"] for one in first["data"] + second["data"]] == [f"Flow {number}" for number in (4, 3, 2, 1, 0)]
    assert second["next"] is None
    assert (await owner.client.get("/api/v1/flows?cursor=nonsense")).status_code == 422
    assert (await owner.client.get("/api/v1/flows?limit=0")).status_code == 422


async def test_a_deleted_flow_can_be_taken_back(owner: Workspace) -> None:
    url = f"/api/v1/flows/{await imported(owner, hello())}"
    assert (await owner.client.delete(url)).status_code == 204
    assert (await owner.client.get(url)).status_code == 404
    assert (await owner.client.delete(url)).status_code == 404
    assert (await owner.client.get("/api/v1/flows")).json()["data"] == []
    assert "Take back" in (await owner.client.get("/flows")).text
    assert (await owner.client.post(f"{url}/restoration")).status_code == 201
    assert (await owner.client.get(url)).json()["steps"] == 2
    assert (await owner.client.post(f"{url}/restoration")).status_code == 404


async def test_an_import_gets_places_and_titles(owner: Workspace) -> None:
    flow = await imported(owner, hello())
    draft = (await owner.client.get(f"/api/v1/flows/{flow}/draft")).json()["document"]
    assert draft["nodes"]["n1"]["title"] == "Send a message"
    assert draft["nodes"]["n1"]["position"] != draft["nodes"]["n2"]["position"]


async def test_a_flow_comes_back_from_its_export(owner: Workspace) -> None:
    intents = {"greet": {"description": "Says hello", "examples": ["hi", "hello"]}}
    flow = await imported(owner, hello(intents=intents))
    exported = (await owner.client.get(f"/api/v1/flows/{flow}/export")).json()
    assert exported["intents"] == intents
    again = await imported(owner, exported)
    assert (await owner.client.get(f"/api/v1/flows/{again}/export")).json() == exported


async def test_an_unfinished_flow_can_be_exported_and_imported(owner: Workspace) -> None:
    bundle = hello()
    bundle["nodes"]["n1"]["settings"] = {}
    bundle["nodes"]["n3"] = {"type": "ask_question", "settings": {}}
    flow = await imported(owner, bundle)
    problems = (await owner.client.get(f"/api/v1/flows/{flow}/problems")).json()
    assert problems["publishable"] is False
    assert ("n1", "text") in [(one["node_id"], one["field"]) for one in problems["data"]]


async def test_hostile_files_are_refused_and_nothing_is_stored(owner: Workspace) -> None:
    for row in HOSTILE:
        given = row["input"]
        if "yaml" in given:
            headers = {"content-type": "application/yaml"}
            answer = await owner.client.post("/api/v1/flows/import", content=given["yaml"], headers=headers)
            assert answer.status_code in (400, 415, 422), row["id"]
            continue
        bundle = given["json"] if "json" in given else eval(given["py_json"], {}, {})
        answer = await owner.client.post("/api/v1/flows/import", json=bundle)
        assert answer.status_code in row["status"], row["id"]
        assert answer.status_code == 413 or answer.json()["problems"], row["id"]
    assert (await owner.client.get("/api/v1/flows")).json()["data"] == []


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"nodes": {f"n{n}": {"type": "end", "settings": {}} for n in range(2_001)}}, "too_many_nodes"),
    ({"nodes": {"n1": {"type": "end", "settings": {"text": deep(60)}}}}, "unreadable_document"),
    ({"nodes": {"n1": {"type": "python_exec", "settings": {"code": "import os"}}}}, "unknown_node_type"),
    ({"nodes": {"n1": {"type": "http_request", "settings": {"url": "file:///etc/passwd"}}}}, "invalid_setting"),
    ({"nodes": {"n1": {"type": "http_request", "settings": {"url": "https://ok.example", "headers": {"Host": "x"}}}}}, "invalid_setting"),
    ({"nodes": {"n1": {"type": "wait", "settings": {"seconds": -5}}}}, "invalid_setting"),
    ({"nodes": {"n1": {"type": "wait", "settings": {"seconds": 10**12}}}}, "invalid_setting"),
    ({"nodes": {"n1": {"type": "send_message", "settings": {"text": "{{ secrets.KEY }}"}}}}, "unknown_variable"),
    ({"nodes": {"n1": {"type": "llm_reply", "settings": {"instructions": "x", "api_base": "http://127.0.0.1"}}}}, "invalid_setting"),
    ({"nodes": {"<script>": {"type": "end", "settings": {}}}}, "invalid_document"),
    ({"edges": {"e1": {"source": "n1", "port": "next", "target": "gone"}}}, "dangling_edge"),
    ({"schema_version": 999}, "newer_schema"),
    ({"tenant_id": "x"}, "invalid_document"),
    ({"intents": {"x": {"examples": [1]}}}, "invalid_intents"),
    ({"intents": [1]}, "invalid_intents"),
]


async def test_what_is_wrong_with_a_file_is_named(owner: Workspace) -> None:
    for changes, code in WRONG:
        answer = await owner.client.post("/api/v1/flows/import", json=hello(**changes))
        assert answer.status_code == 422, changes
        assert code in [problem["code"] for problem in answer.json()["problems"]]
    assert (await owner.client.get("/api/v1/flows")).json()["data"] == []


async def test_the_draft_is_replaced_only_by_who_has_seen_it(owner: Workspace) -> None:
    url = f"/api/v1/flows/{await imported(owner, hello())}/draft"
    seen = await owner.client.get(url)
    renamed = {**seen.json()["document"], "name": "Renamed"}
    assert (await owner.client.put(url, json=renamed)).status_code == 428
    put = await owner.client.put(url, json=renamed, headers={"if-match": seen.headers["etag"]})
    assert (put.status_code, put.json()["revision"]) == (200, 2)
    assert put.headers["etag"] != seen.headers["etag"]
    late = await owner.client.put(url, json=renamed, headers={"if-match": seen.headers["etag"]})
    assert late.status_code == 412
    broken = await owner.client.put(url, json={"nodes": []}, headers={"if-match": put.headers["etag"]})
    assert broken.status_code == 422
    assert (await owner.client.get(url)).json()["document"]["name"] == "Renamed"


async def test_another_workspace_sees_nothing(owner: Workspace, other_owner: Workspace) -> None:
    flow = await imported(owner, hello())
    url = f"/api/v1/flows/{flow}"
    assert (await other_owner.client.get("/api/v1/flows")).json()["data"] == []
    for path in ("", "/draft", "/problems", "/versions", "/export", "/versions/1"):
        assert (await other_owner.client.get(url + path)).status_code == 404
    assert (await other_owner.client.delete(url)).status_code == 404
    assert (await other_owner.client.post(f"{url}/versions", json={})).status_code == 404
    assert (await other_owner.client.post(f"{url}/restoration")).status_code == 404
    for path in ("", "/outline", "/intents", "/canvas", "/state", "/publish", "/versions", "/intents/form"):
        assert (await other_owner.client.get(f"/flows/{flow}{path}")).status_code == 404


async def test_a_flow_starts_from_a_template_with_its_intents(owner: Workspace) -> None:
    page = (await owner.client.get("/api/v1/flows/templates")).json()["data"]
    assert len(page) >= 9
    assert all(one["title"] and one["summary"] and one["does"] and one["needs"] and one["preview"] and one["steps"] > 5 for one in page)
    made = await owner.client.post("/api/v1/flows/templates/faq", json={})
    assert (made.status_code, made.json()["name"]) == (201, "Answer questions")
    bundle = (await owner.client.get(f"/api/v1/flows/{made.json()['id']}/export")).json()
    assert len(bundle["intents"]["delivery"]["examples"]) == 10
    again = await owner.client.post("/api/v1/flows/templates/faq", json={"name": "  Shop   answers "})
    assert again.json()["name"] == "Shop answers"


async def test_every_template_can_be_published_as_it_is(owner: Workspace) -> None:
    for one in (await owner.client.get("/api/v1/flows/templates")).json()["data"]:
        flow = (await owner.client.post(f"/api/v1/flows/templates/{one['key']}", json={})).json()["id"]
        problems = (await owner.client.get(f"/api/v1/flows/{flow}/problems")).json()["data"]
        assert problems == [], one["key"]
        assert (await owner.client.post(f"/api/v1/flows/{flow}/versions", json={})).status_code == 201, one["key"]


async def test_a_template_that_there_is_not_or_a_bad_name(owner: Workspace) -> None:
    assert (await owner.client.post("/api/v1/flows/templates/nothing", json={})).status_code == 404
    assert (await owner.client.post("/api/v1/flows/templates/faq", json={"name": "x" * 201})).status_code == 422
    assert (await owner.client.post("/api/v1/flows/templates/faq", json={"title": "x"})).status_code == 422

"""Connecting models to a workspace: the JSON routes and the page."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select

from server.kit.db import Database
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.llm.messages import ModelFailed, ReplyResult
from server.llm.providers import open_provider
from server.llm.tables import model_providers, model_usage
from server.llm.usage import record_usage
from tests.conftest import PASSWORD, Workspace, client_of
from tests.fakes.openai import KEY, FakeOpenAI

PROVIDERS = "/api/v1/models/providers"


@pytest.fixture
def openai() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
async def settings(settings: Settings, openai: FakeOpenAI) -> Settings:
    return replace(settings, outbound_allow=frozenset({openai.host}))


@pytest.fixture
def house_model(openai: FakeOpenAI) -> dict[str, str]:
    return {"name": "House model", "kind": "compatible", "model": "echo", "base_url": openai.base_url, "api_key": KEY}


@pytest.fixture
async def vault(app: Litestar) -> Vault:
    vault: Vault = app.state.vault
    return vault


async def connect(workspace: Workspace, body: dict[str, str], **changes: str) -> dict[str, Any]:
    answer = await workspace.client.post(PROVIDERS, json=body | changes)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_model_is_connected_and_its_key_is_never_shown_again(owner: Workspace, db: Database, house_model: dict[str, str]) -> None:
    made = await connect(owner, house_model)
    assert (made["name"], made["has_key"], made["is_default"]) == ("House model", True, True)
    listed = await owner.client.get(PROVIDERS)
    assert listed.json() == {"data": [made], "next": None}
    assert KEY not in listed.text
    async with db.tenant(owner.tenant_id) as connection:
        stored = (await connection.execute(select(model_providers))).one()
    assert KEY.encode() not in stored.api_key_sealed


async def test_the_key_is_there_for_a_call(owner: Workspace, db: Database, vault: Vault, house_model: dict[str, str]) -> None:
    await connect(owner, house_model)
    async with db.tenant(owner.tenant_id) as connection:
        opened = await open_provider(connection, vault, owner.tenant_id)
    assert (opened.api_key, opened.model, opened.address) == (KEY, "echo", house_model["base_url"])
    assert KEY not in repr(opened)


async def test_a_flow_names_a_model_by_its_own_name_or_the_services(
    owner: Workspace, db: Database, vault: Vault, house_model: dict[str, str]
) -> None:
    await connect(owner, house_model)
    await connect(owner, house_model, name="Second", model="say:hi")
    async with db.tenant(owner.tenant_id) as connection:
        for wanted, model in (("Second", "say:hi"), ("say:hi", "say:hi"), ("House model", "echo"), (None, "echo"), ("", "echo")):
            assert (await open_provider(connection, vault, owner.tenant_id, wanted)).model == model
        with pytest.raises(ModelFailed) as caught:
            await open_provider(connection, vault, owner.tenant_id, "Third")
    assert caught.value.kind == "no_model"


async def test_without_a_model_the_call_fails_as_no_model(owner: Workspace, db: Database, vault: Vault) -> None:
    async with db.tenant(owner.tenant_id) as connection:
        with pytest.raises(ModelFailed, match="Connect one under Settings") as caught:
            await open_provider(connection, vault, owner.tenant_id)
    assert caught.value.kind == "no_model"


UNFIT = [
    ({"name": " "}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"model": ""}, "model"),
    ({"kind": "other"}, "kind"),
    ({"kind": "openai"}, "base_url"),
    ({"kind": "openai", "base_url": "", "api_key": ""}, "api_key"),
    ({"api_key": "schlüssel"}, "api_key"),
    ({"api_key": "a\r\nX-Evil: 1"}, "api_key"),
    ({"base_url": ""}, "base_url"),
    ({"base_url": "http://169.254.169.254/v1"}, "base_url"),
    ({"base_url": "http://127.0.0.1:1/v1"}, "base_url"),
    ({"base_url": "https://models.example:8443/v1"}, "base_url"),
    ({"base_url": "https://user:pw@models.example/v1"}, "base_url"),
]


async def test_what_cannot_work_is_refused_at_its_field(owner: Workspace, house_model: dict[str, str]) -> None:
    for change, field in UNFIT:
        answer = await owner.client.post(PROVIDERS, json=house_model | change)
        assert (answer.status_code, list(answer.json()["fields"])) == (422, [field]), change


async def test_unknown_fields_are_refused(owner: Workspace, house_model: dict[str, str]) -> None:
    answer = await owner.client.post(PROVIDERS, json=house_model | {"tenant_id": str(UUID(int=0))})
    assert answer.status_code in (400, 422)


async def test_names_are_unique(owner: Workspace, other_owner: Workspace, house_model: dict[str, str]) -> None:
    await connect(owner, house_model)
    answer = await owner.client.post(PROVIDERS, json=house_model)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["name"])
    await connect(other_owner, house_model)


async def test_another_model_can_become_the_default_and_inherits_it_when_the_first_goes(
    owner: Workspace, house_model: dict[str, str]
) -> None:
    first, second = await connect(owner, house_model), await connect(owner, house_model, name="Second")
    chosen = await owner.client.put("/api/v1/models/default", json={"provider_id": second["id"]})
    assert [row["is_default"] for row in chosen.json()["data"]] == [False, True]
    assert (await owner.client.delete(f"{PROVIDERS}/{second['id']}")).status_code == 204
    assert [(row["id"], row["is_default"]) for row in (await owner.client.get(PROVIDERS)).json()["data"]] == [(first["id"], True)]


async def test_a_test_asks_the_model_and_enters_the_ledger(owner: Workspace, openai: FakeOpenAI, house_model: dict[str, str]) -> None:
    good, bad = await connect(owner, house_model), await connect(owner, house_model, name="Broken", model="fail:500")
    worked = await owner.client.post(f"{PROVIDERS}/{good['id']}/tests")
    assert (worked.status_code, worked.json()["ok"], worked.json()["text"]) == (200, True, "Reply with the one word OK.")
    failed = (await owner.client.post(f"{PROVIDERS}/{bad['id']}/tests")).json()
    assert not failed["ok"]
    assert "problem of its own" in failed["text"]
    usage = (await owner.client.get("/api/v1/models/usage")).json()
    assert [(row["model"], row["outcome"], row["input_tokens"], row["output_tokens"]) for row in usage["data"]] == [
        ("fail:500", "unavailable", 0, 0),
        ("echo", "ok", 12, 5),
    ]


async def test_a_call_enters_the_ledger_once(owner: Workspace, db: Database, vault: Vault, house_model: dict[str, str]) -> None:
    await connect(owner, house_model)
    result = ReplyResult("hi", "echo", 10, 3, 0.00001234, 250)
    async with db.tenant(owner.tenant_id) as connection:
        provider = await open_provider(connection, vault, owner.tenant_id)
        written = [await record_usage(connection, owner.tenant_id, provider, result, ms=250, call_id="c:1:n:1") for _ in range(2)]
        rows = (await connection.execute(select(model_usage))).all()
    assert written == [True, False]
    assert [float(row.cost_usd) for row in rows] == [0.00001234]


async def test_usage_comes_in_pages(owner: Workspace, db: Database, vault: Vault, house_model: dict[str, str]) -> None:
    await connect(owner, house_model)
    async with db.tenant(owner.tenant_id) as connection:
        provider = await open_provider(connection, vault, owner.tenant_id)
        for number in range(3):
            await record_usage(connection, owner.tenant_id, provider, ReplyResult("hi", "echo", number, 0, 0.0, 1), ms=1)
    first = (await owner.client.get("/api/v1/models/usage?limit=2")).json()
    rest = (await owner.client.get(f"/api/v1/models/usage?limit=2&cursor={first['next']}")).json()
    assert [row["input_tokens"] for row in first["data"] + rest["data"]] == [2, 1, 0]
    assert rest["next"] is None


async def test_another_workspace_sees_and_reaches_nothing(
    owner: Workspace, other_owner: Workspace, openai: FakeOpenAI, house_model: dict[str, str]
) -> None:
    made = await connect(owner, house_model)
    assert (await other_owner.client.get(PROVIDERS)).json()["data"] == []
    assert (await other_owner.client.post(f"{PROVIDERS}/{made['id']}/tests")).status_code == 404
    assert (await other_owner.client.delete(f"{PROVIDERS}/{made['id']}")).status_code == 404
    assert (await other_owner.client.put("/api/v1/models/default", json={"provider_id": made["id"]})).status_code == 404
    assert openai.requests == []
    assert [row["is_default"] for row in (await owner.client.get(PROVIDERS)).json()["data"]] == [True]


@pytest.fixture
async def browser(app: Litestar, owner: Workspace) -> AsyncIterator[httpx.AsyncClient]:
    """The owner's browser, signed in by cookies, with the token that its pages carry."""
    async with client_of(app) as client:
        client.headers["origin"] = "http://localhost:8800"
        signed_in = await client.post("/sign-in", data={"email": owner.email, "password": PASSWORD})
        assert signed_in.status_code == 303, signed_in.text
        page = (await client.get("/settings/models")).text
        client.headers["x-csrf-token"] = page.partition('"X-CSRF-Token": "')[2].partition('"')[0]
        yield client


async def test_the_page_connects_tests_and_removes_a_model(browser: httpx.AsyncClient, house_model: dict[str, str]) -> None:
    assert "No model is connected" in (await browser.get("/settings/models")).text
    connected = await browser.post("/settings/models", data=house_model)
    assert (connected.status_code, connected.headers["location"]) == (303, "/settings/models")
    page = (await browser.get("/settings/models")).text
    assert "House model" in page
    assert KEY not in page
    provider_id = page.partition('action="/settings/models/')[2].partition("/")[0]
    tried = await browser.post(f"/settings/models/{provider_id}/tests", data={})
    assert "House model answered after" in tried.text, tried.text[tried.text.find("notice") :][:600]
    fragment = await browser.post(f"/settings/models/{provider_id}/tests", data={}, headers={"HX-Request": "true"})
    assert fragment.text.strip().startswith('<div id="trial"')
    assert "Answered" in (await browser.get("/settings/models")).text
    assert (await browser.post(f"/settings/models/{provider_id}/default", data={})).status_code == 303
    assert (await browser.post(f"/settings/models/{provider_id}/removal", data={})).status_code == 303
    assert "No model is connected" in (await browser.get("/settings/models")).text


async def test_the_page_says_at_the_field_what_is_wrong_and_keeps_what_was_typed(
    browser: httpx.AsyncClient, house_model: dict[str, str]
) -> None:
    answer = await browser.post("/settings/models", data=house_model | {"base_url": "http://10.0.0.1/v1"})
    assert answer.status_code == 422
    assert "not on the public internet" in answer.text
    assert 'value="House model"' in answer.text
    assert KEY not in answer.text


async def test_an_address_left_over_from_another_choice_does_no_harm(browser: httpx.AsyncClient, house_model: dict[str, str]) -> None:
    answer = await browser.post("/settings/models", data=house_model | {"kind": "openai"})
    assert answer.status_code == 303

"""The Python side of the pages: headers, partials, errors."""

import re
from typing import Any

import pytest
from litestar import Litestar, Request, Response, get
from litestar.testing import AsyncTestClient

from server.editor.ui_kit import handlers
from server.kit.errors import Problem
from server.kit.pages import Hx, Partial, error_page, go_to, partials, render, toast


@get("/partials")
async def two_places(request: Request[Any, Any, Any]) -> Response[str]:
    return partials(request, [Partial("#a", "<b>1</b>"), Partial("#b", swap="delete")], headers=toast("Saved"))


@get("/whoami")
async def headers(request: Request[Any, Any, Any]) -> dict[str, Any]:
    hx = Hx(request)
    return {"htmx": bool(hx), "source": hx.source, "target": hx.target, "full": hx.wants_full_page, "path": hx.current_path}


@get("/away")
async def away(request: Request[Any, Any, Any]) -> Response[Any]:
    return go_to(request, "/flows")


@get("/broken/{status:int}")
async def broken(request: Request[Any, Any, Any]) -> Response[Any]:
    return error_page(
        request, Problem(int(request.url.path.rpartition("/")[2]), "refused", "<b>Ask</b> an owner.", fields={"name": "Too long."})
    )


@get("/escaped")
async def escaped(request: Request[Any, Any, Any]) -> Response[str]:
    return render(request, "error.html", problem=Problem(404, "x", "<script>alert(1)</script>"), request_id=None)


APP = Litestar([*handlers, two_places, headers, away, broken, escaped], openapi_config=None)


@pytest.fixture
async def client() -> AsyncTestClient[Litestar]:
    return AsyncTestClient(APP)


async def test_a_page_allows_nothing_from_elsewhere(client: AsyncTestClient[Litestar]) -> None:
    policy = (await client.get("/ui-kit")).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert re.search(r"script-src 'self' 'nonce-[\w-]{20,}'", policy)


async def test_each_answer_has_a_nonce_of_its_own(client: AsyncTestClient[Litestar]) -> None:
    answers = [(await client.get("/ui-kit")).headers["content-security-policy"] for _ in range(2)]
    assert answers[0] != answers[1]


async def test_partials_name_their_targets(client: AsyncTestClient[Litestar]) -> None:
    answer = await client.get("/partials")
    assert '<hx-partial hx-target="#a" hx-swap="outerMorph"><b>1</b></hx-partial>' in answer.text
    assert '<hx-partial hx-target="#b" hx-swap="delete"></hx-partial>' in answer.text
    assert answer.headers["hx-trigger"] == '{"toast": {"text": "Saved", "variant": "success"}}'


async def test_the_headers_of_htmx_4_are_understood(client: AsyncTestClient[Litestar]) -> None:
    sent = {
        "HX-Request": "true",
        "HX-Source": "button#save",
        "HX-Target": "div#list",
        "HX-Request-Type": "partial",
        "HX-Current-URL": "http://localhost/flows?q=1",
    }
    assert (await client.get("/whoami", headers=sent)).json() == {
        "htmx": True,
        "source": "save",
        "target": "list",
        "full": False,
        "path": "/flows?q=1",
    }
    assert (await client.get("/whoami")).json()["htmx"] is False


async def test_people_are_sent_on_with_and_without_htmx(client: AsyncTestClient[Litestar]) -> None:
    plain = await client.get("/away", follow_redirects=False)
    assert (plain.status_code, plain.headers["location"]) == (303, "/flows")
    assert (await client.get("/away", headers={"HX-Request": "true"})).headers["hx-redirect"] == "/flows"


async def test_an_error_is_a_page_for_people_and_a_problem_for_htmx(client: AsyncTestClient[Litestar]) -> None:
    page = await client.get("/broken/403")
    assert page.status_code == 403
    assert "&lt;b&gt;Ask&lt;/b&gt; an owner." in page.text
    problem = await client.get("/broken/403", headers={"HX-Request": "true"})
    assert problem.headers["content-type"].startswith("application/problem+json")
    assert problem.json()["fields"] == {"name": "Too long."}


async def test_without_a_session_the_way_leads_to_the_sign_in_page_and_back(client: AsyncTestClient[Litestar]) -> None:
    page = await client.get("/broken/401?a=1", follow_redirects=False)
    assert page.headers["location"] == "/sign-in?next=/broken/401%3Fa%3D1"
    asked = await client.get("/broken/401", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/flows/7"})
    assert asked.headers["hx-redirect"] == "/sign-in?next=/flows/7"


async def test_values_are_escaped(client: AsyncTestClient[Litestar]) -> None:
    assert "<script>alert(1)" not in (await client.get("/escaped")).text

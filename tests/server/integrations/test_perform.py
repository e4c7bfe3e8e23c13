"""One HTTP call of a flow."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from server.integrations.perform import CallOutcome, IntegrationCall, perform
from server.kit.http import OutboundClient
from tests.fakes.http import FakeServer
from tests.fakes.shop import FakeShop


@pytest.fixture
def shop() -> Iterator[FakeShop]:
    with FakeShop() as server:
        yield server


@pytest.fixture
async def http(shop: FakeShop) -> AsyncIterator[OutboundClient]:
    client = OutboundClient([shop.host])
    yield client
    await client.close()


def call(shop: FakeServer, method: str, path: str, **fields: Any) -> IntegrationCall:
    return IntegrationCall.of("c1:3:n-7:1", {"method": method, "url": f"{shop.url}{path}", **fields})


def told(outcome: CallOutcome) -> dict[str, Any]:
    """What the other side saw, as `/echo` repeats it."""
    assert outcome.value is not None
    return dict(outcome.value["body"])


async def test_a_json_answer_arrives_as_values(shop: FakeShop, http: OutboundClient) -> None:
    outcome = await perform(call(shop, "get", "/orders/1001"), http)
    assert outcome.ok
    assert outcome.value is not None
    assert outcome.value["status"] == 200
    assert outcome.value["body"]["status"] == "shipped"
    assert outcome.to_json() == {"ok": True, "value": outcome.value, "error": None}


async def test_a_refusal_by_the_service_is_an_answer_for_the_flow(shop: FakeShop, http: OutboundClient) -> None:
    outcome = await perform(call(shop, "GET", "/orders/9"), http)
    assert outcome.value is not None
    assert (outcome.value["status"], outcome.value["body"]) == (404, {"error": "no such order"})
    assert outcome.to_json() == {"ok": True, "value": outcome.value, "error": None}
    assert outcome.error is not None
    assert (outcome.error.kind, outcome.error.may_retry) == ("client_error", False)


async def test_a_redirect_is_no_answer(shop: FakeShop, http: OutboundClient) -> None:
    told = (await perform(call(shop, "GET", "/status/302"), http)).to_json()
    assert (told["ok"], told["error"]["kind"]) == (False, "redirect")


async def test_no_answer_is_told_with_its_reason(http: OutboundClient) -> None:
    told = (await perform(IntegrationCall("c", "GET", "http://10.0.0.1/"), http)).to_json()
    assert (told["ok"], told["value"], told["error"]["kind"]) == (False, None, "refused")


@pytest.mark.parametrize(
    ("body", "kind", "sent"),
    [
        ({"id": 1}, "application/json", '{"id":1}'),
        ('{"id": 1}', "application/json", '{"id": 1}'),
        ("hello", "text/plain; charset=utf-8", "hello"),
        (None, None, ""),
        ("", None, ""),
    ],
)
async def test_the_body_goes_as_json_or_as_text(shop: FakeShop, http: OutboundClient, body: Any, kind: str | None, sent: str) -> None:
    seen = told(await perform(call(shop, "POST", "/echo", body=body), http))
    assert (seen["headers"].get("content-type"), seen["body"]) == (kind, sent)


async def test_headers_of_the_flow_win(shop: FakeShop, http: OutboundClient) -> None:
    headers = {"Accept": "text/xml", "content-type": "application/xml", "idempotency-key": "mine"}
    seen = told(await perform(call(shop, "PUT", "/echo", headers=headers, body="<a/>"), http))["headers"]
    assert (seen["accept"], seen["content-type"], seen["idempotency-key"]) == ("text/xml", "application/xml", "mine")


async def test_the_call_made_twice_happens_once(shop: FakeShop, http: OutboundClient) -> None:
    first = await perform(call(shop, "POST", "/returns", body={"order": "1001"}), http)
    again = await perform(call(shop, "POST", "/returns", body={"order": "1001"}), http)
    assert first.value is not None
    assert again.value is not None
    assert first.value["body"] == again.value["body"]
    assert list(shop.returns) == ["c1:3:n-7:1"]


async def test_reading_calls_carry_no_idempotency_key(shop: FakeShop, http: OutboundClient) -> None:
    assert "idempotency-key" not in told(await perform(call(shop, "GET", "/echo"), http))["headers"]


@pytest.mark.parametrize(
    ("method", "path", "kind", "may_retry", "maybe"),
    [
        ("GET", "/slow/5", "timeout", True, False),
        ("POST", "/slow/5", "timeout", False, True),
        ("PUT", "/slow/5", "timeout", True, True),
        ("GET", "/hangup", "disconnected", True, False),
        ("POST", "/hangup", "disconnected", False, True),
        ("GET", "/garbage", "bad_answer", False, False),
        ("GET", "/status/500", "server_error", True, False),
        ("POST", "/status/503", "server_error", False, True),
        ("POST", "/status/429", "rate_limited", True, False),
        ("GET", "/status/400", "client_error", False, False),
        ("GET", "/status/302", "redirect", False, False),
    ],
)
async def test_trying_again_is_offered_only_where_it_is_safe(
    shop: FakeShop, http: OutboundClient, method: str, path: str, kind: str, may_retry: bool, maybe: bool
) -> None:
    error = (await perform(call(shop, method, path, timeout_s=0.3), http)).error
    assert error is not None
    assert (error.kind, error.may_retry, error.maybe) == (kind, may_retry, maybe)


async def test_a_call_that_never_left_may_always_be_made_again(http: OutboundClient) -> None:
    error = (await perform(IntegrationCall("c", "POST", "http://127.0.0.1:1/"), OutboundClient(["127.0.0.1:1"]))).error
    assert error is not None
    assert (error.kind, error.may_retry, error.maybe) == ("unreachable", True, False)


@pytest.mark.parametrize(
    ("url", "headers"), [("http://127.0.0.1/", {}), ("file:///etc/passwd", {}), ("https://a.example/", {"Host": "b"}), ("", {})]
)
async def test_a_call_that_must_not_be_made_is_refused_for_good(http: OutboundClient, url: str, headers: dict[str, str]) -> None:
    error = (await perform(IntegrationCall("c", "GET", url, headers), http)).error
    assert error is not None
    assert (error.kind, error.may_retry) == ("refused", False)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("86400", 300),
        ("soon", None),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 300),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
)
async def test_the_wait_a_service_asks_for_is_kept_within_reason(header: str, seconds: float | None) -> None:
    with FakeServer(lambda request, to: to.send(429, {}, {"Retry-After": header})) as server:
        error = (await perform(call(server, "GET", "/"), OutboundClient([server.host]))).error
    assert error is not None
    assert error.retry_after_s == seconds


@pytest.mark.parametrize(
    ("kind", "sent", "body"),
    [
        ("application/json", b'{"a": "x\\u0000y", "\\u0000": [1]}', {"a": "x\ufffdy", "\ufffd": [1]}),
        ("application/problem+json; charset=utf-8", b'{"a": 1}', {"a": 1}),
        ("application/json", b"not json", "not json"),
        ("application/json", b"[" * 100_000, "[" * 100_000),
        ("text/plain; charset=latin-1", "größe".encode("latin-1"), "größe"),
        ("text/plain; charset=nonsense", "größe".encode(), "größe"),
        ("text/html", b"<b>a\0b</b>", "<b>a\ufffdb</b>"),
        ("image/png", b"\x89PNG\xff", "\ufffdPNG\ufffd"),
        ("application/json", b"", ""),
        ("", b' {"a": 1}', {"a": 1}),
    ],
)
async def test_any_answer_becomes_something_that_can_be_kept(kind: str, sent: bytes, body: Any) -> None:
    with FakeServer(lambda request, to: to.send(200, sent, {"Content-Type": kind} if kind else {})) as server:
        outcome = await perform(call(server, "GET", "/"), OutboundClient([server.host]))
    assert outcome.value is not None
    assert outcome.value["body"] == body
    assert json.dumps(outcome.value)


async def test_cookies_of_the_service_stay_out_of_the_flow() -> None:
    with FakeServer(lambda request, to: to.send(200, {}, {"Set-Cookie": "session=secret", "X-Plan": "basic"})) as server:
        outcome = await perform(call(server, "GET", "/"), OutboundClient([server.host]))
    assert outcome.value is not None
    assert outcome.value["headers"]["x-plan"] == "basic"
    assert "set-cookie" not in outcome.value["headers"]


@pytest.mark.parametrize("payload", [{}, {"method": "GET"}, {"method": "GET", "url": 1}, {"method": "GET", "url": "x", "tenant_id": "b"}])
def test_a_payload_of_another_shape_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        IntegrationCall.of("c", payload)

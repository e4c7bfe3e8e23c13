"""The guarded outbound client."""

import asyncio
import json
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server.kit import clock
from server.kit.addresses import Addresses
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused
from server.kit.network import CheckedNetwork
from tests.fakes.http import Answering, FakeServer, Request

ROWS = [json.loads(line) for line in (Path(__file__).parents[2] / "data" / "ssrf_urls.jsonl").read_text().splitlines()]
CLOSED_NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "localtest.me": ["127.0.0.1"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "ok.example": ["93.184.216.34"],
}


def rows(*classes: str) -> list[Any]:
    return [pytest.param(row, id=row["id"]) for row in ROWS if row["class"] in classes]


class Names:
    """A name server that gives each host its answers in turn, the last one for ever."""

    def __init__(self, answers: dict[str, list[list[str]]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self.answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
async def strict() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(resolve=Names({host: [addresses] for host, addresses in CLOSED_NAMES.items()}))
    yield client
    await client.close()


async def refusal(call: Awaitable[object]) -> OutboundRefused:
    with pytest.raises(OutboundRefused) as caught:
        await call
    return caught.value


async def failure(call: Awaitable[object]) -> OutboundFailed:
    with pytest.raises(OutboundFailed) as caught:
        await call
    return caught.value


@pytest.mark.parametrize("row", rows("loopback/private form", "cloud metadata", "public name to loopback", "wildcard DNS"))
async def test_addresses_that_are_not_public_are_refused_in_every_spelling(strict: OutboundClient, row: dict[str, Any]) -> None:
    assert (await refusal(strict.request("GET", row["input"]["url"]))).code in ("address", "url")


@pytest.mark.parametrize("row", rows("scheme or syntax", "parser differential"))
async def test_what_is_not_a_plain_web_address_is_refused(strict: OutboundClient, row: dict[str, Any]) -> None:
    assert (await refusal(strict.request("GET", row["input"]["url"]))).code in ("url", "scheme")


@pytest.mark.parametrize("row", rows("port"))
async def test_unusual_ports_are_refused(strict: OutboundClient, row: dict[str, Any]) -> None:
    assert (await refusal(strict.request("GET", row["input"]["url"]))).code == "port"


LITERALS = [
    row["input"]["url"]
    for row in ROWS
    if row.get("status") == [422] and not re.search("localhost|metadata.google", row["input"]["url"].lower())
]


@pytest.mark.parametrize("url", LITERALS)
def test_what_needs_no_name_server_is_refused_while_the_person_types(url: str) -> None:
    with pytest.raises(OutboundRefused):
        OutboundClient(resolve=Names({})).check(url)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 5432), ("127.0.0.1", 25)])
async def test_databases_and_mail_servers_stand_under_the_same_check(host: str, port: int) -> None:
    assert (await refusal(Addresses().find(host, port))).code == "address"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1/users/@me?email=a@b.example#top",
        "http://example.com",
        "https://bücher.example/",
        "http://93.184.216.34/",
    ],
)
def test_ordinary_addresses_are_fine(url: str) -> None:
    OutboundClient(resolve=Names({})).check(url)


async def test_a_name_with_one_closed_address_is_refused_altogether() -> None:
    client = OutboundClient(resolve=Names({"mixed.test": [["93.184.216.34", "127.0.0.1"]]}))
    assert (await refusal(client.request("GET", "http://mixed.test/"))).code == "address"


class Connections(httpcore.AsyncMockBackend):
    """Opens no connection but remembers where it would have gone."""

    def __init__(self) -> None:
        super().__init__([])
        self.opened: list[tuple[str, int]] = []

    async def connect_tcp(self, host: str, port: int, *options: Any) -> httpcore.AsyncNetworkStream:
        self.opened.append((host, port))
        return await super().connect_tcp(host, port, *options)


async def test_a_name_that_moves_to_loopback_after_the_first_look_gains_nothing() -> None:
    names, connections = Names({"rebind.test": [["93.184.216.34"], ["127.0.0.1"]]}), Connections()
    network = CheckedNetwork(Addresses(resolve=names), connections)
    await network.connect_tcp("rebind.test", 80)
    assert (names.asked, connections.opened) == (["rebind.test"], [("93.184.216.34", 80)])
    assert (await refusal(network.connect_tcp("rebind.test", 80))).code == "address"
    assert len(connections.opened) == 1


async def test_a_refused_call_reaches_nobody_and_tells_nothing_about_open_ports() -> None:
    client = OutboundClient()
    with FakeServer(lambda request, to: to.send()) as sink:
        refused = [await refusal(client.request("GET", f"http://127.0.0.1:{port}/")) for port in (sink.port, 1)]
        assert sink.connections == 0
    assert refused[0].code == refused[1].code == "address"


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "100.64.0.1",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
        "::ffff:8.8.8.8",
        "2001::1",
        "2001:db8::1",
        "2002:808:808::1",
        "64:ff9b::808:808",
        "fe80::1%eth0",
    ],
)
async def test_a_public_name_cannot_lead_to_a_closed_address(address: str) -> None:
    client = OutboundClient(resolve=Names({"evil.test": [[address]]}))
    assert (await refusal(client.request("GET", "https://evil.test/"))).code == "address"


async def test_the_operator_can_allow_a_private_host_by_name_and_port() -> None:
    with FakeServer(lambda request, to: to.send(200, b"hello")) as server:
        client = OutboundClient([f"shop.internal:{server.port}"], resolve=Names({"shop.internal": [["127.0.0.1"]]}))
        answer = await client.request("GET", f"http://shop.internal:{server.port}/stock")
        assert (answer.status, answer.body) == (200, b"hello")
        assert server.requests[0].headers["host"] == f"shop.internal:{server.port}"
        assert (await refusal(client.request("GET", f"http://127.0.0.1:{server.port}/"))).code == "address"


Calls = Callable[..., Awaitable[Any]]


@pytest.fixture
async def against() -> AsyncIterator[Callable[[Any], Calls]]:
    """`against(handler)` starts a server that answers so, and gives the call to make against it."""
    servers: list[FakeServer] = []
    clients: list[OutboundClient] = []

    def start(handler: Any, tls: ssl.SSLContext | None = None) -> Calls:
        server = FakeServer(handler, tls).__enter__()
        servers.append(server)
        client = OutboundClient([server.host, f"localhost:{server.port}"])
        clients.append(client)

        async def call(method: str = "GET", path: str = "/", **options: Any) -> Any:
            return await client.request(method, f"{server.url}{path}", **options)

        call.server = server  # type: ignore[attr-defined]
        return call

    yield start
    for client in clients:
        await client.close()
    for server in servers:
        server.__exit__(None, None, None)


async def echo(request: Request, to: Answering) -> None:
    await to.send(
        200, {"method": request.method, "path": request.path, "headers": request.headers, "body": request.body.decode()}, {"X-A": "1"}
    )


async def test_method_path_headers_and_body_arrive_as_given(against: Any) -> None:
    answer = await against(echo)("post", "/orders?x=%20a%2Fb", headers={"X-Key": "k", "Content-Type": "text/plain"}, body="größe".encode())
    seen = json.loads(answer.body)
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/orders?x=%20a%2Fb", "größe")
    assert (seen["headers"]["x-key"], seen["headers"]["content-type"]) == ("k", "text/plain")
    assert (seen["headers"]["user-agent"], seen["headers"]["accept-encoding"]) == ("Chatloom", "identity")
    assert answer.headers["x-a"] == "1"
    assert answer.ms > 0


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "", "GET /x HTTP/1.1\r\nX: y"])
async def test_other_methods_are_refused(strict: OutboundClient, method: str) -> None:
    assert (await refusal(strict.request(method, "http://ok.example/"))).code == "method"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "other"},
        {"content-length": "3"},
        {"Transfer-Encoding": "chunked"},
        {"Proxy-Authorization": "x"},
        {"X-A": "a\r\nX-B: b"},
        {"X A": "a"},
        {"": "a"},
        {"X-A": "ü"},
        {"X-A": "a" * 9000},
        {f"X-{number}": "a" for number in range(101)},
    ],
)
async def test_headers_that_could_change_the_call_are_refused(strict: OutboundClient, headers: dict[str, str]) -> None:
    assert (await refusal(strict.request("GET", "http://ok.example/", headers=headers))).code == "header"


async def test_a_redirect_is_an_answer_and_is_not_followed(against: Any) -> None:
    call = against(lambda request, to: to.send(302, b"", {"Location": "http://169.254.169.254/"}))
    answer = await call()
    assert (answer.status, answer.headers["location"]) == (302, "http://169.254.169.254/")
    assert len(call.server.requests) == 1


async def test_the_time_limit_is_for_the_whole_call_however_steadily_bytes_come(against: Any) -> None:
    async def drip(request: Request, to: Answering) -> None:
        await to.start(200, {"Content-Length": "100"})
        for _ in range(100):
            await to.raw(b"x")
            await to.wait(0.05)

    started = time.monotonic()
    failed = await failure(against(drip)(timeout_s=0.4))
    assert (failed.kind, failed.sent) == ("timeout", True)
    assert time.monotonic() - started < 2


async def test_an_answer_larger_than_the_limit_is_given_up(against: Any) -> None:
    async def flood(request: Request, to: Answering) -> None:
        await to.start(200, {})
        while True:
            await to.raw(b"x" * 65536)

    assert (await failure(against(flood)(max_bytes=100_000))).kind == "too_large"


@pytest.mark.parametrize(
    "garbage",
    [
        b"this is not HTTP\r\n\r\n",
        b"<html>HTTP/0.9</html>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_not_http_is_a_bad_answer(against: Any, garbage: bytes) -> None:
    failed = await failure(against(lambda request, to: to.raw(garbage))(timeout_s=5))
    assert (failed.kind, failed.sent) == ("bad_answer", True)


async def test_a_closed_connection_is_told_from_an_unmade_one(against: Any) -> None:
    async def hang_up(request: Request, to: Answering) -> None:
        to.writer.close()

    failed = await failure(against(hang_up)("POST"))
    assert (failed.kind, failed.sent) == ("disconnected", True)
    unmade = await failure(OutboundClient(["127.0.0.1:1"]).request("GET", "http://127.0.0.1:1/"))
    assert (unmade.kind, unmade.sent) == ("unreachable", False)


async def test_an_unknown_host_is_unreachable() -> None:
    failed = await failure(OutboundClient().request("GET", "https://no-such-host.invalid/"))
    assert (failed.kind, failed.sent) == ("unreachable", False)


def self_signed(folder: Path) -> ssl.SSLContext:
    """A TLS server's side with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_a_certificate_nobody_vouches_for_is_refused_with_the_reason(against: Any, tmp_path: Path) -> None:
    failed = await failure(against(echo, self_signed(tmp_path))())
    assert (failed.kind, failed.sent) == ("tls", False)
    assert "self-signed certificate" in str(failed)


async def test_proxy_variables_do_not_apply(against: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert (await against(echo)()).status == 200


async def test_many_calls_at_once_do_not_mix(against: Any) -> None:
    call = against(echo)
    answers = await asyncio.gather(*(call("GET", f"/{number}") for number in range(40)))
    assert [json.loads(answer.body)["path"] for answer in answers] == [f"/{number}" for number in range(40)]


async def test_a_library_with_requests_of_its_own_is_under_the_same_guard() -> None:
    async def answer(request: Request, to: Answering) -> None:
        if request.path == "/redirect":
            await to.send(302, b"", {"Location": "http://169.254.169.254/"})
        else:
            await to.send(200, {"cookie": request.headers.get("cookie")}, {"Set-Cookie": "a=b"})

    with FakeServer(answer) as server:
        outbound = OutboundClient([server.host], resolve=Names({"evil.test": [["127.0.0.1"]], "127.0.0.1": [["127.0.0.1"]]}))
        async with outbound.httpx_client() as library:
            assert (await library.get(f"{server.url}/redirect")).status_code == 302
            assert [(await library.get(server.url)).json() for _ in range(2)] == [{"cookie": None}] * 2
            await refusal(library.get("http://169.254.169.254/"))
            await refusal(library.get("http://evil.test/"))
        with pytest.raises(httpx.ConnectError):
            async with OutboundClient().httpx_client() as library:
                await library.get("https://no-such-host.invalid/")

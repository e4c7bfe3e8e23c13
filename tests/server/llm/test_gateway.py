"""Asking a model, over HTTP, through LiteLLM."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from uuid import UUID

import msgspec
import pytest

from server.kit.http import OutboundClient
from server.llm import gateway as gateway_module
from server.llm.gateway import MAX_REPLY_CHARACTERS, Gateway, warm_up
from server.llm.messages import ChatMessage, ModelFailed, Provider, ReplyRequest, ReplyResult
from tests.fakes.openai import KEY, FakeOpenAI

HELLO = ReplyRequest([ChatMessage("user", "where is my order?")], instructions="Be brief.")


@pytest.fixture(scope="module")
def openai() -> Iterator[FakeOpenAI]:
    asyncio.run(warm_up())
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
async def gateway(openai: FakeOpenAI) -> AsyncIterator[Gateway]:
    openai.requests.clear()
    openai.failures = 0
    http = OutboundClient([openai.host])
    opened = Gateway(http)
    yield opened
    await opened.close()
    await http.close()


@pytest.fixture
def model(openai: FakeOpenAI) -> Callable[[str], Provider]:
    return lambda name: Provider(UUID(int=1), "House model", "compatible", name, openai.base_url, KEY)


async def failure(gateway: Gateway, provider: Provider, request: ReplyRequest = HELLO, **options: float) -> ModelFailed:
    with pytest.raises(ModelFailed) as caught:
        await gateway.reply(provider, request, **options)
    return caught.value


async def test_a_reply_is_told_piece_by_piece_and_then_as_a_whole(gateway: Gateway, model: Callable[[str], Provider]) -> None:
    told: list[str] = []
    result = await gateway.reply(model("say:It ships today."), HELLO, told.append)
    assert told == ["It ", "ships ", "today."]
    assert result == ReplyResult("It ships today.", "say:It ships today.", 12, 5, 0.0, result.ms)
    assert result.ms > 0


async def test_whoever_listens_may_be_slow(gateway: Gateway, model: Callable[[str], Provider]) -> None:
    told: list[str] = []

    async def listen(piece: str) -> None:
        await asyncio.sleep(0.01)
        told.append(piece)

    await gateway.reply(model("say:one two three"), HELLO, listen)
    assert "".join(told) == "one two three"


async def test_the_question_carries_instructions_history_and_settings(
    gateway: Gateway, openai: FakeOpenAI, model: Callable[[str], Provider]
) -> None:
    history = [ChatMessage("user", "hi"), ChatMessage("assistant", "hello"), ChatMessage("user", "bye")]
    result = await gateway.reply(model("echo"), ReplyRequest(history, "Be brief.", temperature=0.3, max_tokens=50))
    assert result.text == "bye"
    [asked] = openai.asked
    assert [message["role"] for message in asked["messages"]] == ["system", "user", "assistant", "user"]
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("echo", 0.3, 50)


async def test_the_price_comes_from_the_list(gateway: Gateway, openai: FakeOpenAI, model: Callable[[str], Provider]) -> None:
    """A provider of the kind that has the price, at the address of the fake: the kind alone decides about the price."""
    libraries, _ = gateway_module._libraries()
    known = model("gpt-4o-mini")
    assert gateway_module._cost(libraries, known, 1000, 1000) == pytest.approx(0.00075)
    assert gateway_module._cost(libraries, replace(known, model="my-own"), 1000, 1000) == 0


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("fail:401", "refused", "did not accept the key"),
        ("fail:403", "refused", "did not accept the key"),
        ("nonsense", "refused", "does not know the model"),
        ("fail:400", "refused", "did not accept the request"),
        ("fail:422", "refused", "did not accept the request"),
        ("fail:429", "rate_limited", "slow down"),
        ("fail:429:86400", "rate_limited", "slow down"),
        ("fail:500", "unavailable", "problem of its own"),
        ("fail:503", "unavailable", "told to fail with 503"),
        ("hangup", "unavailable", "cannot be reached"),
        ("redirect", "refused", "302"),
        ("html", "garbage", "not with text"),
        ("empty", "garbage", "not with text"),
        ("tool", "garbage", "not with text"),
    ],
)
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_each_failure_has_a_kind_and_a_sentence(
    gateway: Gateway, model: Callable[[str], Provider], name: str, kind: str, sentence: str, streamed: bool
) -> None:
    if name == "html" and not streamed:  # LiteLLM takes a whole answer that it cannot read for a server's failure
        kind, sentence = "unavailable", "problem of its own"
    started = time.monotonic()
    failed = await failure(gateway, model(name), streamed=streamed)
    assert failed.kind == kind
    assert sentence in str(failed)
    assert KEY not in str(failed)
    assert time.monotonic() - started < 3


async def test_a_reply_that_nobody_follows_comes_as_a_whole(gateway: Gateway, openai: FakeOpenAI, model: Callable[[str], Provider]) -> None:
    reply = await gateway.reply(model("say:All of it."), HELLO, streamed=False)
    assert (reply.text, reply.input_tokens, reply.output_tokens, reply.cut) == ("All of it.", 12, 5, False)
    assert "stream" not in openai.asked[-1]
    long = await gateway.reply(model("say:" + "x" * 30_000), HELLO, streamed=False)
    assert (len(long.text), long.cut) == (20_000, True)
    slow = await failure(gateway, model("slow:30"), streamed=False, timeout_s=0.3)
    assert slow.kind == "timeout"


async def test_a_hiccup_is_tried_again_once(gateway: Gateway, openai: FakeOpenAI, model: Callable[[str], Provider]) -> None:
    assert (await gateway.reply(model("flaky:1"), HELLO)).text == "after 2 tries"
    openai.failures = 0
    assert (await failure(gateway, model("flaky:2"))).kind == "unavailable"
    assert len(openai.asked) == 4


async def test_a_conversation_that_is_too_long_is_halved_once(
    gateway: Gateway, openai: FakeOpenAI, model: Callable[[str], Provider]
) -> None:
    history = ReplyRequest([ChatMessage("user", f"message {number}") for number in range(8)])
    assert (await gateway.reply(model("short:4"), history)).text == "short enough"
    assert openai.asked[-1]["messages"][-1]["content"] == "message 7"
    failed = await failure(gateway, model("short:2"), history)
    assert (failed.kind, str(failed)) == ("refused", "The conversation is too long for short:2.")


async def test_the_time_limit_ends_a_slow_model(gateway: Gateway, model: Callable[[str], Provider]) -> None:
    assert (await failure(gateway, model("slow:30"), timeout_s=0.4)).kind == "timeout"


async def test_a_stream_that_stalls_ends_with_what_was_said(gateway: Gateway, model: Callable[[str], Provider]) -> None:
    told: list[str] = []
    with pytest.raises(ModelFailed) as caught:
        await gateway.reply(model("stall"), HELLO, told.append, timeout_s=0.7)
    assert (caught.value.kind, caught.value.partial) == ("timeout", "It will arrive")
    assert "".join(told) == "It will arrive"


async def test_silence_ends_a_call_long_before_the_time_limit(openai: FakeOpenAI, model: Callable[[str], Provider]) -> None:
    impatient = Gateway(OutboundClient([openai.host]), idle_s=0.5)
    failed = await failure(impatient, model("stall"), timeout_s=30)
    assert (failed.kind, failed.partial) == ("timeout", "It will arrive")
    assert "said nothing for 0.5 seconds" in str(failed)
    await impatient.close()


async def test_a_stream_that_is_cut_is_a_failure_and_nothing_is_said_twice(
    gateway: Gateway, openai: FakeOpenAI, model: Callable[[str], Provider]
) -> None:
    told: list[str] = []
    with pytest.raises(ModelFailed) as caught:
        await gateway.reply(model("cut"), HELLO, told.append)
    assert (caught.value.kind, caught.value.partial) == ("unavailable", "It will arrive")
    assert told == ["It will ", "arrive"]
    assert len(openai.asked) == 1


async def test_an_endless_reply_is_cut_at_the_limit_and_paid_for(gateway: Gateway, model: Callable[[str], Provider]) -> None:
    result = await gateway.reply(model("flood"), HELLO)
    assert result.cut
    assert len(result.text) == MAX_REPLY_CHARACTERS
    assert result.output_tokens == MAX_REPLY_CHARACTERS // 4 + 1


async def test_endless_bytes_without_text_are_given_up(gateway: Gateway, model: Callable[[str], Provider]) -> None:
    assert (await failure(gateway, model("bloat"))).kind == "unavailable"


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/v1", "http://169.254.169.254/v1", "file:///etc/passwd", "https://user:pw@example.com/", ""]
)
async def test_a_model_cannot_be_at_a_private_address(gateway: Gateway, model: Callable[[str], Provider], address: str) -> None:
    failed = await failure(gateway, replace(model("echo"), base_url=address))
    assert failed.kind == "refused"


async def test_a_public_name_that_leads_home_is_refused_at_the_connection(model: Callable[[str], Provider]) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    gateway = Gateway(OutboundClient(resolve=resolve))
    failed = await failure(gateway, replace(model("echo"), base_url="https://models.example/v1"))
    assert failed.kind == "refused"
    assert "not on the public internet" in str(failed)
    await gateway.close()


async def test_a_known_kind_goes_to_its_own_address_whatever_the_row_says(openai: FakeOpenAI, model: Callable[[str], Provider]) -> None:
    assert replace(model("gpt-4o"), kind="openai").address == "https://api.openai.com/v1"


async def test_without_a_key_none_of_the_operator_is_used(
    gateway: Gateway, openai: FakeOpenAI, model: Callable[[str], Provider], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-operator")
    await failure(gateway, replace(model("echo"), api_key=None))
    assert openai.requests[-1].headers["authorization"] == "Bearer none"


async def test_many_at_once_do_not_mix(gateway: Gateway, model: Callable[[str], Provider]) -> None:
    results = await asyncio.gather(*(gateway.reply(model(f"say:reply number {number}"), HELLO) for number in range(10)))
    assert [result.text for result in results] == [f"reply number {number}" for number in range(10)]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"messages": [{"role": "system", "content": "x"}]},
        {"messages": [], "base_url": "http://127.0.0.1"},
        {"messages": [], "api_base": "http://127.0.0.1"},
        {"messages": [], "api_key": "x"},
    ],
)
def test_a_flow_cannot_give_addresses_keys_or_other_roles(payload: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        ReplyRequest.of(payload)


def test_importing_the_gateway_does_not_import_the_library() -> None:
    code = "import sys, server.llm.gateway; print([name for name in ('litellm', 'openai') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "[]"

"""Values out of a text, from a model that speaks the OpenAI protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from server.kit.http import OutboundClient
from server.llm.extract import ExtractRequest, extract, read_answer, schema_of
from server.llm.gateway import Gateway, warm_up
from server.llm.messages import ModelFailed, Provider
from tests.fakes.openai import KEY, FakeOpenAI

FIELDS = [
    {"name": "name", "type": "text", "description": "Who writes", "required": True},
    {"name": "guests", "type": "number"},
    {"name": "day", "type": "date"},
]
GOOD = {"name": "Ann", "guests": 4, "day": "2026-03-14"}
BOOKING = ExtractRequest.of({"text": "A table for 4 on 14 March, Ann", "fields": FIELDS, "instructions": "A restaurant."})


@pytest.fixture(scope="module")
def openai() -> Iterator[FakeOpenAI]:
    asyncio.run(warm_up())
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
async def gateway(openai: FakeOpenAI) -> AsyncIterator[Gateway]:
    openai.requests.clear()
    openai.says.clear()
    http = OutboundClient([openai.host])
    opened = Gateway(http)
    yield opened
    await opened.close()
    await http.close()


@pytest.fixture
def model(openai: FakeOpenAI) -> Callable[..., Provider]:
    def that_says(*answers: Any) -> Provider:
        openai.says.extend(answer if isinstance(answer, str) else json.dumps(answer) for answer in answers)
        return Provider(UUID(int=1), "House model", "compatible", "script", openai.base_url, KEY)

    return that_says


async def test_values_come_back_by_name(gateway: Gateway, openai: FakeOpenAI, model: Callable[..., Provider]) -> None:
    found = await extract(gateway, model(GOOD), BOOKING, timeout_s=5.0)
    assert found.values == GOOD
    assert (found.spent.input_tokens, found.spent.output_tokens) == (12, 5)
    [asked] = openai.asked
    assert asked["response_format"]["json_schema"] == {"name": "answer", "strict": True, "schema": schema_of(BOOKING.fields)}
    assert "A restaurant." in asked["messages"][0]["content"]
    assert asked["messages"][1] == {"role": "user", "content": BOOKING.text}


async def test_a_wrong_answer_may_be_corrected_once(gateway: Gateway, openai: FakeOpenAI, model: Callable[..., Provider]) -> None:
    found = await extract(gateway, model({**GOOD, "guests": "four"}, GOOD), BOOKING, timeout_s=5.0)
    assert found.values == GOOD
    assert (found.spent.input_tokens, found.spent.output_tokens) == (24, 10)
    told = openai.asked[1]["messages"][-1]["content"]
    assert "guests: 'four' is not of type 'number', 'null'" in told


async def test_two_wrong_answers_are_a_failure_that_says_why(gateway: Gateway, openai: FakeOpenAI, model: Callable[..., Provider]) -> None:
    with pytest.raises(ModelFailed) as caught:
        await extract(gateway, model("I would say four.", "Four!"), BOOKING, timeout_s=5.0)
    assert caught.value.kind == "garbage"
    assert str(caught.value).startswith("House model did not answer in the form that was asked for: it is not JSON")
    assert caught.value.spent is not None
    assert caught.value.spent.input_tokens == 24
    assert len(openai.asked) == 2


async def test_what_the_text_does_not_tell_is_none(gateway: Gateway, model: Callable[..., Provider]) -> None:
    found = await extract(gateway, model({"name": None, "guests": 2}), BOOKING, timeout_s=5.0)
    assert found.values == {"name": None, "guests": 2, "day": None}


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (f"```json\n{json.dumps(GOOD)}\n```", ""),
        ("[1]", "the answer: [1] is not of type 'object'."),
        (json.dumps({**GOOD, "day": "14 March"}), "day: '14 March' is not a 'date'."),
        (json.dumps({**GOOD, "extra": 1}), "the answer: Additional properties are not allowed ('extra' was unexpected)."),
        ("[" * 100_000, "it is not JSON"),
    ],
)
def test_answers_are_checked(answer: str, wrong: str) -> None:
    values, said = read_answer(answer, schema_of(BOOKING.fields))
    assert said.startswith(wrong)
    assert bool(values) == (wrong == "")

"""What a trained model says about messages."""

import time

import pytest

from server.flows.intents.model import IntentModel
from server.flows.intents.train import train
from tests.server.flows.intents.examples import CHINESE_SHOP, SHOP, SPANISH_SHOP


@pytest.fixture(scope="module")
def shop() -> IntentModel:
    return train(SHOP)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hi, where is my order now?", "track_order"),
        ("wher is my ordr", "track_order"),
        ("can I return the jacket", "return_item"),
        ("are you open tomorrow", "opening_hours"),
        ("I want to talk to a real human", "talk_to_human"),
    ],
)
def test_a_message_like_the_examples_gets_their_intent(shop: IntentModel, text: str, intent: str) -> None:
    answer = shop.classify(text)
    assert (answer.intent, answer.in_scope) == (intent, True)
    assert answer.confidence == answer.top[0].confidence >= 0.4


def test_an_example_itself_is_certain_whatever_its_case_and_spacing(shop: IntentModel) -> None:
    answer = shop.classify("  WHERE is   my order ")
    assert (answer.intent, answer.confidence) == ("track_order", 1.0)


@pytest.mark.parametrize("text", ["quantum chromodynamics lecture", "zzz", "😀😀", "ωψχ", "\ud800", "\0", "?"])
def test_a_message_about_something_else_is_out_of_scope(shop: IntentModel, text: str) -> None:
    answer = shop.classify(text)
    assert (answer.intent, answer.in_scope) == (None, False)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_message_has_no_intent(shop: IntentModel, text: str) -> None:
    assert shop.classify(text).to_json() == {"intent": None, "confidence": 0.0, "in_scope": False, "top": []}


def test_a_higher_bar_makes_it_answer_less(shop: IntentModel) -> None:
    assert shop.classify("where is my order now", 1.0).intent is None
    assert shop.classify("where is my order now", 1.0).top[0].intent == "track_order"


def test_without_a_bar_it_always_gives_its_best_guess(shop: IntentModel) -> None:
    assert shop.classify("quantum chromodynamics lecture", 0).intent is not None


def test_the_candidates_come_most_probable_first(shop: IntentModel) -> None:
    confidences = [candidate.confidence for candidate in shop.classify("open the order").top]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1)


def test_languages_without_spaces_work() -> None:
    model = train(CHINESE_SHOP)
    assert model.classify("请问我的订单到哪里了").intent == "track_order"
    assert model.classify("我想退货").intent == "return_item"


def test_accents_do_not_matter() -> None:
    assert train(SPANISH_SHOP).classify("donde esta mi pedido").intent == "track_order"


def test_a_megabyte_of_text_is_read_up_to_the_limit(shop: IntentModel) -> None:
    started = time.perf_counter()
    shop.classify("where is my order " * 60_000)
    assert time.perf_counter() - started < 0.5

"""Intents that say the same are found; intents that do not are left alone."""

from server.flows.intents.similar import SimilarIntents
from server.flows.intents.train import train
from tests.server.flows.intents.examples import SHOP

REFUNDS = [
    "I want my money back",
    "please refund my purchase",
    "how do I get a refund",
    "refund the jacket please",
    "give me my money back please",
    "can I get my money back for the jacket",
    "I would like a refund for my purchase",
    "when do I get my refund",
    "refund please",
    "is a refund possible for this purchase",
]
COLOURS = ["red", "green", "blue", "yellow", "pink", "grey", "black", "white", "brown", "gold"]


def pairs(found: tuple[SimilarIntents, ...]) -> list[tuple[str, str]]:
    return [(pair.first, pair.second) for pair in found]


def test_one_intent_under_two_names_is_found() -> None:
    again = [text.replace("jacket", "coat") + " now" for text in REFUNDS]
    examples = [*SHOP[12:], *((text, "refund") for text in REFUNDS), *((text, "money_back") for text in again)]
    (found,) = train(examples).report.similar
    assert (found.first, found.second) == ("money_back", "refund")
    assert found.alike > 0.9


def test_intents_that_were_mixed_up_are_found_with_few_examples() -> None:
    examples = [*SHOP, *((f"block the {colour} card", f"card_{'ab'[at % 2]}") for at, colour in enumerate(COLOURS))]
    found = train(examples).report.similar
    assert pairs(found) == [("card_a", "card_b")]
    assert found[0].mixed_up >= 0.4


def test_different_intents_are_not() -> None:
    assert (
        train([*SHOP, *((text, "refund_status") for text in ["what about the voucher", "voucher code", "use a voucher"])]).report.similar
        == ()
    )


def test_intents_of_one_example_say_nothing() -> None:
    assert train([("hello", "greet"), ("hello you", "greet_again")]).report.similar == ()

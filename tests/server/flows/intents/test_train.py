"""Training a flow's intents."""

import pytest

from server.flows.intents.examples import CannotTrain, problems_of
from server.flows.intents.train import DUAL_LIMIT, train
from tests.server.flows.intents.examples import SHOP


def test_it_reports_how_well_it_does_on_held_out_examples() -> None:
    report = train(SHOP).report
    assert report.examples == 24
    assert report.intents == {"opening_hours": 6, "return_item": 6, "talk_to_human": 6, "track_order": 6}
    assert report.accuracy is not None
    assert report.accuracy > 0.7
    assert report.warnings == ()


def test_it_tells_its_progress_up_to_the_end() -> None:
    heard: list[tuple[float, str]] = []
    train(SHOP, lambda share, text: heard.append((share, text)))
    shares = [share for share, _ in heard]
    assert shares == sorted(shares)
    assert heard[-1] == (1.0, "Ready")
    assert "Reading 24 examples" in [text for _, text in heard]


def test_the_same_examples_make_the_same_model() -> None:
    assert train(SHOP).classify("where did my parcel go") == train(SHOP).classify("where did my parcel go")


def test_intents_that_mean_the_same_are_named_as_confused() -> None:
    numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    mixed = [(f"please block card number {number}", "card_lost" if at % 2 else "card_stolen") for at, number in enumerate(numbers)]
    confusions = train([*mixed, *SHOP]).report.confusions
    assert {"card_lost", "card_stolen"} == {confusions[0].intent, confusions[0].taken_for}
    assert confusions[0].share >= 0.4


def test_more_examples_than_the_dual_limit_learn_in_the_primal() -> None:
    many = [(f"{text} {number}", intent) for number in range(DUAL_LIMIT // len(SHOP) + 1) for text, intent in SHOP]
    model = train(many)
    assert model.support is None
    assert model.classify("where on earth is my order").top[0].intent == "track_order"


def test_two_intents_of_one_example_each_are_enough_to_start() -> None:
    model = train([("where is my order", "track"), ("I want my money back", "refund")])
    assert model.report.accuracy is None
    assert model.classify("my order").top[0].intent == "track"
    assert len(model.report.warnings) == 2


def test_an_intent_with_a_single_example_is_learned_although_it_cannot_be_tested() -> None:
    model = train([*SHOP, ("do you sell gift cards", "gift_cards")])
    assert model.classify("gift cards").top[0].intent == "gift_cards"
    assert model.report.warnings == ('"gift_cards" has 1 example(s); an intent works well from 5 on.',)


def test_an_intent_with_a_single_example_does_not_spoil_the_check_of_the_others() -> None:
    heard: list[str] = []
    train([*SHOP, ("do you sell gift cards", "gift_cards")], lambda share, text: heard.append(text))
    assert "Checking on held-out examples, part 5 of 5" in heard


def test_identical_examples_of_one_intent_are_harmless() -> None:
    assert train([("hello", "greet")] * 10 + [("bye now", "leave")] * 10).classify("hello there").top[0].intent == "greet"


def test_examples_without_a_single_letter_are_harmless() -> None:
    assert train([("😀", "happy"), ("😀😀", "happy"), ("😡", "angry"), ("😡😡", "angry")]).classify("where is it").intent is None


@pytest.mark.parametrize(
    ("examples", "sentence"),
    [
        ([], "at least two intents"),
        ([("a", "only"), ("b", "only")], "at least two intents"),
        ([("text", f"intent {number}") for number in range(301)], "the limit is 300"),
        ([(f"text {number}", "ab"[number % 2]) for number in range(20_001)], "the limit is 20000"),
        ([("x" * 2001, "a"), ("y", "b")], "longer than 2000 characters"),
        ([("Where is  my order", "a"), ("where is my order", "b")], 'example of both "a" and "b"'),
        ([("   ", "a"), ("y", "b")], 'example of "a" is empty'),
    ],
)
def test_examples_that_cannot_work_are_refused_with_a_sentence(examples: list[tuple[str, str]], sentence: str) -> None:
    assert any(sentence in problem for problem in problems_of(examples))
    with pytest.raises(CannotTrain, match=sentence):
        train(examples)

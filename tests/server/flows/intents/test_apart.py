"""Training in a process of its own."""

import pytest

from server.flows.intents.apart import Apart, TrainingEnded
from server.flows.intents.examples import CannotTrain
from server.flows.intents.model import IntentModel

EXAMPLES = [
    (text, intent)
    for intent, texts in {
        "order": ("where is my order", "when does my parcel arrive", "track my order please"),
        "refund": ("i want my money back", "refund me", "how do i get a refund"),
    }.items()
    for text in texts
]


def test_the_model_comes_back_with_its_report_and_progress_on_the_way() -> None:
    told: list[float] = []
    model, report = Apart().train(EXAMPLES, lambda share, text: told.append(share))
    assert IntentModel.from_bytes(model).classify("where is my parcel").intent == "order"
    assert report["intents"] == {"order": 3, "refund": 3}
    assert told == sorted(told)
    assert told


def test_examples_that_cannot_be_trained_on_are_told_as_ever() -> None:
    with pytest.raises(CannotTrain, match="Add at least two intents"):
        Apart().train([("hello", "greeting")], lambda share, text: None)


def test_one_that_was_stopped_ends_without_a_model() -> None:
    apart = Apart()
    apart.stop()
    with pytest.raises(TrainingEnded):
        apart.train(EXAMPLES, lambda share, text: None)

"""What a walk through a node's settings finds by the marks in their schema."""

from flow_runtime.settings import complete, customer_texts
from node_library import load_library


def test_the_texts_that_customers_read_are_known() -> None:
    offer = load_library()["offer_choices"]
    settings = {"text": "Which?", "choices": [{"value": "red", "label": "Red"}, {"label": " "}], "save_as": "colour", "retry_text": ""}
    assert list(customer_texts(offer.schema, settings)) == [("text", "Which?"), ("choices.0.label", "Red")]


def test_default_texts_are_read_by_customers_too() -> None:
    offer = load_library()["offer_choices"]
    assert ("retry_text", "Please choose one of these:") in customer_texts(offer.schema, complete(offer.schema, {}))


def test_each_way_to_say_it_is_a_text_of_its_own() -> None:
    say = load_library()["send_message"]
    assert list(customer_texts(say.schema, {"text": "Hi", "variants": ["Hello", ""]})) == [("text", "Hi"), ("variants.0", "Hello")]

"""Which language a text is in, and when a conversation changes its own."""

from collections.abc import Sequence

import pytest

from server.understanding.language import BY_TABLE, Guess, detect, settle

BOT = ("en", "de", "fr", "es")


@pytest.mark.parametrize(
    ("text", "among", "language"),
    [
        ("hola", BOT, "es"),
        ("Hello!", BOT, "en"),
        ("guten tag", BOT, "de"),
        ("merci beaucoup", BOT, "fr"),
        ("wo ist meine Bestellung", BOT, "de"),
        ("where is my order", BOT, "en"),
        ("où est mon colis", BOT, "fr"),
        ("¿dónde está mi pedido?", BOT, "es"),
        ("wo ist mein Paket", ("en-GB", "de-AT"), "de-AT"),
        ("我的订单在哪里", ("en", "zh"), "zh"),
        ("注文はどこですか", ("zh", "ja", "en"), "ja"),
        ("где мой заказ", ("en", "ru", "uk"), "ru"),
        ("שלום", ("en", "he"), "he"),
        ("我的订单在哪里", BOT, None),
        ("👍 123", BOT, None),
        ("", BOT, None),
        ("no", BOT, None),
        ("dov'è il mio ordine per favore", (), "it"),
        ("wo ist meine Bestellung", ("tlh", "de"), "de"),
    ],
)
def test_languages(text: str, among: Sequence[str], language: str | None) -> None:
    assert detect(text, among).language == language


def test_a_shared_greeting_is_in_the_language_spoken_so_far() -> None:
    assert detect("no", BOT, current="es") == Guess("es", BY_TABLE, certain=True)
    assert detect("hallo", ("de", "nl"), current="nl").language == "nl"


@pytest.mark.parametrize(
    ("text", "guess", "current", "before", "language"),
    [
        ("where is my order", Guess("en", 0.99), "de", None, "en"),
        ("refund", Guess("fr", 0.99), "en", None, "en"),
        ("wo ist das Paket", Guess("de", 0.7), "en", None, "en"),
        ("wo ist das Paket", Guess("de", 0.7), "en", "de", "de"),
        ("hola", Guess("es", BY_TABLE, certain=True), "en", None, "es"),
        ("hola", Guess("es", BY_TABLE, certain=True), None, None, "es"),
        ("123", Guess(None, 0.0), "en", None, "en"),
        ("color", Guess("en", 0.5), "en-GB", None, "en"),
    ],
)
def test_a_conversation_changes_its_language_only_for_good_reason(
    text: str, guess: Guess, current: str | None, before: str | None, language: str
) -> None:
    assert settle(text, guess, current, before) == language

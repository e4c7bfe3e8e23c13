"""Messages of the bot as Teams shows them: Markdown, and Adaptive Cards (adaptivecards.io, version 1.4) for pictures, choices and cards.

A message has about 28 KB (learn.microsoft.com, "Format your bot messages").
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from server.channels.teams.activities import CHOICE
from server.channels.teams.text import spaced, written
from server.channels.words import card_words, in_groups, in_parts, numbered, shortened, words_of

MOST_TEXT = 4_000
MOST_BESIDE = 2_000
MOST_BYTES = 20_000
MOST_CARDS = 10
MOST_ACTIONS = 6
MOST_BUTTONS = 24
MOST_LABEL = 60
MOST_OPTION = 200
MOST_SUMMARY = 200
MOST_ALT = 500
CARD = "application/vnd.microsoft.card.adaptive"

Part = dict[str, Any]


def messages_of(body: Mapping[str, Any]) -> list[Part]:
    """The activities to post, without their place."""
    text, images = _with_links(body), list(_images(body))
    choices, cards = body.get("choices", ()), body.get("cards", ())
    if not cards:
        return list(_said(text, images, choices)) or [_message("\u2026")]
    over = text if len(text) <= MOST_BESIDE and not images else ""
    parts = [*_said(text if not over else "", images, ()), *_shown(cards, over)]
    if choices:
        parts += _said("", (), choices)
    return parts


def _said(text: str, images: Sequence[Part], choices: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """Text alone is a message; beside pictures or choices it stands on a card with them."""
    if any(len(choice["label"]) > MOST_LABEL for choice in choices):
        text = f"{text}\n\n{numbered([choice['label'] for choice in choices])}".strip()
    if not (images or choices):
        yield from (_message(part) for part in in_parts(text, MOST_TEXT) if part.strip())
        return
    *before, beside = in_parts(text, MOST_TEXT)
    if len(beside) > MOST_BESIDE:
        before, beside = [*before, beside], ""
    yield from (_message(part) for part in before if part.strip())
    card = _card([*([_block(beside)] if beside.strip() else []), *images, *_choices(choices)])
    if _size(card) <= MOST_BYTES:
        first = beside or next((image["altText"] for image in images), "\u2026")
        yield {"type": "message", "summary": _summary(first), "attachments": [card]}
    else:
        yield from _in_words({"text": beside, "choices": choices})
        yield from (_message(image["url"]) for image in images)


def _shown(cards: Sequence[Mapping[str, Any]], over: str) -> Iterator[Part]:
    """Cards side by side under a text, as many in a message as it can hold; one that is too large for any is told in words."""
    some: list[Part] = []
    for about in cards:
        card = _card(list(_about(about)))
        if some and (len(some) == MOST_CARDS or sum(map(_size, some)) + _size(card) > MOST_BYTES):
            yield _carousel(some, over)
            some, over = [], ""
        if _size(card) > MOST_BYTES:
            yield from _in_words({"text": over, "cards": [about]})
            over = ""
        else:
            some.append(card)
    if some:
        yield _carousel(some, over)


def _carousel(cards: Sequence[Part], over: str) -> Part:
    first = next((block["text"] for block in cards[0]["content"]["body"] if block["type"] == "TextBlock"), "\u2026")
    text = _message(over) if over.strip() else {"type": "message"}
    return {**text, "summary": _summary(over.strip() or first), "attachmentLayout": "carousel", "attachments": list(cards)}


def _summary(text: str) -> str:
    """What notifications say of a card."""
    return shortened(text.strip().partition("\n")[0], MOST_SUMMARY)


def _about(card: Mapping[str, Any]) -> Iterator[Part]:
    address = str(card.get("image_url", ""))
    if address.startswith("https://"):
        yield _image(address, card.get("alt") or card.get("title") or "")
    if title := card.get("title"):
        yield {**_block(title), "weight": "bolder", "size": "medium"}
    if words := card.get("text", "") if not address or address.startswith("https://") else card_words({**card, "title": ""}):
        yield _block(words)
    yield from _rows(card.get("buttons", ()))


def _choices(choices: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    if len(choices) <= MOST_BUTTONS:
        yield from _rows(choices)
        return
    options = [{"title": shortened(choice["label"], MOST_OPTION), "value": str(choice["value"])} for choice in choices]
    yield {"type": "Input.ChoiceSet", "id": CHOICE, "style": "compact", "isRequired": True, "errorMessage": "\u2026", "choices": options}
    yield {"type": "ActionSet", "actions": [{"type": "Action.Submit", "title": "OK"}]}


def _rows(buttons: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    for some in in_groups(buttons, MOST_ACTIONS):
        yield {"type": "ActionSet", "actions": [_action(button) for button in some]}


def _action(button: Mapping[str, Any]) -> Part:
    """A press is shown in the chat as the customer's words."""
    title = shortened(button["label"], MOST_LABEL) or "\u2026"
    if button.get("url"):
        return {"type": "Action.OpenUrl", "title": title, "url": button["url"]}
    chosen = {CHOICE: str(button["value"])}
    return {
        "type": "Action.Submit",
        "title": title,
        "data": {**chosen, "msteams": {"type": "messageBack", "text": title, "displayText": title, "value": chosen}},
    }


def _images(body: Mapping[str, Any]) -> Iterator[Part]:
    for media in body.get("media", ()):
        if _is_picture(media):
            yield _image(media["url"], media.get("alt", ""))


def _with_links(body: Mapping[str, Any]) -> str:
    """The text, and under it the files that only a link leads to."""
    links = [_link(media) for media in body.get("media", ()) if not _is_picture(media)]
    return "\n\n".join(part for part in (str(body.get("text", "")), *links) if part.strip())


def _link(media: Mapping[str, Any]) -> str:
    alt = media.get("alt") or media["kind"].capitalize()
    return f"[{shortened(alt.translate({91: 40, 93: 41}), MOST_ALT)}]({media['url']})"


def _is_picture(media: Mapping[str, Any]) -> bool:
    return bool(media["kind"] == "image" and media["url"].startswith("https://"))


def _image(url: str, alt: str) -> Part:
    return {"type": "Image", "url": url, "altText": shortened(alt, MOST_ALT) or "\u2026"}


def _block(text: str) -> Part:
    return {"type": "TextBlock", "text": spaced(text), "wrap": True}


def _card(body: Sequence[Part]) -> Part:
    content = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "body": list(body) or [_block("\u2026")],
    }
    return {"contentType": CARD, "content": content}


def _in_words(body: Mapping[str, Any]) -> Iterator[Part]:
    yield from (_message(part) for part in in_parts(words_of(body), MOST_TEXT))


def _message(text: str) -> Part:
    return {"type": "message", "textFormat": "markdown", "text": written(text)}


def _size(part: Part) -> int:
    return len(msgspec.json.encode(part))

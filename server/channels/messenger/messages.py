"""Messages of the bot as the Send API takes them: thirteen quick replies, templates with three buttons, ten cards side by side.

Limits: developers.facebook.com/docs/messenger-platform/reference (send-api, quick-replies, templates).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.channels.messenger.webhooks import MOST_TEXT, SAYS
from server.channels.words import card_words, in_groups, in_parts, numbered, shortened

MOST_QUICK_REPLIES = 13
MOST_TITLE = 20
MOST_PAYLOAD = 1_000
MOST_BUTTONS = 3
MOST_BUTTON_TEXT = 640
MOST_CARDS = 10
MOST_CARD_WORDS = 80
DOTS = "\u2026"

_LINK = re.compile(r"\[([^\[\]\n]{1,500})\]\((https?://[^\s()]{1,2000})\)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")

Part = dict[str, Any]
Choice = Mapping[str, Any]


def parts_of(body: Mapping[str, Any]) -> list[Part]:
    """The messages to send, in order. Quick replies are on the last one: the next message would take them away."""
    cards = body.get("cards", ())
    rows = [card for card in cards if not (card.get("title") or card.get("text") or card.get("image_url"))]
    choices = [*body.get("choices", ()), *(button for card in rows for button in card.get("buttons", ()))]
    answers, links = [one for one in choices if not one.get("url")], [one for one in choices if one.get("url")]
    text = str(body.get("text", ""))
    if len(answers) > MOST_QUICK_REPLIES or any(len(one["label"]) > MOST_TITLE for one in answers):
        text = f"{text}\n\n{numbered([one['label'] for one in answers])}".strip()
    parts = [
        *_said(as_messenger(text), links),
        *({"attachment": {"type": media["kind"], "payload": {"url": media["url"]}}} for media in body.get("media", ())),
        *_cards([card for card in cards if card not in rows]),
    ] or [{"text": DOTS}]
    if 0 < len(answers) <= MOST_QUICK_REPLIES:
        parts[-1] = parts[-1] | {"quick_replies": [_quick_reply(number, one) for number, one in enumerate(answers, start=1)]}
    return parts


def as_messenger(text: str) -> str:
    """Our Markdown in plain words: Messenger has none."""
    return _BOLD.sub(r"\1", _LINK.sub(r"\1: \2", text))


def _said(text: str, links: Sequence[Choice]) -> Iterator[Part]:
    """Texts; pages that can be opened are buttons under the last."""
    *before, last = in_parts(text, MOST_TEXT)
    if not links:
        yield from ({"text": part} for part in (*before, last) if part)
        return
    if len(last) > MOST_BUTTON_TEXT:
        before, last = [*before, last], ""
    yield from ({"text": part} for part in before)
    yield from _button_templates(last, links)


def _button_templates(text: str, buttons: Sequence[Choice]) -> Iterator[Part]:
    for group in in_groups(buttons, MOST_BUTTONS):
        yield _template({"template_type": "button", "text": text or DOTS, "buttons": [_button(one) for one in group]})
        text = ""


def _cards(cards: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """Cards side by side when all of them fit into elements, else one after the other in messages."""
    elements = [_element(card) for card in cards]
    if all(element is not None for element in elements):
        for group in in_groups(elements, MOST_CARDS):
            yield _template({"template_type": "generic", "elements": list(group)})
        return
    for card in cards:
        yield from _card(card)


def _element(card: Mapping[str, Any]) -> Part | None:
    """A card as an element of a generic template; None for one that would lose something."""
    heading, subtitle = (as_messenger(card.get(name) or "") for name in ("title", "text"))
    buttons = card.get("buttons", ())
    if not heading:
        heading, subtitle = subtitle, ""
    fits = heading and max(len(heading), len(subtitle)) <= MOST_CARD_WORDS and "\n" not in subtitle
    if not fits or len(buttons) > MOST_BUTTONS or any(len(one["label"]) > MOST_TITLE for one in buttons):
        return None
    if not (subtitle or card.get("image_url") or buttons):
        return None  # Meta takes no element that has but a title
    element: Part = {"title": heading}
    if subtitle:
        element["subtitle"] = subtitle
    if image := card.get("image_url"):
        element["image_url"] = image
    if buttons:
        element["buttons"] = [_button(one) for one in buttons]
    return element


def _card(card: Mapping[str, Any]) -> Iterator[Part]:
    if image := card.get("image_url"):
        yield {"attachment": {"type": "image", "payload": {"url": image}}}
    words = as_messenger(card_words({name: card.get(name) for name in ("title", "text")}))
    buttons = card.get("buttons", ())
    long = [one["label"] for one in buttons if len(one["label"]) > MOST_TITLE]
    *before, last = in_parts("\n".join(part for part in (words, *(f"- {label}" for label in long)) if part), MOST_TEXT)
    if buttons and len(last) > MOST_BUTTON_TEXT:
        before, last = [*before, last], ""
    yield from ({"text": part} for part in before)
    if buttons:
        yield from _button_templates(last, buttons)
    elif last:
        yield {"text": last}


def _button(button: Choice) -> Part:
    title = shortened(button["label"], MOST_TITLE)
    if button.get("url"):
        return {"type": "web_url", "title": title, "url": button["url"]}
    return {"type": "postback", "title": title, "payload": _payload(str(button["value"]), button["label"])}


def _quick_reply(number: int, choice: Choice) -> Part:
    """A long label stands in the text with its number, and begins with it here."""
    label = choice["label"]
    title = label if len(label) <= MOST_TITLE else shortened(f"{number}. {label}", MOST_TITLE)
    return {"content_type": "text", "title": title, "payload": _payload(str(choice["value"]), label)}


def _payload(value: str, label: str) -> str:
    return value if 0 < len(value) <= MOST_PAYLOAD and not value.startswith(SAYS) else f"{SAYS}{label}"[:MOST_PAYLOAD]


def _template(payload: Part) -> Part:
    return {"attachment": {"type": "template", "payload": payload}}

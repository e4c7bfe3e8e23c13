"""Messages of the bot for WhatsApp as Twilio takes them: a text, a file with words, or a Content resource with buttons or a list."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.channels.whatsapp.messages import as_whatsapp
from server.channels.words import card_words, in_parts, numbered, shortened

MOST_TEXT = 1_600
MOST_BODY = 1_024
MOST_BUTTONS = 3
MOST_BUTTON = 20
MOST_ROWS = 10
MOST_ROW = 24
MOST_DESCRIPTION = 72
MOST_ID = 200
OPEN_LIST = "\u2630"
CONTENT = "Content"
"""In a part: the Content resource that is made before it is sent. `Body` says the same in words, should Twilio not make it."""

Part = dict[str, Any]


def parts_of(body: Mapping[str, Any]) -> list[Part]:
    """The messages to send, in order, without the number."""
    if template := body.get("template"):
        return [_template(template)]
    parts = [
        *_said(str(body.get("text", "")), body.get("choices", ())),
        *(_file(media) for media in body.get("media", ())),
        *(part for card in body.get("cards", ()) for part in _card(card)),
    ]
    return parts or [{"Body": "\u2026"}]


def _said(text: str, choices: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    links = [choice for choice in choices if choice.get("url")]
    answers = [choice for choice in choices if not choice.get("url")]
    text = as_whatsapp("\n".join([text, *(f"{link['label']}: {link['url']}" for link in links)]).strip())
    content = _content(text, answers)
    if content is not None:
        yield {CONTENT: content, "Body": _in_words(text, answers)}
        return
    yield from ({"Body": part} for part in in_parts(_in_words(text, answers), MOST_TEXT) if part)


def _in_words(text: str, choices: Sequence[Mapping[str, Any]]) -> str:
    return f"{text}\n\n{numbered([choice['label'] for choice in choices])}".strip() if choices else text


def _content(text: str, choices: Sequence[Mapping[str, Any]]) -> Part | None:
    """Buttons or a list; None for what fits into neither."""
    titles = {shortened(choice["label"], MOST_ROW) for choice in choices}
    fits = len(text) <= MOST_BODY and len(titles) == len(choices) <= MOST_ROWS
    if not choices or not fits or any(not 0 < len(str(choice["value"])) <= MOST_ID for choice in choices):
        return None
    if len(choices) <= MOST_BUTTONS and all(len(choice["label"]) <= MOST_BUTTON for choice in choices):
        actions = [{"type": "QUICK_REPLY", "title": choice["label"], "id": str(choice["value"])} for choice in choices]
        return {"twilio/quick-reply": {"body": text or "\u2026", "actions": actions}}
    return {"twilio/list-picker": {"body": text or "\u2026", "button": OPEN_LIST, "items": [_row(choice) for choice in choices]}}


def _row(choice: Mapping[str, Any]) -> Part:
    label = choice["label"]
    row = {"item": shortened(label, MOST_ROW), "id": str(choice["value"])}
    return row if len(label) <= MOST_ROW else row | {"description": shortened(label, MOST_DESCRIPTION)}


def _file(media: Mapping[str, Any]) -> Part:
    alt = media.get("alt", "")
    captioned = {"Body": shortened(alt, MOST_BODY)} if alt and media["kind"] != "audio" else {}
    return {**captioned, "MediaUrl": [media["url"]]}


def _card(card: Mapping[str, Any]) -> Iterator[Part]:
    """A picture with the card's words; its buttons stand below them as a customer can write them."""
    shown = {**card, "title": f"**{card['title']}**"} if card.get("title") else dict(card)
    image = shown.pop("image_url", None)
    buttons = [f"- {one['label']}: {one['url']}" if one.get("url") else f"- {one['label']}" for one in card.get("buttons", ())]
    *before, last = in_parts(as_whatsapp("\n".join(part for part in (card_words(shown), *buttons) if part)), MOST_TEXT)
    yield from ({"Body": part} for part in before)
    if image is None:
        yield {"Body": last or "\u2026"}
    elif len(last) <= MOST_BODY:
        yield {**({"Body": last} if last else {}), "MediaUrl": [image]}
    else:
        yield {"MediaUrl": [image]}
        yield {"Body": last}


def _template(template: Mapping[str, Any]) -> Part:
    """Twilio knows a template by its Content SID; what fills it is numbered."""
    given = {str(number): str(text) for number, text in enumerate(template.get("parameters", ()), start=1)}
    return {"ContentSid": template["name"], **({"ContentVariables": json.dumps(given)} if given else {})}

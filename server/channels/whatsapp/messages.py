"""Messages of the bot as the Cloud API takes them: three buttons, lists of ten, bodies of 1 024 characters beside them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.channels.whatsapp.webhooks import LONG_VALUE, MOST_TEXT
from server.channels.words import in_parts, numbered, shortened

MOST_BODY = 1_024
MOST_BUTTONS = 3
MOST_BUTTON = 20
MOST_ROWS = 10
MOST_ROW = 24
MOST_DESCRIPTION = 72
MOST_ID = 200
OPEN_LIST = "\u2630"

_TYPES = {"image": "image", "audio": "audio", "video": "video", "file": "document"}
_LINK = re.compile(r"\[([^\[\]\n]{1,500})\]\((https?://[^\s()]{1,2000})\)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")

Part = dict[str, Any]


def parts_of(body: Mapping[str, Any]) -> list[Part]:
    """The messages to send, in order, without the recipient."""
    if template := body.get("template"):
        return [_template(template)]
    cards = body.get("cards", ())
    rows = [card for card in cards if not (card.get("title") or card.get("text") or card.get("image_url"))]
    choices = [*body.get("choices", ()), *(button for card in rows for button in card.get("buttons", ()))]
    parts = [
        *_said(str(body.get("text", "")), choices, body.get("asks") == "location"),
        *_files(body),
        *(part for card in cards if card not in rows for part in _card(card)),
    ]
    return parts or [_text("\u2026")]


def as_whatsapp(text: str) -> str:
    """Our Markdown as WhatsApp's: bold has one star, links stand beside their words."""
    return _BOLD.sub(r"*\1*", _LINK.sub(r"\1: \2", text))


def _said(text: str, choices: Sequence[Mapping[str, Any]], wants_place: bool) -> Iterator[Part]:
    links = [choice for choice in choices if choice.get("url")]
    answers = [choice for choice in choices if not choice.get("url")]
    button = _link_button(links) if not answers else None
    links = [] if button else links
    text = "\n".join([text, *(f"{link['label']}: {link['url']}" for link in links)]).strip()
    action = (
        button or _action(answers) or ({"type": "location_request_message", "action": {"name": "send_location"}} if wants_place else None)
    )
    if action is None:
        if answers:
            text = f"{text}\n\n{numbered([choice['label'] for choice in answers])}".strip()
        yield from (_text(part) for part in in_parts(as_whatsapp(text), MOST_TEXT) if part)
        return
    *before, last = in_parts(as_whatsapp(text), MOST_TEXT)
    if len(last) > MOST_BODY:
        before, last = [*before, last], ""
    yield from (_text(part) for part in before)
    yield {"type": "interactive", "interactive": {**action, "body": {"text": last or "\u2026"}}}


def _link_button(links: Sequence[Mapping[str, Any]]) -> Part | None:
    """A button that opens a page: there can be one, and nothing beside it."""
    if len(links) != 1 or len(links[0]["label"]) > MOST_BUTTON:
        return None
    return {"type": "cta_url", "action": {"name": "cta_url", "parameters": {"display_text": links[0]["label"], "url": links[0]["url"]}}}


def _action(choices: Sequence[Mapping[str, Any]]) -> Part | None:
    """Buttons or a list; None for what fits into neither."""
    titles = {shortened(choice["label"], MOST_ROW) for choice in choices}
    if not choices or len(choices) > MOST_ROWS or len(titles) < len(choices):
        return None
    if len(choices) <= MOST_BUTTONS and all(len(choice["label"]) <= MOST_BUTTON for choice in choices):
        replies = [{"id": _id(number, choice), "title": choice["label"]} for number, choice in enumerate(choices)]
        return {"type": "button", "action": {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}}
    rows = [_row(number, choice) for number, choice in enumerate(choices)]
    return {"type": "list", "action": {"button": OPEN_LIST, "sections": [{"rows": rows}]}}


def _row(number: int, choice: Mapping[str, Any]) -> Part:
    label = choice["label"]
    row = {"id": _id(number, choice), "title": shortened(label, MOST_ROW)}
    return row if len(label) <= MOST_ROW else row | {"description": shortened(label, MOST_DESCRIPTION)}


def _id(number: int, choice: Mapping[str, Any]) -> str:
    value = str(choice["value"])
    return value if 0 < len(value) <= MOST_ID and not value.startswith(LONG_VALUE) else f"{LONG_VALUE}{number}"


def _files(body: Mapping[str, Any]) -> Iterator[Part]:
    for media in body.get("media", ()):
        kind, alt = _TYPES[media["kind"]], media.get("alt", "")
        captioned = {"caption": shortened(alt, MOST_BODY)} if alt and kind != "audio" else {}
        named = {"filename": shortened(alt, 200)} if alt and kind == "document" else {}
        yield {"type": kind, kind: {"link": media["url"], **captioned, **named}}


def _card(card: Mapping[str, Any]) -> Iterator[Part]:
    words = "\n".join(part for part in (f"**{card['title']}**" if card.get("title") else "", card.get("text", "")) if part)
    buttons = card.get("buttons", ())
    *before, last = list(_said(words, buttons, False)) or [_text("\u2026")]
    yield from before
    image = {"link": card["image_url"]} if card.get("image_url") else None
    if image is None:
        yield last
    elif last["type"] == "interactive" and last["interactive"]["type"] in ("button", "cta_url"):
        yield {"type": "interactive", "interactive": {**last["interactive"], "header": {"type": "image", "image": image}}}
    elif last["type"] == "text" and len(last["text"]["body"]) <= MOST_BODY:
        yield {"type": "image", "image": {**image, "caption": last["text"]["body"]}}
    else:
        yield {"type": "image", "image": image}
        yield last


def _template(template: Mapping[str, Any]) -> Part:
    given = [{"type": "text", "text": str(text)} for text in template.get("parameters", ())]
    components = {"components": [{"type": "body", "parameters": given}]} if given else {}
    return {"type": "template", "template": {"name": template["name"], "language": {"code": template["language"]}, **components}}


def _text(text: str) -> Part:
    return {"type": "text", "text": {"body": text, "preview_url": False}}

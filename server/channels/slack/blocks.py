"""Messages of the bot as Block Kit (docs.slack.dev/reference/block-kit): at most 50 blocks, sections of 3 000 characters."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.channels.slack.text import escaped, mrkdwn
from server.channels.words import in_groups, in_parts, numbered, shortened

MOST_BLOCKS = 45
MOST_SECTION = 3_000
MOST_TEXT = 4_000
MOST_PLAIN = 75
MOST_BUTTONS = 10
MOST_OPTIONS = 100
MOST_OPTION_VALUE = 150
MOST_VALUE = 2_000
MOST_ALT = 2_000
FALLBACK = 3_000

Block = dict[str, Any]


def messages_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages to post, without their place: text for notifications and screen readers, and blocks where there is more than text."""
    text = str(body.get("text", ""))
    blocks = [*_sections(text), *_media(body), *_cards(body), *_choices(body)]
    if all(block["type"] == "section" for block in blocks):
        return [{"text": text} for text in _packed([block["text"]["text"] for block in blocks])] or [{"text": "\u2026"}]
    fallback = shortened(escaped(text) or _first_words(body), FALLBACK)
    return [{"text": fallback, "blocks": list(part)} for part in in_groups(blocks, MOST_BLOCKS)]


def _packed(texts: Sequence[str]) -> Iterator[str]:
    """The texts, those together that fit into one message."""
    packed = ""
    for text in texts:
        if packed and len(packed) + len(text) >= MOST_TEXT:
            yield packed
            packed = text
        else:
            packed = f"{packed}\n{text}" if packed else text
    if packed:
        yield packed


def _sections(text: str) -> Iterator[Block]:
    """Escaping makes text longer: what grows too long is cut again, in halves."""
    for part in in_parts(text, MOST_SECTION) if text.strip() else ():
        written = mrkdwn(part)
        if len(written) <= MOST_SECTION:
            yield {"type": "section", "text": {"type": "mrkdwn", "text": written}}
        else:
            for half in in_parts(part, (len(part) + 1) // 2):
                yield from _sections(half)


def _media(body: Mapping[str, Any]) -> Iterator[Block]:
    for media in body.get("media", ()):
        alt = media.get("alt") or media["kind"].capitalize()
        if media["kind"] == "image" and media["url"].startswith("https://"):
            yield {"type": "image", "image_url": media["url"], "alt_text": shortened(alt, MOST_ALT)}
        else:
            yield from _sections(f"[{shortened(alt.translate({91: 40, 93: 41}), 500)}]({media['url']})")


def _cards(body: Mapping[str, Any]) -> Iterator[Block]:
    for number, card in enumerate(body.get("cards", ())):
        words = "\n".join(part for part in (f"**{card['title']}**" if card.get("title") else "", card.get("text", "")) if part)
        sections = list(_sections(words))
        if sections and card.get("image_url", "").startswith("https://"):
            alt = shortened(card.get("alt") or card.get("title") or "Picture", MOST_ALT)
            sections[0]["accessory"] = {"type": "image", "image_url": card["image_url"], "alt_text": alt}
        yield from sections
        for row, buttons in enumerate(in_groups(card.get("buttons", ()), MOST_BUTTONS)):
            yield _row([_button(f"card:{number}:{row}:{at}", button) for at, button in enumerate(buttons)])


def _choices(body: Mapping[str, Any]) -> Iterator[Block]:
    choices = body.get("choices", ())
    if not choices:
        return
    if any(len(choice["label"]) > MOST_PLAIN for choice in choices):
        yield from _sections(numbered([choice["label"] for choice in choices]))
    if MOST_BUTTONS < len(choices) <= MOST_OPTIONS and all(len(choice["value"]) <= MOST_OPTION_VALUE for choice in choices):
        options = [{"text": _plain(choice["label"]), "value": choice["value"]} for choice in choices]
        yield _row([{"type": "static_select", "action_id": "choice", "placeholder": _plain("\u2026"), "options": options}])
        return
    for row, some in enumerate(in_groups(choices, MOST_BUTTONS)):
        yield _row([_button(f"choice:{row}:{at}", choice) for at, choice in enumerate(some)])


def _row(elements: Sequence[Block]) -> Block:
    return {"type": "actions", "elements": list(elements)}


def _button(action_id: str, about: Mapping[str, Any]) -> Block:
    button = {"type": "button", "action_id": action_id, "text": _plain(about["label"])}
    return button | ({"url": about["url"]} if about.get("url") else {"value": shortened(str(about["value"]), MOST_VALUE)})


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": shortened(text, MOST_PLAIN) or "\u2026", "emoji": True}


def _first_words(body: Mapping[str, Any]) -> str:
    for card in body.get("cards", ()):
        if card.get("title"):
            return escaped(card["title"])
    return next((escaped(media.get("alt") or media["kind"]) for media in body.get("media", ())), "\u2026")

"""Messages of the bot as calls of the Bot API: each part names its method. Text is HTML with three marks, 4 096 UTF-16 units long."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.channels.telegram.updates import LONG_VALUE
from server.channels.words import in_groups, in_parts, shortened

MOST_TEXT = 4_096
MOST_CAPTION = 1_024
MOST_BUTTONS = 100
MOST_LABEL = 64
MOST_DATA_BYTES = 64
SHORT_LABEL = 16

METHODS = {
    "image": ("sendPhoto", "photo"),
    "audio": ("sendAudio", "audio"),
    "video": ("sendVideo", "video"),
    "file": ("sendDocument", "document"),
}

_LINK = re.compile(r"\[([^\[\]\n]{1,500})\]\((https?://[^\s()<>\"]{1,2000})\)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")

Part = dict[str, Any]


def parts_of(body: Mapping[str, Any]) -> list[Part]:
    """The calls that say the message, in order, without the chat."""
    cards = body.get("cards", ())
    rows = [card for card in cards if not (card.get("title") or card.get("text") or card.get("image_url"))]
    buttons = [*body.get("choices", ()), *(button for card in rows for button in card.get("buttons", ()))]
    text = str(body.get("text", ""))
    parts = [*_texts(text, buttons), *_files(body), *(part for card in cards if card not in rows for part in _card(card))]
    return parts or [_text("\u2026")]


def as_html(text: str) -> str:
    """Our Markdown as Telegram's HTML: links and bold; everything else as it stands."""
    found, end = [], 0
    for link in _LINK.finditer(text):
        found += [_words(text[end : link.start()]), f'<a href="{html.escape(link[2])}">{_escaped(link[1])}</a>']
        end = link.end()
    return "".join([*found, _words(text[end:])])


def as_plain(text: str) -> str:
    """The words in such HTML."""
    return html.unescape(re.sub(r"<[^<>]*>", "", text))


def units(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def _texts(text: str, buttons: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """The buttons stand under the last of the texts; more than a hundred go on under further ones."""
    texts = list(_short(text, MOST_TEXT)) if text.strip() else ["\u2026"] if buttons else []
    for one in texts[:-1]:
        yield _text(one)
    groups = list(in_groups(buttons, MOST_BUTTONS))
    for number, one in enumerate([*texts[-1:], *["\u2026"] * (len(groups) - 1)]):
        yield _text(one) | (_keyboard(groups[number]) if groups else {})


def _short(text: str, most: int) -> Iterator[str]:
    """Parts of at most `most` units; what has letters of two units is cut again, in halves."""
    for part in in_parts(text, most):
        if units(part) <= most:
            yield part
        else:
            for half in in_parts(part, (len(part) + 1) // 2):
                yield from _short(half, most)


def _files(body: Mapping[str, Any]) -> Iterator[Part]:
    for media in body.get("media", ()):
        method, name = METHODS[media["kind"]]
        alt = media.get("alt", "")
        yield {"method": method, name: media["url"]} | ({"caption": _escaped(_captioned(alt)), "parse_mode": "HTML"} if alt else {})


def _card(card: Mapping[str, Any]) -> Iterator[Part]:
    words = "\n".join(part for part in (f"**{card['title']}**" if card.get("title") else "", card.get("text", "")) if part)
    buttons = list(card.get("buttons", ()))[:MOST_BUTTONS]
    if card.get("image_url") and units(words) <= MOST_CAPTION:
        caption = {"caption": as_html(words), "parse_mode": "HTML"} if words else {}
        yield {"method": "sendPhoto", "photo": card["image_url"]} | caption | (_keyboard(buttons) if buttons else {})
        return
    if card.get("image_url"):
        yield {"method": "sendPhoto", "photo": card["image_url"]}
    yield from _texts(words, buttons)


def _captioned(text: str) -> str:
    return next(_short(text, MOST_CAPTION))


def _text(text: str) -> Part:
    return {"method": "sendMessage", "text": as_html(text), "parse_mode": "HTML"}


def _keyboard(buttons: Sequence[Mapping[str, Any]]) -> Part:
    across = 2 if all(len(button["label"]) <= SHORT_LABEL for button in buttons) else 1
    drawn = [_button(number, button) for number, button in enumerate(buttons)]
    return {"reply_markup": {"inline_keyboard": [list(row) for row in in_groups(drawn, across)]}}


def _button(number: int, about: Mapping[str, Any]) -> Part:
    button = {"text": shortened(about["label"], MOST_LABEL) or "\u2026"}
    if about.get("url"):
        return button | {"url": about["url"]}
    value = str(about["value"])
    fits = len(value.encode()) <= MOST_DATA_BYTES and not value.startswith(LONG_VALUE)
    return button | {"callback_data": value if fits else f"{LONG_VALUE}{number}"}


def _words(text: str) -> str:
    return _BOLD.sub(r"<b>\1</b>", _escaped(text))


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)

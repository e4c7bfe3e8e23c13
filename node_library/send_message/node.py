"""Says or shows one thing and goes on."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flow_runtime.conditions import as_number
from flow_runtime.effects import Button, Card, Media, Option, Say
from flow_runtime.expressions import is_template
from flow_runtime.nodes import Step, Turn, slug
from flow_runtime.printing import as_text

_PAGE = re.compile(r"(?:https?://|mailto:|tel:)\S+", re.IGNORECASE)
_FILE = re.compile(r"https?://\S+", re.IGNORECASE)
_ALONE = re.compile(r"\s*\{\{[^{}]*\}\}\s*")


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    text, counted = _wording(settings, turn)
    said = turn.render(text).strip()
    media = _media(settings["media"], turn) if settings["show"] == "media" else ()
    cards = _cards(settings["cards"], turn) if settings["show"] == "cards" else ()
    buttons = _buttons(settings["buttons"], turn) if settings["buttons"] else ()
    links = tuple(button for button in buttons if button.url) if buttons else ()
    if not (said or media or cards):
        return Step(set=counted, go="next")
    message = Say(
        said,
        choices=tuple(Option(button.value, button.label) for button in buttons if button.value) if buttons else (),
        media=media,
        cards=(*cards, Card(buttons=links)) if links else cards,
        typing_ms=round(settings["typing_s"] * 1000),
    )
    return Step(effects=(message,), set=counted, go="next")


def _wording(settings: Mapping[str, Any], turn: Turn) -> tuple[str, dict[str, Any]]:
    """One of the ways to say it, and the count when they come in order."""
    texts = [settings["text"]]
    if settings["variants"]:
        texts += [text for text in settings["variants"] if text.strip()]
    if settings["phrasing"] == "in_order":
        count = int(as_number(turn.scope.get(settings["counter"])) or 0)
        return texts[count % len(texts)], {settings["counter"]: count + 1}
    return texts[0] if len(texts) == 1 else turn.random.choice(texts), {}


def _media(rows: Sequence[Mapping[str, str]], turn: Turn) -> tuple[Media, ...]:
    """The files whose address is one; the others are left out."""
    shown = (Media(row["kind"], _address(row["url"], turn, _FILE), turn.render(row.get("alt", ""))) for row in rows)
    return tuple(media for media in shown if media.url)


def _cards(rows: Sequence[Mapping[str, Any]], turn: Turn) -> tuple[Card, ...]:
    return tuple(
        Card(
            turn.render(row["title"]),
            turn.render(row.get("text", "")),
            _address(row.get("image_url", ""), turn, _FILE),
            turn.render(row.get("alt", "")),
            _buttons(row.get("buttons", ()), turn),
        )
        for row in rows
    )


def _buttons(rows: Sequence[Mapping[str, str]], turn: Turn) -> tuple[Button, ...]:
    """The buttons that answer, and those that open a page whose address is one."""
    buttons = (_button(row, turn) for row in rows)
    return tuple(button for button in buttons if button.url or button.value)


def _button(row: Mapping[str, str], turn: Turn) -> Button:
    label = turn.render(row["label"])
    if "url" in row:
        return Button(label, url=_address(row["url"], turn, _PAGE) or None)
    return Button(label, row.get("value") or slug(row["label"]))


def _address(text: str, turn: Turn, form: re.Pattern[str]) -> str:
    """The address with its values put in, or nothing when it is none. A value that is the whole address stays as it is."""
    alone = is_template(text) and _ALONE.fullmatch(text)
    address = as_text(turn.value(text.strip())) if alone else turn.render_url(text.strip())
    return address if form.fullmatch(address) else ""

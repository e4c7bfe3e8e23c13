"""The languages of a flow, and its texts in them. Pure.

A translation stands under the text itself, so two steps that say the same share it, and a text that is changed takes its
translations along.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from flow_runtime import settings
from server.flows.document import Change, Command, Document, command, path_of
from server.flows.refusal import EditRefused
from server.flows.variables import Schemas

MAX_LANGUAGES = 50
MAX_TEXT = 16_000

_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


class SetLanguages(msgspec.Struct, tag_field="op", tag="set_languages", forbid_unknown_fields=True):
    """The language in which the steps are written, and those they are translated into."""

    default: str
    others: list[str] = []


class SetTranslation(msgspec.Struct, tag_field="op", tag="set_translation", forbid_unknown_fields=True):
    """Translations by their source text; an empty one goes."""

    language: str
    texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class CustomerText:
    """A text that customers read: in a field of a step, or of the flow itself when `node` is None."""

    node: str | None
    field: str
    title: str
    text: str


def set_languages(document: Document, operation: SetLanguages) -> Command:
    """The command that chooses the languages; what was translated into one that goes, goes with it."""
    default = _checked(operation.default)
    others = [tag for tag in dict.fromkeys(_checked(tag) for tag in operation.others) if tag != default]
    if len(others) > MAX_LANGUAGES:
        raise EditRefused(f"A flow has at most {MAX_LANGUAGES} languages.", "others")
    texts = document.get("languages", {}).get("texts", {})
    kept = {tag: texts[tag] for tag in others if texts.get(tag)}
    languages = {"default": default, "others": others} | ({"texts": kept} if kept else {})
    return command(document, Change(fields={"languages": languages}), "Change the languages")


def _checked(tag: str) -> str:
    """The tag as BCP 47 writes it: "pt_br" is "pt-BR"."""
    first, *rest = tag.strip().replace("_", "-").split("-")
    cased = "-".join([first.lower(), *(part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest)])
    if not _TAG.fullmatch(cased):
        raise EditRefused("Choose a language from the list.", "language")
    return cased


def set_translation(document: Document, operation: SetTranslation) -> Command:
    """The command that stores translations into one of the flow's languages."""
    if operation.language not in document.get("languages", {}).get("others", ()):
        raise EditRefused("This language is not one of the flow's any more.", "language")
    if any(len(text) > MAX_TEXT for text in operation.texts.values()):
        raise EditRefused(f"A translation has at most {MAX_TEXT:,} characters.", "translation")
    fields = {
        path_of("languages", "texts", operation.language, source): text.strip("\r\n") if text.strip() else None
        for source, text in operation.texts.items()
    }
    count = len(fields)
    return command(document, Change(fields=fields), "Translate a text" if count == 1 else f"Translate {count} texts")


def customer_texts(document: Document, kinds: Schemas) -> list[CustomerText]:
    """Every text that customers read, in the order of the steps."""
    found = [text for name, step in _in_order(document) for text in texts_of_step(name, step, kinds)]
    fallback = document.get("settings", {}).get("fallback_text")
    return [*found, *([CustomerText(None, "fallback_text", "When something goes wrong", fallback)] if fallback else [])]


def _in_order(document: Document) -> list[tuple[str, Mapping[str, Any]]]:
    return sorted(document["nodes"].items(), key=lambda item: (item[1]["position"]["x"], item[1]["position"]["y"], item[0]))


def texts_of_step(name: str, step: Mapping[str, Any], kinds: Schemas) -> list[CustomerText]:
    """The texts of one step that customers read, in the order of its form."""
    order = {field: place for place, field in enumerate(kinds.schema(step["type"]).get("properties", {}))}
    found = sorted(_read_by_customers(step, kinds), key=lambda one: order.get(one[0].partition(".")[0], 0))
    return [CustomerText(name, path, step["title"], text) for path, text in found]


def _read_by_customers(step: Mapping[str, Any], kinds: Schemas) -> Iterator[tuple[str, str]]:
    """The fields of a step that customers read, with their texts; what is left out has its default."""
    schema = kinds.schema(step["type"])
    return settings.customer_texts(schema, settings.complete(schema, step["settings"]))


def missing(document: Document, language: str, texts: list[CustomerText]) -> list[str]:
    """The different texts that have no translation into `language`."""
    done = document.get("languages", {}).get("texts", {}).get(language, {})
    return [source for source in dict.fromkeys(text.text for text in texts) if source not in done]


def carried(document: Document, name: str, after: Mapping[str, Any], kinds: Schemas) -> dict[str, Any]:
    """Translations that go along when the texts of a step change: field paths of the document with their new values."""
    translated = document.get("languages", {}).get("texts")
    if not translated:
        return {}
    before = dict(_read_by_customers(document["nodes"][name], kinds))
    now = dict(_read_by_customers(after, kinds))
    changed = {before[path]: now[path] for path in before if path in now and before[path] != now[path]}
    if not changed:
        return {}
    others = {text.text for text in customer_texts({**document, "nodes": {**document["nodes"], name: after}}, kinds)}
    fields: dict[str, Any] = {}
    for old, new in changed.items():
        for language, texts in translated.items():
            if old in texts and old not in others and new not in texts:
                fields[path_of("languages", "texts", language, old)] = None
                fields[path_of("languages", "texts", language, new)] = texts[old]
    return fields

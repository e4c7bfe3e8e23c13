"""Does every text that the customer reads exist in every language of the flow."""

from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing
from flow_runtime.locales import fallbacks
from flow_runtime.problems import Problem

_SHOWN = 40


def check_translations(drawing: Drawing) -> Iterator[Problem]:
    """Each text of a node, and the fallback, has words in each of the flow's other languages or in one that they are a dialect of."""
    languages = drawing.document.get("languages", {})
    others = [language for language in languages.get("others", ()) if language != languages.get("default")]
    if not others:
        return
    texts = {language.lower(): known for language, known in languages.get("texts", {}).items()}
    known = [(language, [texts.get(tag, {}) for tag in fallbacks(language.lower())]) for language in others]
    fallback = drawing.document.get("settings", {}).get("fallback_text", "")
    fields: list[tuple[str | None, str, str]] = [(None, "settings.fallback_text", fallback)] if fallback.strip() else []
    fields += [(node_id, field, text) for node_id in drawing.order for field, text in drawing.nodes[node_id].customer_texts]
    for node_id, field, text in fields:
        missing = [language for language, found in known if not any(words.get(text, "").strip() for words in found)]
        if missing:
            shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
            message = f'"{shown}" is not translated to {", ".join(missing)}: those customers read it as it is.'
            yield Problem("missing_translation", "warning", node_id, field, message, "Write the translation under Languages.")

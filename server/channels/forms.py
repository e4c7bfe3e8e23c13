"""What somebody enters for a channel, held against the fields in its channel.json."""

import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from server.channels.about import About, Field
from server.channels.contract import PREVIOUS, Secrets
from server.channels.web.origins import origin_problem
from server.kit.http import OutboundClient, OutboundRefused

MOST_CHARACTERS = 2_000
MOST_ORIGINS = 50


def problems_of(
    about: About, settings: Mapping[str, str], given: Mapping[str, str], has: Collection[str], http: OutboundClient
) -> dict[str, str]:
    """What is wrong with what was entered, by field; `has` names the secrets that the channel has already."""
    return _problems(about.settings, settings, (), http) | _problems(about.secrets, given, {*has, *_made(about)}, http)


def kept_settings(about: About, settings: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    """The settings to store: what was entered, without blanks, beside what only other rooms know of."""
    ours = {field.name for field in about.settings}
    entered = {name: text.strip() for name, text in settings.items() if text.strip()}
    return {name: value for name, value in before.items() if name not in ours} | entered


def rotated(about: About, before: Secrets, given: Mapping[str, str]) -> Secrets:
    """The secrets to store. A blank keeps the old one, a new one stands beside it until it is forgotten; what we can make is made."""
    after = dict(before)
    for field in about.secrets:
        new = given.get(field.name, "").strip() or ("" if field.name in before or not field.makes else new_secret(field))
        if new and new != before.get(field.name):
            if old := before.get(field.name):
                after[field.name + PREVIOUS] = old
            after[field.name] = new
    return after


def new_secret(field: Field) -> str:
    """A secret of ours: letters and digits that every provider takes."""
    return field.prefix + secrets.token_hex(field.makes)


def problems_of_origins(origins: Iterable[str]) -> str:
    """What is wrong with a list of origins; empty when nothing is."""
    given = list(origins)
    if len(given) > MOST_ORIGINS:
        return f"A channel has at most {MOST_ORIGINS} pages."
    return next((problem for origin in given if (problem := origin_problem(origin))), "")


def _made(about: About) -> set[str]:
    return {field.name for field in about.secrets if field.makes}


def _problems(fields: Iterable[Field], given: Mapping[str, str], has: Collection[str], http: OutboundClient) -> dict[str, str]:
    known = {field.name: field for field in fields}
    problems = {name: "There is no such field." for name in given if name not in known}
    for name, field in known.items():
        text = given.get(name, "").strip()
        if not text:
            if field.required and name not in has:
                problems[name] = "Fill this in."
        elif len(text) > MOST_CHARACTERS or not text.isprintable():
            problems[name] = "This is too long, or holds characters that cannot be shown. Copy it again."
        elif field.pattern is not None and not re.fullmatch(field.pattern, text):
            problems[name] = f"This does not look right. {field.help}"
        elif text.startswith(("http://", "https://")):
            try:
                http.check(text)
            except OutboundRefused as refused:
                problems[name] = str(refused)
    return problems

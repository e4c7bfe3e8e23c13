"""The templates a flow can start from: one folder each in `templates/`.

template.json   title, summary, category, what you will need, what it does, a few lines of such a conversation, place in the gallery
flow.json       the flow
intents.json    its intents with their examples, as in an exported flow
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from server.flows.bundles import import_flow
from server.flows.create import checked_name
from server.flows.draft import Draft
from server.flows.library import describe
from server.kit.errors import Problem

FOLDER = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Template:
    """One template. `preview` holds (who, text) with who "bot" or "user"; `steps` the types of its steps, each once."""

    key: str
    title: str
    summary: str
    category: str
    needs: tuple[str, ...]
    does: tuple[str, ...]
    preview: tuple[tuple[str, str], ...]
    place: int
    steps: tuple[str, ...]
    languages: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False)
    intents: Mapping[str, Any] = field(repr=False)

    @property
    def size(self) -> int:
        """How many steps the flow has."""
        return len(self.document["nodes"])

    @property
    def step_titles(self) -> list[str]:
        """What its steps are called in the palette."""
        return [describe(step).title for step in self.steps]


@cache
def templates() -> tuple[Template, ...]:
    """Every template, in the order of the gallery."""
    return tuple(sorted((_read(path.parent) for path in FOLDER.glob("*/template.json")), key=lambda template: template.place))


def _read(folder: Path) -> Template:
    about, document, intents = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("template", "flow", "intents")
    )
    spoken = document.get("languages", {"default": "en"})
    return Template(
        key=folder.name,
        title=about["title"],
        summary=about["summary"],
        category=about["category"],
        needs=tuple(about["needs"]),
        does=tuple(about["does"]),
        preview=tuple((who, text) for line in about["preview"] for who, text in line.items()),
        place=about["place"],
        steps=tuple(dict.fromkeys(node["type"] for node in document["nodes"].values())),
        languages=(spoken["default"], *spoken.get("others", ())),
        document=document,
        intents=intents,
    )


def find_template(key: str) -> Template:
    """The template of that name; Problem 404 when there is none."""
    found = next((template for template in templates() if template.key == key), None)
    if found is None:
        raise Problem(404, "no_template", "There is no template of that name. Look through the gallery for those there are.")
    return found


async def create_from_template(conn: AsyncConnection, tenant_id: UUID, template: Template, name: str = "") -> Draft:
    """A new flow of the template with its intents; left empty, the name is the template's. Problem 422 for a name that is too long."""
    document = {**template.document, "name": checked_name(name) if name.strip() else template.title}
    return await import_flow(conn, tenant_id, {**document, "intents": dict(template.intents)})

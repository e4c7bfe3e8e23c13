"""Settings that name a step of the flow or another flow: what there is to choose from, and what a chosen flow takes and gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.editor.fields import Field
from server.flows.document import Document
from server.flows.draft import Draft
from server.flows.library import KINDS
from server.flows.tables import flows

MAX_FLOWS = 500


@dataclass(frozen=True, slots=True)
class Interface:
    """What a chosen flow takes and gives."""

    inputs: Sequence[Mapping[str, Any]] = ()
    outputs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class References:
    """For each kind of thing that a setting may name its (id, title), and what the chosen flow takes and gives."""

    titles: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    interface: Interface | None = None


def referring(schema: Mapping[str, Any], what: str) -> str:
    """The setting that names such a thing; "" when there is none."""
    return next((name for name, part in schema.get("properties", {}).items() if part.get("x-refers") == what), "")


def runs_flows(document: Document) -> bool:
    """Whether a step of the document names another flow."""
    return any(referring(KINDS.schema(step["type"]), "flow") for step in document["nodes"].values())


async def references_of(
    conn: AsyncConnection, draft: Draft, node: str, schema: Mapping[str, Any], settings: Mapping[str, Any]
) -> References:
    """What the form of a step offers where its settings name something."""
    titles: dict[str, Sequence[tuple[str, str]]] = {}
    interface = None
    if referring(schema, "node"):
        titles["node"] = [(name, step["title"]) for name, step in draft.document["nodes"].items() if name != node]
    if by := referring(schema, "flow"):
        titles["flow"] = await flow_titles(conn, draft)
        interface = await _interface(conn, draft, str(settings.get(by, "")))
    return References(titles, interface)


async def flow_titles(conn: AsyncConnection, draft: Draft) -> list[tuple[str, str]]:
    """The other flows of the workspace, by name."""
    query = select(flows.c.id, flows.c.name).where(
        flows.c.tenant_id == draft.tenant_id, flows.c.id != draft.flow_id, flows.c.deleted_at.is_(None)
    )
    rows = await conn.execute(query.order_by(flows.c.name).limit(MAX_FLOWS))
    return [(str(row.id), row.name) for row in rows]


async def _interface(conn: AsyncConnection, draft: Draft, ref: str) -> Interface | None:
    try:
        flow_id = UUID(ref)
    except ValueError:
        return None
    query = select(flows.c.draft).where(flows.c.tenant_id == draft.tenant_id, flows.c.id == flow_id, flows.c.deleted_at.is_(None))
    document: Document | None = await conn.scalar(query)
    if document is None:
        return None
    given, variables = document.get("interface", {}), document.get("variables", {})
    inputs = [{**one, "about": variables.get(one["name"], {}).get("description", "")} for one in given.get("inputs", ())]
    return Interface(inputs, [one["name"] for one in given.get("outputs", ())])


def with_references(fields: Sequence[Field], schema: Mapping[str, Any], found: References) -> list[Field]:
    """The fields, those that name something as lists to choose from, and the inputs of a chosen flow in rows of their own."""
    properties = schema.get("properties", {})
    shown = []
    for one in fields:
        refers = properties[one.name].get("x-refers", "")
        if refers in found.titles:
            shown.append(replace(one, widget="reference", options=_options(found.titles[refers], one.value)))
        elif found.interface is not None and one.name == "inputs":
            shown.append(replace(one, widget="flow_inputs", options=_inputs(found.interface, one.value or {})))
        else:
            shown.append(one)
    return shown


def _options(titles: Sequence[tuple[str, str]], value: Any) -> list[tuple[Any, str]]:
    gone = [(value, "Something that is gone")] if value and value not in dict(titles) else []
    return [("", "Choose…"), *titles, *gone]


def _inputs(interface: Interface, values: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """(the input, what is handed over for it), those that the flow no longer takes at the end."""
    declared = [one["name"] for one in interface.inputs]
    known: list[tuple[Any, str]] = [(one, values.get(one["name"], "")) for one in interface.inputs]
    return known + [({"name": name, "gone": True}, value) for name, value in values.items() if name not in declared]


def without_empty_inputs(schema: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without inputs for which nothing is handed over: the called flow starts them as it says itself."""
    if not referring(schema, "flow") or not isinstance(settings.get("inputs"), dict):
        return dict(settings)
    return {**settings, "inputs": {name: value for name, value in settings["inputs"].items() if value != ""}}

"""A flow in one file: with its intents, its translations and the flows that it runs, and nothing secret.

What belongs to a workspace (connections, agents, knowledge bases) stands in it by name. Importing makes new flows, leads the steps that
run one of them to the new one, and says what is left to link.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Problem as FlowProblem
from flow_runtime.expressions import is_template
from flow_runtime.settings import walk
from flow_runtime.upgrades import upgraded, upgraded_nodes
from server.flows.complete import completed
from server.flows.create import store_flow
from server.flows.document import Document
from server.flows.draft import Draft
from server.flows.examples import Intent, clean_examples, clean_name, list_intents, replace_intents
from server.flows.intents.examples import MAX_EXAMPLES, MAX_INTENTS
from server.flows.library import library
from server.flows.problems import problems_of_import
from server.flows.subflows import calls_of
from server.flows.tables import flows
from server.kit.errors import Problem

MOST_FLOWS = 50
_SECRET_NAME = re.compile(
    r"authori[sz]ation|cookie|secret|passw|credential|(?:^|[-_ ])(?:key|token)$|(?:api|access|auth|private)(?:key|token)$", re.IGNORECASE
)
_NOT_IN_A_REF = re.compile(r"[^A-Za-z0-9_-]+")
_PASSWORD_IN_ADDRESS = re.compile(r"(?<=://)[^/\s:@{}]+:[^/\s@{}]+@")
_KINDS = ("connection", "agent", "knowledge")


class IntentBundle(msgspec.Struct, forbid_unknown_fields=True):
    """An intent in an exported flow."""

    description: str = ""
    examples: list[str] = []


@dataclass(frozen=True, slots=True)
class Link:
    """Something that a step of an imported flow names and a person must connect: a connection, agent, knowledge base, flow or secret."""

    kind: str
    name: str
    flow_id: UUID
    node_id: str
    field: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The flow that an import made, the flows that came with it, and what must be linked."""

    draft: Draft
    others: tuple[Draft, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """One flow of a bundle."""

    document: Document
    intents: list[Intent]


async def bundle_of(conn: AsyncConnection, draft: Draft) -> dict[str, Any]:
    """The draft with its intents and the flows that it runs, as one document to keep in a file."""
    names = {draft.flow_id: _ref(draft.document["name"], ())}
    parts: dict[UUID, dict[str, Any]] = {}
    waiting = [draft]
    refs: dict[str, UUID] = {}
    for each in waiting:
        parts[each.flow_id] = await _with_intents(conn, each)
        for _, _, ref in calls_of(each.document):
            found = await _find(conn, draft.tenant_id, ref) if ref not in refs else None
            if found is None or len(names) > MOST_FLOWS:
                continue
            refs[ref] = found.flow_id
            if found.flow_id not in names:
                names[found.flow_id] = _ref(found.document["name"], names.values())
                waiting.append(found)
    called = {ref: names[flow_id] for ref, flow_id in refs.items()}
    whole = {flow_id: _without_secrets(_linked(part, called)) for flow_id, part in parts.items()}
    others = {names[flow_id]: part for flow_id, part in whole.items() if flow_id != draft.flow_id}
    return {**whole[draft.flow_id], "flows": others} if others else whole[draft.flow_id]


async def _with_intents(conn: AsyncConnection, draft: Draft) -> dict[str, Any]:
    intents = await list_intents(conn, draft.tenant_id, draft.flow_id)
    carried = {intent.name: {"description": intent.description, "examples": list(intent.examples)} for intent in intents}
    return {**draft.document, "intents": carried} if carried else dict(draft.document)


async def _find(conn: AsyncConnection, tenant_id: UUID, ref: str) -> Draft | None:
    """The draft of the flow with this id, or else with this name."""
    try:
        named = flows.c.id == UUID(ref)
    except ValueError:
        named = flows.c.name == ref
    query = select(flows.c.id, flows.c.draft, flows.c.draft_rev).where(flows.c.tenant_id == tenant_id, named, flows.c.deleted_at.is_(None))
    row = (await conn.execute(query.order_by(flows.c.updated_at.desc()).limit(1))).one_or_none()
    return None if row is None else Draft(tenant_id, row.id, upgraded_nodes(upgraded(row.draft), library()), row.draft_rev, None)


def _ref(name: str, taken: Collection[str]) -> str:
    """What the steps of a bundle call a flow of that name."""
    plain = _NOT_IN_A_REF.sub("-", name).strip("-")[:48] or "flow"
    return next(ref for ref in (plain, *(f"{plain}-{number}" for number in range(2, MOST_FLOWS + 3))) if ref not in taken)


def _linked(document: Mapping[str, Any], called: Mapping[str, str]) -> dict[str, Any]:
    """The document with other names for the flows that its steps run."""
    places = [(node_id, path, called[ref]) for node_id, path, ref in calls_of(dict(document)) if ref in called]
    return _changed(document, places)


def _changed(document: Mapping[str, Any], places: list[tuple[str, str, Any]]) -> dict[str, Any]:
    """The document with other values in the settings of its nodes: (node, dotted path, value)."""
    nodes = dict(document["nodes"])
    for node_id, path, value in places:
        nodes[node_id] = {**nodes[node_id], "settings": _put(nodes[node_id]["settings"], path.split("."), value)}
    return {**document, "nodes": nodes}


def _put(part: Any, steps: list[str], value: Any) -> Any:
    if not steps:
        return value
    first, rest = steps[0], steps[1:]
    if isinstance(part, list):
        return [_put(item, rest, value) if str(index) == first else item for index, item in enumerate(part)]
    name = first if first in part else ".".join(steps)
    return {**part, name: _put(part.get(name), rest if name == first else [], value)}


def _without_secrets(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what looks like a key or a password that somebody wrote into a step."""
    return _changed(document, [(node_id, path, kept) for node_id, path, kept in _secrets(document)])


def _secrets(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(node, field, what may stay of it) of every secret that is written out."""
    for node_id, path, part, value in _values(document):
        if part.get("x-widget") == "key_value" and isinstance(value, dict):
            for name, item in value.items():
                if isinstance(item, str) and item and _SECRET_NAME.search(name) and not is_template(item):
                    yield node_id, f"{path}.{name}", ""
        elif isinstance(value, str) and _PASSWORD_IN_ADDRESS.search(value):
            yield node_id, path, _PASSWORD_IN_ADDRESS.sub("", value)


def _values(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], Any]]:
    for node_id, node in document["nodes"].items():
        kind = library().get(node["type"])
        for path, part, value in walk(kind.schema, node["settings"]) if kind is not None else ():
            yield node_id, path, part, value


def read_bundle(bundle: Any) -> tuple[Document, list[Intent]]:
    """The document and the intents of the flow that a bundle is about; Problem 422 when there is something wrong with them."""
    part = _read_part(bundle)
    return part.document, part.intents


def _read_part(bundle: Any, within: str = "") -> _Part:
    if not isinstance(bundle, dict):
        raise refused_bundle([FlowProblem("unreadable_document", "error", None, None, "This is not a flow.", "Import an exported flow.")])
    intents = _read_intents(bundle.get("intents", {}))
    document = {name: part for name, part in bundle.items() if name not in ("intents", *(() if within else ("flows",)))}
    problems = problems_of_import(document, {intent.name: len(intent.examples) for intent in intents})
    if problems:
        raise refused_bundle([replace(problem, message=f"{within}: {problem.message}") for problem in problems] if within else problems)
    return _Part(document, intents)


def refused_bundle(problems: list[FlowProblem]) -> Problem:
    """422 with the problems of a bundle."""
    sentence = f"This flow cannot be imported: {problems[0].message}"
    return Problem(422, "flow_refused", sentence, extra={"problems": [problem.to_json() for problem in problems]})


def _read_intents(given: Any) -> list[Intent]:
    try:
        bundles = msgspec.convert(given, dict[str, IntentBundle])
    except msgspec.ValidationError as error:
        raise _bad_part("intents", f"The intents cannot be read: {error}", "Mend the intents and import again.") from None
    intents = [Intent(clean_name(name), bundle.description[:500], clean_examples(bundle.examples)) for name, bundle in bundles.items()]
    examples = sum(len(intent.examples) for intent in intents)
    if len(intents) > MAX_INTENTS or examples > MAX_EXAMPLES:
        sentence = f"At most {MAX_INTENTS} intents and {MAX_EXAMPLES} examples are allowed."
        raise _bad_part("intents", sentence, "Mend the intents and import again.")
    return intents


def _bad_part(part: str, sentence: str, fix: str) -> Problem:
    return refused_bundle([FlowProblem(f"invalid_{part}", "error", None, part, sentence, fix)])


def _read_others(bundle: Mapping[str, Any]) -> dict[str, _Part]:
    others = bundle.get("flows", {})
    if not isinstance(others, dict) or len(others) > MOST_FLOWS:
        sentence = f"The flows that came with it are at most {MOST_FLOWS}, by their names."
        raise _bad_part("flows", sentence, "Export the flow again.")
    return {str(name): _read_part(part, f'The flow "{str(name)[:80]}"') for name, part in others.items()}


async def import_bundle(conn: AsyncConnection, tenant_id: UUID, bundle: Any) -> Imported:
    """New flows from an exported one; Problem 422 lists everything that is wrong, and nothing is stored."""
    main = _read_part(bundle)
    others = _read_others(bundle)
    drafts = {name: await _stored(conn, tenant_id, part) for name, part in others.items()}
    first = await _stored(conn, tenant_id, main)
    called = {_ref(main.document["name"], ()): str(first.flow_id), **{name: str(draft.flow_id) for name, draft in drafts.items()}}
    linked = [await _led(conn, draft, called) for draft in (first, *drafts.values())]
    links = [link for draft in linked for link in _links(draft, set(called.values()))]
    return Imported(linked[0], tuple(linked[1:]), tuple(links))


async def _stored(conn: AsyncConnection, tenant_id: UUID, part: _Part) -> Draft:
    draft = await store_flow(conn, tenant_id, completed(part.document))
    await replace_intents(conn, tenant_id, draft.flow_id, part.intents)
    return draft


async def _led(conn: AsyncConnection, draft: Draft, called: Mapping[str, str]) -> Draft:
    """The draft, its steps led to the flows that came with it."""
    document = _linked(draft.document, called)
    if document == draft.document:
        return draft
    await conn.execute(flows.update().where(flows.c.tenant_id == draft.tenant_id, flows.c.id == draft.flow_id).values(draft=document))
    return replace(draft, document=document)


def _links(draft: Draft, made: set[str]) -> Iterator[Link]:
    """What the steps name that did not come with the flow."""
    for node_id, path, part, value in _values(draft.document):
        kind = part.get("x-refers")
        if kind in _KINDS:
            for field, name in _named(path, value):
                yield Link(kind, name, draft.flow_id, node_id, field)
        elif part.get("x-widget") == "key_value" and isinstance(value, dict):
            for name, item in value.items():
                if item == "" and _SECRET_NAME.search(name):
                    yield Link("secret", name, draft.flow_id, node_id, f"{path}.{name}")
    for node_id, path, ref in calls_of(draft.document):
        if ref not in made:
            yield Link("flow", ref, draft.flow_id, node_id, path)


def _named(path: str, value: Any) -> list[tuple[str, str]]:
    items = [(f"{path}.{index}", item) for index, item in enumerate(value)] if isinstance(value, list) else [(path, value)]
    return [(field, name) for field, name in items if isinstance(name, str) and name]


async def import_flow(conn: AsyncConnection, tenant_id: UUID, bundle: Any) -> Draft:
    """The flow that an import makes, for those who bring a bundle of their own."""
    return (await import_bundle(conn, tenant_id, bundle)).draft

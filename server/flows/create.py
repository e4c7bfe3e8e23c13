"""Making a flow, empty or from a bundle; and a bundle out of one."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Problem as FlowProblem
from server.flows.complete import completed
from server.flows.document import Document, new_document
from server.flows.draft import Draft
from server.flows.examples import Intent, clean_examples, clean_name, list_intents, replace_intents
from server.flows.intents import train
from server.flows.problems import problems_of_import
from server.flows.tables import flows
from server.kit.errors import Problem
from server.kit.ids import uuid7

MAX_NAME = 200
MAX_DESCRIPTION = 2_000


class IntentBundle(msgspec.Struct, forbid_unknown_fields=True):
    """An intent in an exported flow."""

    description: str = ""
    examples: list[str] = []


async def create_flow(conn: AsyncConnection, tenant_id: UUID, name: str, description: str = "") -> Draft:
    """A new flow without steps; Problem 422 for a name that is empty or too long."""
    return await _store(conn, tenant_id, new_document(checked_name(name), checked_description(description)))


def checked_name(name: str) -> str:
    """The name without spaces around it."""
    cleaned = " ".join(name.replace("\x00", "").split())
    if not cleaned or len(cleaned) > MAX_NAME:
        sentence = "Give the flow a name." if not cleaned else f"A name has at most {MAX_NAME} characters."
        raise Problem(422, "bad_name", sentence, fields={"name": sentence})
    return cleaned


def checked_description(description: str) -> str:
    """The description without spaces around it."""
    cleaned = description.replace("\x00", "").strip()
    if len(cleaned) > MAX_DESCRIPTION:
        sentence = f"A description has at most {MAX_DESCRIPTION} characters."
        raise Problem(422, "bad_description", sentence, fields={"description": sentence})
    return cleaned


async def _store(conn: AsyncConnection, tenant_id: UUID, document: Document) -> Draft:
    flow_id = uuid7()
    await conn.execute(
        insert(flows).values(
            tenant_id=tenant_id,
            id=flow_id,
            name=document["name"],
            description=document["description"],
            draft=document,
            draft_rev=1,
        )
    )
    return Draft(tenant_id, flow_id, document, 1, None)


async def import_flow(conn: AsyncConnection, tenant_id: UUID, bundle: Any) -> Draft:
    """A new flow from an exported one; Problem 422 lists everything that is wrong, and nothing is stored."""
    document, intents = read_bundle(bundle)
    draft = await _store(conn, tenant_id, completed(document))
    await replace_intents(conn, tenant_id, draft.flow_id, intents)
    return draft


def read_bundle(bundle: Any) -> tuple[Document, list[Intent]]:
    """The document and the intents in a bundle; Problem 422 when there is something wrong with them."""
    if not isinstance(bundle, dict):
        raise refused_bundle([FlowProblem("unreadable_document", "error", None, None, "This is not a flow.", "Import an exported flow.")])
    intents = _read_intents(bundle.get("intents", {}))
    document = {name: part for name, part in bundle.items() if name != "intents"}
    problems = problems_of_import(document, {intent.name: len(intent.examples) for intent in intents})
    if problems:
        raise refused_bundle(problems)
    return document, intents


def refused_bundle(problems: list[FlowProblem]) -> Problem:
    """422 with the problems of a bundle."""
    sentence = f"This flow cannot be imported: {problems[0].message}"
    return Problem(422, "flow_refused", sentence, extra={"problems": [problem.to_json() for problem in problems]})


def _read_intents(given: Any) -> list[Intent]:
    try:
        bundles = msgspec.convert(given, dict[str, IntentBundle])
    except msgspec.ValidationError as error:
        raise _bad_intents(f"The intents cannot be read: {error}") from None
    intents = [Intent(clean_name(name), bundle.description[:500], clean_examples(bundle.examples)) for name, bundle in bundles.items()]
    examples = sum(len(intent.examples) for intent in intents)
    if len(intents) > train.MAX_INTENTS or examples > train.MAX_EXAMPLES:
        raise _bad_intents(f"At most {train.MAX_INTENTS} intents and {train.MAX_EXAMPLES} examples are allowed.")
    return intents


def _bad_intents(sentence: str) -> Problem:
    return refused_bundle([FlowProblem("invalid_intents", "error", None, "intents", sentence, "Mend the intents and import again.")])


async def bundle_of(conn: AsyncConnection, draft: Draft) -> dict[str, Any]:
    """The draft with its intents, as one document to keep in a file."""
    intents = await list_intents(conn, draft.tenant_id, draft.flow_id)
    carried = {intent.name: {"description": intent.description, "examples": list(intent.examples)} for intent in intents}
    return {**draft.document, "intents": carried} if carried else dict(draft.document)

"""What a text with {{ }} may hold, for the list that opens while somebody types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from flow_runtime.checks.types import types_of
from flow_runtime.signatures import FILTER_SIGNATURES, FUNCTION_SIGNATURES
from server.flows import draft as drafts
from server.flows.document import Document
from server.flows.library import KINDS
from server.flows.variables import uses
from server.kit.db import Database
from server.security.identity import Identity

BUILT_IN: Mapping[str, str] = {
    "message.text": "What the customer wrote last.",
    "message.language": "The language of that message.",
    "message.value": "The value of the choice or button that was pressed.",
    "message.attachments": "The files that came with the message.",
    "message.location": "The place that the customer sent.",
    "contact.name": "The customer's name, when it is known.",
    "contact.language": "The customer's language, such as de-AT.",
    "contact.time_zone": "The customer's time zone.",
    "contact.attributes": "What else is known of the customer.",
    "conversation.id": "The number of this conversation.",
    "conversation.channel": "Where the conversation takes place, such as web.",
    "conversation.callback_url": "The address at which another system reports an event.",
    "error.kind": "What went wrong, as one word.",
    "error.message": "What went wrong, in a sentence.",
    "now": "This moment.",
}
"""Names that every flow has, with a sentence."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing to insert. `takes` names the types a filter fits to; `arguments` is what stands in its brackets."""

    name: str
    type: str
    help: str
    arguments: str = ""
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offers:
    """Everything that can be inserted."""

    variables: list[Offer]
    functions: list[Offer]
    filters: list[Offer]


@get("/flows/{flow_id:uuid}/completions", opt={"permission": "flows:read"}, include_in_schema=False)
async def completions(flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> Offers:
    """Variables, functions and filters with their types and a sentence each."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
    return offers_of(draft.document)


def offers_of(document: Document) -> Offers:
    """What the texts of this flow may hold: its own variables first."""
    types: Mapping[str, str] = dict(types_of(document))
    declared: Mapping[str, Any] = document.get("variables", {})
    own = [Offer(name, types.get(name, ""), declared.get(name, {}).get("description", "")) for name in uses(document, KINDS)]
    built_in = [Offer(name, types.get(name, ""), words) for name, words in BUILT_IN.items()]
    return Offers(
        [*own, *built_in],
        [Offer(one.name, one.gives, one.help, one.arguments) for one in FUNCTION_SIGNATURES.values()],
        [Offer(one.name, one.gives, one.help, one.arguments, tuple(sorted(one.takes - {"nothing"}))) for one in FILTER_SIGNATURES.values()],
    )


handlers = [completions]

"""What is wrong with a draft: the runtime's checks with what the server knows beside the document."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Problem, Surroundings, problems_of
from server.flows.document import Document
from server.flows.draft import Draft
from server.flows.due import problems_of_schedules
from server.flows.examples import count_examples, list_intents, pairs_of
from server.flows.intents import train
from server.flows.library import library, uses_intents
from server.flows.tables import intent_models
from server.llm.tables import model_providers
from server.plugins.queries import library_of

SHAPE = frozenset(("unreadable_document", "newer_schema", "too_many_nodes", "invalid_document"))
"""Problems of something that is no flow document: it cannot even be kept as a draft."""

UNFINISHED = frozenset(("missing_setting", "unconnected_port", "unknown_intent"))
"""Errors of a flow that somebody has not finished: it cannot be published, but exported and imported."""


async def problems_of_draft(conn: AsyncConnection, draft: Draft, *, with_training: bool = False) -> list[Problem]:
    """Everything to mend before publishing; `with_training` also reads every example, to see whether the intents can be learned."""
    problems = problems_of(draft.document, await library_of(conn, draft.tenant_id), await surroundings_of(conn, draft))
    problems += problems_of_schedules(draft.document)
    if with_training and uses_intents(draft.document):
        pairs = pairs_of(await list_intents(conn, draft.tenant_id, draft.flow_id))
        problems += [_untrainable(sentence) for sentence in train.problems_of(pairs)]
    return problems


async def surroundings_of(conn: AsyncConnection, draft: Draft) -> Surroundings:
    """What the server knows beside the document."""
    uses = uses_intents(draft.document)
    intents = await count_examples(conn, draft.tenant_id, draft.flow_id) if uses else {}
    similar = await similar_intents(conn, draft.tenant_id, draft.flow_id) if uses else ()
    has_model = await conn.scalar(select(exists().where(model_providers.c.tenant_id == draft.tenant_id)))
    return Surroundings(intents, bool(has_model), similar)


async def similar_intents(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> tuple[tuple[str, str], ...]:
    """Pairs of intents that the flow's newest classifier could not tell apart, the worst first."""
    model = intent_models.c
    newest = (
        select(model.report["similar"])
        .where(model.tenant_id == tenant_id, model.flow_id == flow_id, model.status == "trained")
        .order_by(model.trained_at.desc())
        .limit(1)
    )
    return tuple((pair["first"], pair["second"]) for pair in await conn.scalar(newest) or ())


def _untrainable(sentence: str) -> Problem:
    return Problem("untrainable_intents", "error", None, "intents", sentence, "Open Intents and change the examples.")


def problems_of_import(document: Document, intents: Mapping[str, int]) -> list[Problem]:
    """Why a document from outside is refused; unfinished work is not a reason."""
    found = problems_of(document, library(), Surroundings(intents))
    return [problem for problem in found if problem.severity == "error" and problem.code not in UNFINISHED]


def shape_problems(document: object) -> list[Problem]:
    """Why something is no flow document at all."""
    return [problem for problem in problems_of(document, library()) if problem.code in SHAPE]


def errors_of(problems: Sequence[Problem]) -> list[Problem]:
    """Those that forbid publishing."""
    return [problem for problem in problems if problem.severity == "error"]

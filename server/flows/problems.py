"""What is wrong with a draft: the runtime's checks with what the server knows beside the document."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Checker, FlowInterface, Library, Problem, Surroundings, interface_of, problems_of
from server.channels.about import about_of
from server.channels.queries import kinds_of_flow
from server.flows.document import Document
from server.flows.draft import Draft
from server.flows.due import problems_of_schedules
from server.flows.examples import count_examples, list_intents, pairs_of
from server.flows.intents.examples import problems_of as problems_of_examples
from server.flows.library import library, uses_intents
from server.flows.subflows import Frozen, calls_of, freeze
from server.flows.tables import intent_models
from server.kit import clock
from server.llm.queries import dearest_call
from server.llm.tables import model_providers
from server.plugins.queries import library_of

SHAPE = frozenset(("unreadable_document", "newer_schema", "too_many_nodes", "invalid_document"))
"""Problems of something that is no flow document: it cannot even be kept as a draft."""

PRICES_OF = timedelta(days=30)

UNFINISHED = frozenset(("missing_setting", "unconnected_port", "unknown_intent"))
"""Errors of a flow that somebody has not finished: it cannot be published, but exported and imported."""


async def problems_of_draft(conn: AsyncConnection, draft: Draft, *, with_training: bool = False) -> list[Problem]:
    """Everything to mend before publishing; `with_training` also reads every example, to see whether the intents can be learned."""
    frozen = await _called_flows(conn, draft)
    problems = _checker(draft, await library_of(conn, draft.tenant_id)).problems(draft.document, await surroundings_of(conn, draft, frozen))
    problems = [problem for problem in problems if problem.code != "unknown_subflow"] + frozen.problems
    if all(problem.code != "bad_schedule" for problem in problems):
        problems += problems_of_schedules(draft.document)
    if with_training and uses_intents(draft.document):
        pairs = pairs_of(await list_intents(conn, draft.tenant_id, draft.flow_id))
        problems += [_untrainable(sentence) for sentence in problems_of_examples(pairs)]
    return problems


_CHECKERS_KEPT = 64
_checkers: OrderedDict[tuple[UUID, UUID], Checker] = OrderedDict()


def _checker(draft: Draft, nodes: Library) -> Checker:
    """The checker that looked at this draft last, if this process still has it: it knows what has not changed since."""
    key = (draft.tenant_id, draft.flow_id)
    checker = _checkers.pop(key) if key in _checkers else Checker(nodes)
    checker.library = nodes
    _checkers[key] = checker
    if len(_checkers) > _CHECKERS_KEPT:
        _checkers.popitem(last=False)
    return checker


async def _called_flows(conn: AsyncConnection, draft: Draft) -> Frozen:
    """The flows that the draft runs, as they are live now."""
    if not _has_steps(draft.document) or not any(True for _ in calls_of(draft.document)):
        return Frozen()
    return await freeze(conn, draft.tenant_id, draft.flow_id, draft.document)


def _has_steps(document: Document) -> bool:
    return isinstance(document.get("nodes"), dict)


async def surroundings_of(conn: AsyncConnection, draft: Draft, frozen: Frozen | None = None) -> Surroundings:
    """What the server knows beside the document."""
    uses = uses_intents(draft.document)
    intents = await count_examples(conn, draft.tenant_id, draft.flow_id) if uses else {}
    similar = await similar_intents(conn, draft.tenant_id, draft.flow_id) if uses else ()
    has_model = await conn.scalar(select(exists().where(model_providers.c.tenant_id == draft.tenant_id)))
    kinds = await kinds_of_flow(conn, draft.tenant_id, draft.flow_id)
    subflows = {} if frozen is None else {ref: _interface(document) for ref, document in frozen.documents.items()}
    own = next((ref for ref, flow_id in frozen.flows.items() if flow_id == draft.flow_id), None) if frozen is not None else None
    channels = [about.channel_limits for kind in kinds if (about := about_of(kind)) is not None]
    budget = budget_of(draft.document)
    prices = {} if budget is None else await _prices(conn, draft.tenant_id)
    return Surroundings(intents, bool(has_model), similar, channels, subflows=subflows, prices=prices, budget=budget, ref=own)


def budget_of(document: Document) -> float | None:
    """What a turn of the flow may cost at most, in US dollars."""
    settings = document.get("settings")
    budget = settings.get("turn_budget_usd") if isinstance(settings, dict) else None
    return budget if isinstance(budget, int | float) and not isinstance(budget, bool) else None


async def _prices(conn: AsyncConnection, tenant_id: UUID) -> dict[str, float]:
    """What one run of each step that asks a model may cost, by the dearest call of the last days, in US dollars."""
    dearest = await dearest_call(conn, tenant_id, clock.now() - PRICES_OF)
    return {node.type: dearest for node in library().values() if node.category == "ai"} if dearest else {}


def _interface(document: Document) -> FlowInterface:
    return interface_of(document, library())


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

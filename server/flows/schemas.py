"""What the flow API takes and gives."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

import msgspec

from flow_runtime import Problem
from server.flows.gallery import Template
from server.flows.queries import FlowRow, VersionRow


class NewFlow(msgspec.Struct, forbid_unknown_fields=True):
    """A flow to be made."""

    name: str
    description: str = ""


class NewFromTemplate(msgspec.Struct, forbid_unknown_fields=True):
    """A flow to be made from a template; left empty, the name is the template's."""

    name: str = ""


class TemplateLine(msgspec.Struct):
    """One line of a conversation: `who` is bot or user."""

    who: str
    text: str


class TemplateOut(msgspec.Struct):
    """A template of the gallery: what it does, what one needs for it, a few lines of such a conversation."""

    key: str
    title: str
    summary: str
    category: str
    steps: int
    languages: list[str]
    does: list[str]
    needs: list[str]
    preview: list[TemplateLine]

    @classmethod
    def of(cls, template: Template) -> Self:
        """The template as it is shown."""
        return cls(
            template.key,
            template.title,
            template.summary,
            template.category,
            template.size,
            list(template.languages),
            list(template.does),
            list(template.needs),
            [TemplateLine(who, text) for who, text in template.preview],
        )


class TemplatePage(msgspec.Struct):
    """All templates."""

    data: list[TemplateOut]


class FlowChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What to change of a flow."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET


class NewVersion(msgspec.Struct, forbid_unknown_fields=True):
    """The draft, to be published."""

    note: str = ""


class FlowOut(msgspec.Struct):
    """A flow."""

    id: UUID
    name: str
    description: str
    revision: int
    steps: int
    published_version: int | None
    published_at: datetime | None
    waiting_version: int | None
    has_unpublished_changes: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: FlowRow) -> "FlowOut":
        """The flow of a row."""
        return cls(
            row.id,
            row.name,
            row.description,
            row.rev,
            row.steps,
            row.published_version,
            row.published_at,
            row.waiting_version,
            row.has_changes,
            row.created_at,
            row.updated_at,
        )


class LinkOut(msgspec.Struct):
    """Something that a step of an imported flow names and a person must link: a connection, agent, knowledge, flow or secret."""

    kind: str
    name: str
    flow_id: UUID
    node_id: str
    field: str


class ImportedOut(FlowOut, kw_only=True):
    """The flow that an import made, the flows that came with it, and what is left to link."""

    others: list[FlowOut]
    to_link: list[LinkOut]


class FlowPage(msgspec.Struct):
    """Some flows, and where the next ones start."""

    data: list[FlowOut]
    next: str | None


class ProblemOut(msgspec.Struct):
    """Something to mend in a flow."""

    code: str
    severity: str
    node_id: str | None
    field: str | None
    message: str
    fix: str

    @classmethod
    def of(cls, problem: Problem) -> "ProblemOut":
        """The problem that a check found."""
        return cls(problem.code, problem.severity, problem.node_id, problem.field, problem.message, problem.fix)


class ProblemPage(msgspec.Struct):
    """Everything to mend in a flow."""

    data: list[ProblemOut]
    publishable: bool


class VersionOut(msgspec.Struct):
    """A published version."""

    version: int
    note: str
    published_by: UUID | None
    published_at: datetime
    steps: int
    live: bool
    model: str | None

    @classmethod
    def of(cls, row: VersionRow, published_version: int | None) -> "VersionOut":
        """The version of a row."""
        return cls(row.version, row.note, row.published_by, row.published_at, row.steps, row.version == published_version, row.model_status)


class VersionPage(msgspec.Struct):
    """Published versions, the newest first."""

    data: list[VersionOut]


class PublishedOut(msgspec.Struct):
    """What publishing led to: `live` is false while the intents are being learned."""

    version: int
    live: bool
    channel_id: UUID


class DraftOut(msgspec.Struct):
    """The draft and its revision."""

    revision: int
    document: dict[str, Any]

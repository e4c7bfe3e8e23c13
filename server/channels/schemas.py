"""What the JSON routes of this room take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import Row

from server.channels.about import About, Field
from server.channels.contract import PREVIOUS, Finding, Secrets

Name = Annotated[str, msgspec.Meta(max_length=80)]
Fields = dict[str, str]


class NewChannel(msgspec.Struct, forbid_unknown_fields=True):
    """A channel to add: its kind, the flow that answers, and what the kind's `settings` and `secrets` ask for."""

    kind: str
    name: Name
    flow_id: UUID | None = None
    settings: Fields = {}
    secrets: Fields = {}
    allowed_origins: list[str] = []


class ChannelChange(msgspec.Struct, forbid_unknown_fields=True):
    """What to change; what is left out stays. A secret that is given takes the place of the old one, which counts until it is forgotten."""

    name: Name | None = None
    flow_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    settings: Fields | None = None
    secrets: Fields = {}
    forget_previous: bool = False
    allowed_origins: list[str] | None = None
    enabled: bool | None = None


SecretState = Literal["missing", "set", "rotating"]


class ChannelView(msgspec.Struct):
    """A channel. Of its secrets only whether they are there; `hook_url` is the address for the provider."""

    id: UUID
    kind: str
    name: str
    flow_id: UUID | None
    enabled: bool
    settings: dict[str, Any]
    secrets: dict[str, SecretState]
    allowed_origins: list[str]
    hook_url: str
    created_at: datetime

    @classmethod
    def of(cls, row: Row[Any], about: About | None, secrets: Secrets, public_url: str) -> "ChannelView":
        """The view of a row with its opened secrets."""
        fields = () if about is None else about.secrets
        states = {field.name: _state(field, secrets) for field in fields}
        hook_url = hook_url_of(public_url, row.kind, row.id)
        return cls(
            row.id, row.kind, row.name, row.flow_id, row.enabled, row.settings, states, row.allowed_origins, hook_url, row.created_at
        )


class ChannelList(msgspec.Struct):
    """All channels of the workspace."""

    data: list[ChannelView]
    next: str | None = None


class KindList(msgspec.Struct):
    """Every kind of channel, with what it asks for."""

    data: list[About]
    next: str | None = None


class SaidIn(msgspec.Struct, forbid_unknown_fields=True):
    """A message of the bot as it stands in the transcript, to be shown as a kind of channel would send it."""

    kind: str
    text: Annotated[str, msgspec.Meta(max_length=50_000)] = ""
    choices: Annotated[list[Fields], msgspec.Meta(max_length=200)] = []
    cards: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=50)] = []
    media: Annotated[list[Fields], msgspec.Meta(max_length=50)] = []
    asks: str | None = None
    template: dict[str, Any] | None = None


class Preview(msgspec.Struct):
    """What the provider would be sent, in order: several parts when one message cannot hold it."""

    parts: list[dict[str, Any]]


class CheckResult(msgspec.Struct):
    """What the live check found; `ok` when nothing is wrong."""

    ok: bool
    findings: list[Finding]


def hook_url_of(public_url: str, kind: str, channel_id: UUID) -> str:
    """The address that the provider of a channel is given."""
    return f"{public_url}/hooks/{kind}/{channel_id}"


def _state(field: Field, secrets: Secrets) -> SecretState:
    return "rotating" if secrets.get(field.name + PREVIOUS) else "set" if secrets.get(field.name) else "missing"

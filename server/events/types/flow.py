"""Flows."""

from typing import Annotated

from msgspec import Meta, Struct

from server.events.declare import event


@event("flow.published", example={"version": 4})
class FlowPublished1(Struct, forbid_unknown_fields=True):
    """A version of a flow went live."""

    version: Annotated[int, Meta(ge=1)]


@event("flow.published", version=2, example={})
class FlowPublished(Struct, forbid_unknown_fields=True):
    """A version of a flow went live: `flow_id` and `flow_version` say which."""

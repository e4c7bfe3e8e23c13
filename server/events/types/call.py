"""Calls to other systems."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from server.events.declare import event


@event("call.finished", example={"kind": "integration.call", "ok": False, "ms": 1200, "error": "timeout"})
class CallFinished(Struct, forbid_unknown_fields=True):
    """A flow's call to another system, a model or a plugin was answered, or given up; `error` is the kind of failure."""

    kind: str
    ok: bool
    ms: Annotated[int, Meta(ge=0)]
    error: str | UnsetType = UNSET

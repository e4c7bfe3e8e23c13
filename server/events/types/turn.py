"""What a turn did: the state it changed and what it understood."""

from typing import Annotated

from msgspec import Meta, Struct

from server.events.declare import event


@event("turn.taken", example={"turn": 1, "ms": 1.25, "path": [["ask", None]], "nodes": 1})
class TurnTaken(Struct, forbid_unknown_fields=True):
    """A turn changed the state of a conversation: `path` are the nodes it went through and the ports it left by, `ms` its own time."""

    turn: Annotated[int, Meta(ge=1)]
    ms: Annotated[float, Meta(ge=0)]
    path: list[tuple[str, str | None]]
    nodes: Annotated[int, Meta(ge=0)]

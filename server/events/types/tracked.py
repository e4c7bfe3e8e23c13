"""What a flow counts by itself."""

from typing import Any

from msgspec import Struct

from server.events.declare import event


@event("tracked", example={"name": "order placed", "props": {"items": 3}})
class Tracked(Struct, forbid_unknown_fields=True):
    """A step of a flow noted something under a name of the flow's own."""

    name: str
    props: dict[str, Any]

"""What people do to a flow, as the browser sends it: on the canvas, and to the flow as a whole."""

import msgspec

from server.flows.error_policy import SetErrorPolicy
from server.flows.flow_settings import SetInterface, SetSettings
from server.flows.languages import SetLanguages, SetTranslation
from server.flows.triggers import DeleteTrigger, SetTrigger
from server.flows.variables import DeleteVariable, RenameVariable, SetVariable


class Move(msgspec.Struct, tag_field="op", tag="move", forbid_unknown_fields=True):
    """Put steps elsewhere. Moves with the same `merge` word and the same steps are one step of undo."""

    moves: list[tuple[str, float, float]]
    merge: str | None = None


class Add(msgspec.Struct, tag_field="op", tag="add", forbid_unknown_fields=True):
    """A new step; joined to the output it was pulled from, or put into the middle of the connection `split`."""

    id: str
    type: str
    x: float
    y: float
    source: str | None = None
    port: str | None = None
    edge: str | None = None
    split: str | None = None
    edge2: str | None = None


class Connect(msgspec.Struct, tag_field="op", tag="connect", forbid_unknown_fields=True):
    """Join an output to a step, in place of what it was joined to."""

    id: str
    source: str
    port: str
    target: str


class Delete(msgspec.Struct, tag_field="op", tag="delete", forbid_unknown_fields=True):
    """Take steps and connections away; a step takes its connections with it."""

    nodes: list[str] = []
    edges: list[str] = []


class Paste(msgspec.Struct, tag_field="op", tag="paste", forbid_unknown_fields=True):
    """Copies of steps, and of the connections between them, of this flow or of another one of the workspace."""

    flow: str
    nodes: list[str]
    ids: dict[str, str]
    dx: float = 0
    dy: float = 0


class Start(msgspec.Struct, tag_field="op", tag="start", forbid_unknown_fields=True):
    """The step at which a conversation starts."""

    node: str


OnCanvas = Move | Add | Connect | Delete | Paste | Start
OnFlow = (
    SetVariable
    | DeleteVariable
    | RenameVariable
    | SetTrigger
    | DeleteTrigger
    | SetLanguages
    | SetTranslation
    | SetSettings
    | SetInterface
    | SetErrorPolicy
)
Operation = OnCanvas | OnFlow

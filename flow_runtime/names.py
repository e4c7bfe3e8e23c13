"""What every name stands for while a sprint runs: the variables of the running flow and the built-in names."""

from collections.abc import Iterable, Mapping
from typing import Any

from flow_runtime.errors import NodeFailure
from flow_runtime.flow import LASTING_SCOPES, Flow
from flow_runtime.frames import Frame, LoopFrame, SubflowFrame
from flow_runtime.inputs import CallError, Choice, CustomerInput, Input, Location, Message
from flow_runtime.state import State
from flow_runtime.values import coerced

_NOTHING: Mapping[str, Any] = {}
_SILENCE: Mapping[str, Any] = {"text": ""}


class Names:
    """The variables and the scope of expressions. `flow` is the flow that runs: the root, or a sub-flow with variables of its own.

    Variables that outlive a run of a flow (of the conversation, the contact, the bot) belong to all flows that declare them.
    """

    __slots__ = ("_before", "_local", "_root", "bot", "contact", "error", "flow", "message", "person", "scope", "shared")

    def __init__(self, root: Flow, before: State, input: Input) -> None:
        self._before = before
        self._root = self.flow = root
        self.shared = self._local = dict(before.variables)
        self.contact: dict[str, Any] = {}
        self.bot: dict[str, Any] = {}
        self.message = before.message
        self.person = before.contact
        self.error: Mapping[str, str] | None = before.error
        self.scope: dict[str, Any] = {
            **self.shared,
            "message": self.message or _SILENCE,
            "contact": self.person,
            "conversation": {"id": before.conversation_id, "channel": before.channel, "callback_url": before.callback_url},
            "error": self.error,
            "now": input.at.isoformat(),
        }

    def hear(self, message: Mapping[str, Any] | None) -> None:
        """This is what the customer said last."""
        self.message = message
        self.scope["message"] = message or _SILENCE

    def speak(self, language: str) -> None:
        """The contact is spoken to in this language from now on."""
        self.person = self.scope["contact"] = {**self.person, "language": language}

    def note_error(self, error: CallError) -> Mapping[str, str]:
        """Keep an error for the flow, as `error.kind` and `error.message`."""
        noted = self.error = self.scope["error"] = {"kind": error.kind, "message": error.message}
        return noted

    def forget(self) -> None:
        """The variables are again what they were before."""
        self.shared.clear()
        self.shared.update(self._before.variables)

    def new_turn(self, frames: Iterable[Frame]) -> None:
        """Variables that live for a turn begin again."""
        self._renew(self._root, self.shared)
        for frame in frames:
            if isinstance(frame, SubflowFrame):
                self._renew(self._root.subflows[frame.ref], frame.variables)

    def _renew(self, flow: Flow, variables: Any) -> None:
        for name, default in flow.turn_variables.items():
            variables[name] = default
            if flow is self.flow:
                self.scope[name] = default

    def begin(self) -> None:
        """A new run of the flow: defaults, what the contact and the bot bring, and what outlives a run."""
        self.error = self.scope["error"] = None
        for name in [name for name in self.shared if name not in self._root.variables]:
            del self.shared[name], self.scope[name]
        for name, variable in self._root.variables.items():
            if variable.scope not in LASTING_SCOPES or name not in self.shared:
                self.shared[name] = self._known(name, variable.scope, variable.default)
        self.scope.update(self.shared)

    def _known(self, name: str, scope: str, default: Any) -> Any:
        if scope == "contact":
            return (self.person.get("attributes") or _NOTHING).get(name, default)
        return self._before.bot.get(name, default) if scope == "bot" else default

    def of_subflow(self, flow: Flow, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The variables with which a sub-flow begins. Raises NodeFailure when an input is unknown, missing or of another type."""
        unknown = next((name for name in inputs if name not in flow.inputs), None)
        if unknown is not None:
            raise NodeFailure("subflow", f'"{flow.name}" has no input "{unknown}"')
        variables: dict[str, Any] = {}
        for name, variable in flow.variables.items():
            if variable.scope not in LASTING_SCOPES:
                variables[name] = variable.default
            elif name not in self.shared:
                self.shared[name] = self._known(name, variable.scope, variable.default)
        for name, required in flow.inputs.items():
            variable = flow.variables[name]
            value = coerced(name, inputs.get(name), variable.type)
            if value is None and required:
                raise NodeFailure("subflow", f'"{flow.name}" needs "{name}"')
            if name in inputs:
                (self.shared if variable.scope in LASTING_SCOPES else variables)[name] = value
        return variables

    def stand(self, frames: Iterable[Frame]) -> None:
        """The last of these frames runs now: its flow, its variables, and the item of its loop."""
        flow, local, loop = self._root, self.shared, None
        for frame in frames:
            if isinstance(frame, LoopFrame):
                loop = frame
            else:
                loop = None
                flow = self._root.subflows[frame.ref] if isinstance(frame, SubflowFrame) else self._root
                local = frame.variables if isinstance(frame, SubflowFrame) else self.shared  # type: ignore[assignment]
        built_in = {name: self.scope[name] for name in ("message", "contact", "conversation", "error", "now")}
        lasting = {
            name: self.shared[name] for name, about in flow.variables.items() if about.scope in LASTING_SCOPES and name in self.shared
        }
        self.flow, self._local = flow, local
        self.scope.clear()
        self.scope.update(lasting, **local)
        if loop is not None:
            self.scope.update(item=loop.items[loop.position], index=loop.position)
        self.scope.update(built_in)

    def store(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set variables of the running flow; what was stored. Raises NodeFailure when a value is not of its variable's type."""
        stored: dict[str, Any] = {}
        for name, value in values.items():
            variable = self.flow.variables.get(name)
            if variable is None:
                stored[name] = self._local[name] = self.scope[name] = coerced(name, value, "text")
                continue
            kept = stored[name] = self.scope[name] = coerced(name, value, variable.type)
            (self.shared if variable.scope in LASTING_SCOPES else self._local)[name] = kept
            if variable.scope == "contact":
                self.contact[name] = kept
            elif variable.scope == "bot":
                self.bot[name] = kept
        return stored


def as_value(input: CustomerInput) -> dict[str, Any]:
    """What `message` is in an expression."""
    value = _plain_value(input)
    if input.annotations:
        value["annotations"] = dict(input.annotations)
    return value


def _plain_value(input: CustomerInput) -> dict[str, Any]:
    if isinstance(input, Message):
        return {"text": input.text, "language": input.language}
    if isinstance(input, Choice):
        return {"text": input.text or input.value, "value": input.value}
    if isinstance(input, Location):
        place = {"latitude": input.latitude, "longitude": input.longitude, "label": input.label}
        return {"text": input.text, "location": place}
    file = {"url": input.url, "media_type": input.media_type, "name": input.name, "size": input.size}
    return {"text": input.text, "attachments": [file]}

"""Flow versions ready to run, and their intent models: compiled and opened once per process."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import msgspec

from flow_runtime import Call, CallError, CallResult, Flow, load_flow
from node_library import NodeLibrary
from server.kit import clock
from server.kit.calls import CallFailed
from server.kit.errors import Problem
from server.plugins.nodes import PluginNode
from server.turns.kinds import answerer_of, what_is_missing
from server.turns.take_turn import bot_variables_of, new_seed

if TYPE_CHECKING:
    from server.flows.intents.model import IntentModel

FLOWS_KEPT = 500
MODELS_KEPT = 50
ASK_AGAIN_S = 2.0

_DOCUMENT = "select document::text as document, model_hash from flow_versions where tenant_id = $1 and flow_id = $2 and version = $3"
_HAS_MODEL = "select exists(select from model_providers where tenant_id = $1) as found"
_MODEL = "select model from intent_models where tenant_id = $1 and flow_id = $2 and model_hash = $3 and status = 'trained'"

_ASK_MODELS = frozenset(("llm_reply", "llm_extract"))

Key = tuple[UUID, UUID, int]

log = logging.getLogger(__name__)


class Connection(Protocol):
    """What is used of an asyncpg connection in a transaction of the tenant."""

    async def fetchrow(self, query: str, *args: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Version:
    """A compiled flow and the model its messages are classified with.

    `gives_address`: its texts use `conversation.callback_url`. `shares`: it has variables of the whole bot. `runs_plugins`: a step of it
    runs in a process of a plugin, so that a turn may take seconds and blocks its thread. `library` is what it was compiled with.
    `quiet` are its settings, where it has quiet hours.
    """

    flow: Flow
    model_hash: str | None
    model: "IntentModel | None"
    gives_address: bool = False
    shares: bool = False
    runs_plugins: bool = False
    library: NodeLibrary | None = None
    quiet: Mapping[str, Any] | None = None

    def answer(self, call: Call) -> CallResult:
        """The answer to a quick call."""
        try:
            value = self._classified(call.payload) if call.kind == "llm.classify" else _answered(call)
            return CallResult(call_id=call.call_id, ok=True, value=value, at=clock.now(), seed=new_seed())
        except CallFailed as failed:
            error = failed.end.error
        except Exception as failure:
            log.exception("the quick call %s failed", call.kind)
            error = CallError("internal", f"{call.kind} could not be done: {type(failure).__name__}")
        return CallResult(call_id=call.call_id, ok=False, error=error, at=clock.now(), seed=new_seed())

    def _classified(self, payload: Mapping[str, Any]) -> Any:
        if self.model is None:
            raise CallFailed("no_intents", "This flow has no trained intents yet.")
        return self.model.classify(str(payload["text"]), float(payload["minimum_confidence"])).to_json()


def _answered(call: Call) -> Any:
    answerer = answerer_of(call.kind)
    if answerer is None:
        raise CallFailed("not_available", what_is_missing(call.kind))
    return answerer(call.payload)


def _runs_plugins(document: Mapping[str, Any], library: NodeLibrary) -> bool:
    drawn = [document, *document.get("subflows", {}).values()]
    types = {node["type"] for one in drawn for node in one["nodes"].values()}
    return any(isinstance(library.get(type), PluginNode) for type in types)


class Versions:
    """The versions this process has seen lately."""

    def __init__(
        self,
        library: Callable[[], NodeLibrary],
        on_language_model: Callable[[], object] = lambda: None,
        address_of: Callable[[UUID, UUID], str | None] = lambda tenant_id, conversation_id: None,
    ) -> None:
        """`library` gives the nodes there are now: a flow is compiled again when they have changed.

        `on_language_model` is told when a flow is opened that will ask a connected language model: loading that takes seconds.
        `address_of` gives the address for events of (tenant, conversation).
        """
        self.address_of = address_of
        self._library = library
        self._on_language_model = on_language_model
        self._flows: OrderedDict[Key, Version] = OrderedDict()
        self._models: OrderedDict[tuple[UUID, UUID, str], IntentModel] = OrderedDict()
        self._asked: dict[tuple[UUID, UUID, str], float] = {}

    async def get(self, conn: Connection, tenant_id: UUID, flow_id: UUID, version: int) -> Version:
        """The version, compiled; raises InvalidFlow, or Problem 404 when it is gone."""
        known = await self._flow(conn, (tenant_id, flow_id, version))
        model_hash = known.model_hash
        model = None if model_hash is None else await self._model(conn, (tenant_id, flow_id, model_hash))
        return known if model is None else replace(known, model=model)

    async def _flow(self, conn: Connection, key: Key) -> Version:
        library = self._library()
        if (known := self._flows.get(key)) is not None and known.library is library:
            self._flows.move_to_end(key)
            return known
        row = await conn.fetchrow(_DOCUMENT, *key)
        if row is None:
            raise Problem(404, "flow_version_not_found", "This version of the flow does not exist any more. Start a new conversation.")
        document = msgspec.json.decode(row["document"])
        flow = load_flow(document, library)
        nodes = [node for one in (flow, *flow.subflows.values()) for node in one.nodes.values()]
        if any(node.kind.type in _ASK_MODELS for node in nodes) and (await conn.fetchrow(_HAS_MODEL, key[0]))["found"]:
            self._on_language_model()
        gives_address, runs_plugins = "callback_url" in row["document"], _runs_plugins(document, library)
        settings = document.get("settings", {})
        quiet = settings if settings.get("quiet_hours") else None
        found = Version(flow, row["model_hash"], None, gives_address, bool(bot_variables_of(flow)), runs_plugins, library, quiet)
        if key[2] > 0:  # a snapshot of a draft may be taken again under the same number
            self._flows[key] = found
            if len(self._flows) > FLOWS_KEPT:
                self._flows.popitem(last=False)
        return found

    async def _model(self, conn: Connection, key: tuple[UUID, UUID, str]) -> "IntentModel | None":
        if (known := self._models.get(key)) is not None:
            self._models.move_to_end(key)
            return known
        if time.monotonic() < self._asked.get(key, 0.0):
            return None
        row = await conn.fetchrow(_MODEL, *key)
        if row is None:
            self._asked[key] = time.monotonic() + ASK_AGAIN_S
            return None
        model = self._models[key] = await asyncio.to_thread(_open, row["model"])
        self._asked.pop(key, None)
        if len(self._models) > MODELS_KEPT:
            self._models.popitem(last=False)
        return model


def _open(data: bytes) -> "IntentModel":
    from server.flows.intents.model import IntentModel  # NumPy is loaded by the processes that need it, and when they do

    return IntentModel.from_bytes(data)

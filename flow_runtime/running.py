"""Running one node: what it sees, what it did, what becomes of its failures."""

from collections.abc import Mapping
from typing import Any, Literal

from flow_runtime.budget import Budget
from flow_runtime.errors import ExpressionError, LimitExceeded, NodeFailure
from flow_runtime.flow import DEFAULT_FALLBACK, Flow, Node
from flow_runtime.heard import Heard
from flow_runtime.inputs import CallError, CustomerInput, Input
from flow_runtime.limits import LOOP_ROUNDS_PER_TURN, NODES_PER_ROUND, NODES_PER_SPRINT, VISITS_PER_NODE_PER_TURN
from flow_runtime.locales import manner_of
from flow_runtime.names import Names
from flow_runtime.nodes import DONE, FAILED, Step, Turn
from flow_runtime.outcome import Failure, Visit
from flow_runtime.output import Output
from flow_runtime.state import State

Way = Literal["enter", "resume", "return"]
"""How a node comes to run: the flow arrives, its wait is over, or it asks again after a digression."""
_NOTHING: Mapping[str, Any] = {}


class Stop(Exception):
    """The flow cannot go on."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure

    @classmethod
    def at(cls, node: Node, kind: str, message: str) -> "Stop":
        """The flow cannot go on at this node."""
        return cls(Failure(node.id, kind, message))


class Running:
    """Runs nodes for one sprint, counts how often, and keeps what they did. Without `may_ask` none may wait for the customer."""

    __slots__ = (
        "_input",
        "_left",
        "_prefix",
        "_root",
        "_turn",
        "budget",
        "heard",
        "led_by",
        "may_ask",
        "names",
        "output",
        "rounds",
        "visits",
    )

    def __init__(self, root: Flow, before: State, input: Input, turn: int) -> None:
        self.names = Names(root, before, input)
        self.output = Output(root.typing_ms)
        self.heard = Heard(before.heard)
        self.budget = Budget(manner=manner_of(before.contact, root.manner))
        same_turn = turn == before.turn
        self.visits = dict(before.visits) if same_turn else {}
        self.rounds = before.rounds if same_turn else 0
        self.led_by: str | None = None
        self.may_ask = True
        self._input = input
        self._left = NODES_PER_SPRINT
        self._prefix = f"{before.conversation_id}:{turn}:"
        self._root = root
        self._turn = Turn(
            scope=self.names.scope,
            texts=root.texts,
            now=input.at,
            budget=self.budget,
            seed=str(input.seed),
            language=self.budget.manner.language,
            time_zone=self.budget.manner.time_zone,
            translations=root.translated_to(self.budget.manner.language),
        )

    def take_up(self, input: Input) -> None:
        """Nodes get this input: one that came earlier and was kept until now."""
        self._input = input
        self._turn.use_seed(str(input.seed))

    def move(self) -> None:
        """Another flow runs now."""
        flow, language = self.names.flow, self.budget.manner.language
        self._turn.move(flow.texts, flow.translated_to(language), language)

    def speak(self, language: str) -> None:
        """Go on in another language: texts and formats from here on, and the contact's own from now on."""
        self.names.speak(language)
        self.budget.manner = manner_of(self.names.person, self._root.manner)
        self.move()

    def begin_again(self) -> None:
        """What handles an error may run as many nodes as any other path."""
        self._left = NODES_PER_SPRINT

    def count(self, node: Node) -> str:
        """The name of this run: conversation, turn, node and how often the node has run in the turn."""
        visit = self.visits.get(node.key, 0) + 1
        self.visits[node.key] = visit
        self._left -= 1
        if visit > VISITS_PER_NODE_PER_TURN + self.rounds:
            message = f'"{node.title}" ran more than {VISITS_PER_NODE_PER_TURN} times without a word from the customer'
            raise Stop.at(node, "limit", message)
        if self._left < 0:
            raise Stop.at(node, "limit", f'More than {NODES_PER_SPRINT} steps in one go, last at "{node.title}"')
        return f"{self._prefix}{node.key}:{visit}"

    def count_round(self, node: Node) -> None:
        """A loop goes round once more, which allows some more nodes to run."""
        self.rounds += 1
        self._left += NODES_PER_ROUND
        if self.rounds > LOOP_ROUNDS_PER_TURN:
            message = f'"{node.title}" goes round more than {LOOP_ROUNDS_PER_TURN} times without a word from the customer'
            raise Stop.at(node, "limit", message)

    def uncount(self, node: Node) -> None:
        """The last run of the node does not count: it will be done again."""
        self.visits[node.key] -= 1

    def perform(self, node: Node, run_id: str, way: Way, memory: Mapping[str, Any], call_id: str = "") -> Step:
        """Let the node do its part; nothing of it counts yet."""
        turn = self._turn
        message = self.names.message
        listens = message is not None and way != "return" and self.heard.is_open_for(node.key)
        turn.begin_run(run_id, message["text"] if message is not None and listens else None, memory, call_id, way == "return")
        try:
            step = node.kind.resume(node.settings, turn, self._input) if way == "resume" else node.kind.enter(node.settings, turn)
            if step.wait_for == "message" and not self.may_ask:
                raise NodeFailure("parallel", f'"{node.title}" waits for the customer, which a branch of a parallel step cannot do')
        except NodeFailure as failure:
            step = self.failed(node, failure)
        except Exception as error:
            step = self.failed(node, NodeFailure("node", f"{type(error).__name__}: {error}"[:500]))
        if turn.taken:
            self.heard.used(node.key)
        elif way == "resume" and isinstance(self._input, CustomerInput):
            self.heard.answered()
        return step

    def take_over(self, node: Node, step: Step, run_id: str = "") -> Step:
        """Keep what the node set, emit what it wants done, write down the visit. A value that cannot be kept is the node's failure."""
        changed: Mapping[str, Any] = _NOTHING
        if step.set:
            try:
                changed = self.names.store(step.set)
            except NodeFailure as failure:
                step = self.failed(node, failure)
        if step.language is not None:
            self.speak(step.language)
        error = None
        if step.error is not None:
            error = self.names.note_error(step.error)
        call_id = None
        if step.effects:
            try:
                call_id = self.output.emit(node, step, run_id)
            except LimitExceeded as failure:
                raise Stop.at(node, failure.kind, failure.message) from None
            if self.output.spoke:
                self.heard.bot_spoke()
        port = DONE if step.loop is not None and not step.loop.items else step.go
        self.output.trace.append(Visit(node.id, port, step.wait_for, changed, call_id, error, self.names.flow.ref, self.led_by))
        self.led_by = None
        return step

    def note_failure(self, failure: Failure) -> None:
        """Nobody caught this: it is kept for the flow, and written down."""
        noted = self.names.note_error(CallError(failure.kind, failure.message))
        self.output.trace.append(Visit(failure.node_id, error=noted, flow=self.names.flow.ref))

    def fallback(self) -> str:
        """What the bot says when the flow cannot go on."""
        flow, manner = self._root, self.budget.manner
        try:
            text = flow.translated_to(manner.language).get(flow.fallback_text, flow.fallback_text)
            return flow.texts.render(text, self.names.scope, Budget(manner=manner)) or DEFAULT_FALLBACK
        except ExpressionError:
            return DEFAULT_FALLBACK

    def failed(self, node: Node, failure: NodeFailure) -> Step:
        """What a failing node does, by its `on_error`."""
        error = CallError(failure.kind, failure.message)
        if isinstance(failure, LimitExceeded) or node.on_error == "stop":
            raise Stop.at(node, failure.kind, failure.message)
        if node.on_error == "branch":
            return Step(go=FAILED, error=error)
        values = dict.fromkeys(node.sets, node.error_value)
        return Step(set=values, go=node.ports[0].name if node.ports else None, error=error)

"""The one loop: run nodes from an input until every path waits or has ended."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from msgspec.structs import replace

from flow_runtime.errors import InvalidState, NodeFailure
from flow_runtime.flow import Flow, Node
from flow_runtime.frames import DigressionFrame, Frame, LoopFrame, Strand, SubflowFrame
from flow_runtime.inputs import CallError, Input
from flow_runtime.limits import LOOP_ITEMS, STACK_DEPTH, STATE_SIZE, STRANDS
from flow_runtime.nodes import DONE, Fork, Loop, Step, Subflow
from flow_runtime.outcome import Visit
from flow_runtime.running import Running, Stop, Way
from flow_runtime.state import State
from flow_runtime.values import size_of

Arrival = tuple[Node, Way, Mapping[str, Any]]
_NOTHING: Mapping[str, Any] = {}


class Sprint:
    """One run from an input to the next waits. Works on copies; the given state is never changed.

    Its methods follow a path: they return the `Strand` that says what the path waits for, or None when it has ended.
    """

    __slots__ = ("_base", "_in_strand", "_now", "end_reason", "frames", "join", "names", "output", "root", "running", "strands")

    def __init__(self, root: Flow, before: State, input: Input, turn: int) -> None:
        self.root = root
        self.running = Running(root, before, input, turn)
        self.names = self.running.names
        self.output = self.running.output
        self.frames: list[Frame] = []
        self.strands = list(before.strands)
        self.join = before.join
        self.end_reason = "completed"
        self._base = 0
        self._in_strand = False
        self._now = input.at
        if before.frames:
            self._open(before.frames)

    def node(self, node_id: str) -> Node:
        """The node of the running flow; raises InvalidState."""
        node = self.names.flow.nodes.get(node_id)
        if node is None:
            raise InvalidState(f"The conversation waits at {node_id}, which this flow does not have")
        return node

    def run(self, node: Node, way: Way = "enter", memory: Mapping[str, Any] = _NOTHING) -> Strand | None:
        """Run from this node."""
        run_id = self.running.count(node)
        return self.go_on(node, run_id, self.running.perform(node, run_id, way, memory))

    def resume(self, wait: Strand) -> Strand | None:
        """Run from the node that waits."""
        return self.go_on(*self.woken(wait))

    def woken(self, wait: Strand) -> tuple[Node, str, Step]:
        """The waiting node, the name of its run, and what it makes of the input; nothing of it counts yet."""
        node = self.node(wait.at)
        run_id = self.running.count(node)
        return node, run_id, self.running.perform(node, run_id, "resume", wait.memory, wait.wait_id or "")

    def go_on(self, node: Node, run_id: str, step: Step) -> Strand | None:
        """Take over what the node did, and run those that follow."""
        running = self.running
        while True:
            step = running.take_over(node, step, run_id)
            if step.wait_for is not None:
                return self._wait(node, step, run_id)
            try:
                target = self._exit(node, step.go, step.error) if step.go is not None and step.loop is None else self._open_path(node, step)
            except NodeFailure as failure:
                target = self._give_up(node, failure)
            if self.strands and not self._in_strand:
                return self._together(node)
            arrival = self._close() if target is None else (target, "enter", _NOTHING)
            if arrival is None:
                return None
            node, way, memory = arrival
            run_id = running.count(node)
            step = running.perform(node, run_id, way, memory)

    def digress(self, trigger_id: str, at: str, memory: Mapping[str, Any]) -> None:
        """Open the path of a trigger; the node `at` runs again when it ends. A path that the same trigger opened before is given up."""
        for depth, frame in enumerate(self.frames):
            if isinstance(frame, DigressionFrame) and frame.trigger == trigger_id:
                at, memory = frame.at, frame.memory
                del self.frames[depth:]
                self._stand()
                break
        self._push(self.node(at), DigressionFrame(at, trigger_id, memory))

    def leave_all(self) -> None:
        """Give up every path but the flow's own."""
        self._drop_strands()
        self._base, self._in_strand, self.running.may_ask = 0, False, True
        if self.frames:
            self.frames.clear()
            self._stand()

    def wake_branch(self, fork_id: str, index: int, fired: str | None) -> Strand | None:
        """A branch of the parallel step need not wait any more."""
        fork = self.node(fork_id)
        wait = self.strands.pop(index)
        self.output.cancel(wait.timers, fired)
        strand = self._branch(partial(self._resume_branch, wait))
        if strand is not None:
            self.strands.insert(index, strand)
        elif self.join == "first":
            self._drop_strands()
        if self.strands:
            return self._together(fork)
        target = self._joined(fork)
        arrival = self._close() if target is None else (target, "enter", _NOTHING)
        return None if arrival is None else self.run(*arrival)

    def _resume_branch(self, wait: Strand) -> Strand | None:
        self._open(wait.frames)
        return self.resume(wait)

    def _open(self, frames: tuple[Frame, ...]) -> None:
        """Open stored paths on top of the running one. Raises InvalidState when they belong to another flow."""
        for frame in frames:
            if isinstance(frame, SubflowFrame):
                if frame.ref not in self.root.subflows:
                    raise InvalidState(f"The conversation is in the sub-flow {frame.ref}, which this flow does not have")
                frame = replace(frame, variables=dict(frame.variables))
            elif isinstance(frame, LoopFrame) and not 0 <= frame.position < len(frame.items):
                raise InvalidState(f"The conversation is at item {frame.position} of a loop over {len(frame.items)}")
            self.frames.append(frame)
        self._stand()

    def _stand(self) -> None:
        """The last frame runs now."""
        self.names.stand(self.frames)
        self.running.move()

    def _push(self, node: Node, frame: Frame) -> None:
        if len(self.frames) >= STACK_DEPTH:
            raise Stop.at(node, "limit", f'"{node.title}" opens more than {STACK_DEPTH} paths on top of each other')
        self.frames.append(frame)
        self._stand()

    def _wait(self, node: Node, step: Step, run_id: str) -> Strand:
        wait_for = step.wait_for or "message"
        if size_of(self.names.shared) + sum(size_of(frame.remembered) for frame in self.frames) > STATE_SIZE:
            self.names.forget()
            raise Stop.at(node, "limit", f'The conversation remembers too much at "{node.title}"')
        wait_id = step.event if wait_for == "event" else None if wait_for == "message" else run_id
        timeout_id = None
        if step.timeout_s is not None:
            timeout_id = f"{run_id}:timeout"
            self.output.set_timer(self._now + timedelta(seconds=step.timeout_s), timeout_id)
        return Strand(node.id, wait_for, wait_id, step.memory, step.interruptible, timeout_id)

    def _exit(self, node: Node, port: str, error: CallError | None = None) -> Node | None:
        """The node behind a port, or None. The path of a loop that leads back to its node ends there."""
        target = node.exits.get(port)
        if target is None:
            if error is not None:
                raise Stop.at(node, error.kind, error.message)
            return None
        if self.frames and isinstance(loop := self.frames[-1], LoopFrame) and loop.at == target:
            return None
        return self.names.flow.nodes[target]

    def _open_path(self, node: Node, step: Step) -> Node | None:
        """Where a step leads that does more than leave by a port. Raises NodeFailure."""
        if step.loop is not None:
            return self._enter_loop(node, step.go or "", step.loop)
        if step.subflow is not None:
            return self._enter_subflow(node, step.subflow)
        if step.fork is not None:
            return self._fork(node, step.fork)
        if step.jump is not None:
            if step.jump not in self.names.flow.nodes:
                raise NodeFailure("jump", f'"{node.title}" leads to a step that does not exist')
            return self.names.flow.nodes[step.jump]
        if step.end is not None:
            self._end(step.end)
        return None

    def _give_up(self, node: Node, failure: NodeFailure) -> Node | None:
        """The node could not open its path."""
        step = self.running.take_over(node, self.running.failed(node, failure))
        return None if step.go is None else self._exit(node, step.go, step.error)

    def _finished(self, node: Node, values: Mapping[str, Any] = _NOTHING) -> Node | None:
        """What the node opened has ended; it leaves by `done`."""
        step = self.running.take_over(node, Step(set=values, go=DONE))
        return None if step.go is None else self._exit(node, step.go, step.error)

    def _end(self, reason: str) -> None:
        """An end ends the sub-flow it stands in, or else the branch of a parallel step, or else everything."""
        while len(self.frames) > self._base and not isinstance(self.frames[-1], SubflowFrame):
            if isinstance(self.frames.pop(), DigressionFrame):
                del self.frames[self._base :]
        if not self.frames and not self._in_strand:
            self.end_reason = reason

    def _enter_subflow(self, node: Node, call: Subflow) -> Node:
        flow = self.root.subflows.get(call.ref)
        if flow is None:
            raise NodeFailure("subflow", f'The flow that "{node.title}" runs is not there')
        if flow.start not in flow.nodes:
            raise NodeFailure("subflow", f'"{flow.name}" has no start')
        unknown = next((name for name in call.outputs if name not in flow.outputs), None)
        if unknown is not None:
            raise NodeFailure("subflow", f'"{flow.name}" has no output "{unknown}"')
        self._push(node, SubflowFrame(node.id, call.ref, self.names.of_subflow(flow, call.inputs), call.outputs))
        return flow.nodes[flow.start]

    def _enter_loop(self, node: Node, port: str, loop: Loop) -> Node | None:
        if len(loop.items) > LOOP_ITEMS:
            raise NodeFailure("loop", f'"{node.title}" gets {len(loop.items)} items; at most {LOOP_ITEMS} are allowed')
        if not loop.items or port not in node.exits:
            return self._exit(node, DONE)
        return self._round(node, LoopFrame(node.id, port, tuple(loop.items), 0, loop.item, loop.index))

    def _round(self, node: Node, frame: LoopFrame) -> Node | None:
        """The next item of a loop; the first node of its path."""
        self.running.count_round(node)
        self._push(node, frame)
        known = {frame.item: frame.items[frame.position], frame.index: frame.position}
        try:
            stored = self.names.store({name: value for name, value in known.items() if name})
        except NodeFailure as failure:
            self.frames.pop()
            self._stand()
            return self._give_up(node, failure)
        if frame.position or stored:
            self.output.trace.append(Visit(node.id, frame.port, set=stored, flow=self.names.flow.ref))
        return self._exit(node, frame.port)

    def _close(self) -> Arrival | None:
        """The end of a path: the one below it goes on. None when there is none."""
        while len(self.frames) > self._base:
            ended = self.names.scope.copy()
            frame = self.frames.pop()
            self._stand()
            node = self.node(frame.at)
            if isinstance(frame, DigressionFrame):
                return node, "return", frame.memory
            if isinstance(frame, SubflowFrame):
                target = self._finished(node, {name: ended.get(output) for output, name in frame.outputs.items()})
            elif frame.position + 1 < len(frame.items):
                target = self._round(node, replace(frame, position=frame.position + 1))
            else:
                target = self._finished(node)
            if target is not None:
                return target, "enter", _NOTHING
        return None

    def _fork(self, node: Node, fork: Fork) -> Node | None:
        if self._in_strand:
            raise NodeFailure("parallel", f'"{node.title}" stands in a branch of another parallel step')
        if len(fork.ports) > STRANDS:
            raise NodeFailure("parallel", f'"{node.title}" has more than {STRANDS} branches')
        self.join = fork.join
        for port in fork.ports:
            self.output.trace.append(Visit(node.id, port, flow=self.names.flow.ref))
            target = self._exit(node, port)
            strand = None if target is None else self._branch(partial(self.run, target))
            if strand is not None:
                self.strands.append(strand)
            elif fork.join == "first":
                self._drop_strands()
                break
        return None if self.strands else self._joined(node)

    def _branch(self, follow: Callable[[], Strand | None]) -> Strand | None:
        """Follow a branch of a parallel step with frames of its own."""
        self._base, self._in_strand = len(self.frames), True
        self.running.may_ask = False
        strand = follow()
        if strand is not None:
            strand = replace(strand, frames=tuple(self.frames[self._base :]))
        del self.frames[self._base :]
        self._base, self._in_strand, self.running.may_ask = 0, False, True
        self._stand()
        return strand

    def _joined(self, node: Node) -> Node | None:
        self.join = ""
        return self._finished(node)

    def _drop_strands(self) -> None:
        for strand in self.strands:
            self.output.cancel(strand.timers)
        self.strands.clear()

    def _together(self, fork: Node) -> Strand:
        """The parallel step as one wait: for a call, if one of its branches waits for one."""
        first = min(self.strands, key=lambda strand: ("call", "timer", "event").index(strand.waiting_for))
        return Strand(fork.id, first.waiting_for, first.wait_id)

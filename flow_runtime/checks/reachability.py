"""Can a conversation get to every node, and does it always get an answer."""

from collections import deque
from collections.abc import Iterator

from flow_runtime.checks.drawing import JUMP, Drawing, DrawnNode
from flow_runtime.checks.parallel import inside
from flow_runtime.problems import Problem

_SPOKEN_OF_ELSEWHERE = frozenset(("failed", "matched", "no_model"))
"""Ways out whose lack is another problem: no_error_branch, unreachable_intent, no_model."""

_ASKED_BY_CUSTOMER = frozenset(("conversation_start", "intent", "keyword", "command", "postback"))


def check_reachability(drawing: Drawing) -> Iterator[Problem]:
    """A node nothing leads to is never used."""
    if not drawing.roots:
        return
    for node in drawing.nodes.values():
        if node.id not in drawing.reachable:
            message = f'No conversation can get to "{node.title}".'
            yield Problem("unreachable_node", "warning", node.id, None, message, "Connect something to it, or delete it.")


def check_dead_ends(drawing: Drawing) -> Iterator[Problem]:
    """A path from the customer's words to an end on which the bot says nothing. What another flow runs goes on there."""
    if drawing.document.get("interface"):
        return
    unanswered = _arrives_unanswered(drawing)
    goes_on = inside(drawing)
    for node_id in drawing.order:
        node = drawing.nodes[node_id]
        if node.kind is None or node_id not in drawing.reachable or node_id in goes_on:
            continue
        quiet = _quiet_ports(node, arrives_unanswered=node_id in unanswered)
        for port in node.ports:
            if port.name in quiet - _SPOKEN_OF_ELSEWHERE and not port.required and (node_id, port.name) not in drawing.exits:
                message = f'The conversation ends at "{port.title}" of "{node.title}", and the customer who wrote last hears nothing.'
                yield Problem("dead_end", "warning", node_id, f"ports.{port.name}", message, f'Connect "{port.title}" to a message.')
        if node.ends and node_id in unanswered and not _speaks(node):
            message = f'The conversation ends at "{node.title}", and the customer who wrote last hears nothing.'
            yield Problem("dead_end", "warning", node_id, None, message, "Say a last word here, or in a message before it.")


def _speaks(node: DrawnNode) -> bool:
    """Whether the customer hears something from this node: it has words for them, or brings a person."""
    return node.kind is None or node.kind.category in ("messages", "people") or (bool(node.customer_texts) and not _answers(node))


def _answers(node: DrawnNode) -> bool:
    """Whether the node says what a call brings: by its first way out it has spoken, by the others it has not."""
    return node.calls_out and node.settings.get("say") is True


def _quiet_ports(node: DrawnNode, *, arrives_unanswered: bool) -> set[str]:
    """The ways out by which the node may be left while the customer waits for a word."""
    ports = {port.name for port in node.ports} or {JUMP}
    listens = node.kind is not None and "message" in node.kind.waits
    if _answers(node):
        return ports - {node.ports[0].name} if arrives_unanswered or listens else set()
    if listens or (arrives_unanswered and not _speaks(node)):
        return ports
    return set()


def _arrives_unanswered(drawing: Drawing) -> set[str]:
    """The nodes that a conversation may get to while the customer waits for a word."""
    starts = {trigger["node"] for trigger in drawing.document["triggers"] if trigger["type"] in _ASKED_BY_CUSTOMER}
    found = starts & drawing.reachable
    waiting = deque(drawing.reachable)
    while waiting:
        node_id = waiting.popleft()
        quiet = _quiet_ports(drawing.nodes[node_id], arrives_unanswered=node_id in found)
        for port, target in drawing.following[node_id]:
            if target not in found and port in quiet:
                found.add(target)
                waiting.append(target)
    return found

"""Can a conversation get to every node, and does it always get an answer."""

from collections import deque
from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing, DrawnNode
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
    unanswered = _unanswered(drawing) - inside(drawing)
    for node_id in drawing.order:
        node = drawing.nodes[node_id]
        if node.kind is None or node_id not in unanswered:
            continue
        for port in node.ports:
            if not port.required and (node_id, port.name) not in drawing.exits and port.name not in _SPOKEN_OF_ELSEWHERE:
                message = f'The conversation ends at "{port.title}" of "{node.title}", and the customer who wrote last hears nothing.'
                yield Problem("dead_end", "warning", node_id, f"ports.{port.name}", message, f'Connect "{port.title}" to a message.')
        if node.ends and not speaks(node):
            message = f'The conversation ends at "{node.title}", and the customer who wrote last hears nothing.'
            yield Problem("dead_end", "warning", node_id, None, message, "Say a last word here, or in a message before it.")


def speaks(node: DrawnNode) -> bool:
    """Whether the customer hears something from this node: it has words for them, answers with a model, or brings a person."""
    if node.kind is None:
        return True
    return bool(node.customer_texts) or node.settings.get("say") is True or node.kind.category in ("messages", "people")


def _unanswered(drawing: Drawing) -> set[str]:
    """The nodes that a conversation may leave before the bot has said anything to the customer's last words."""
    starts = {trigger["node"] for trigger in drawing.document["triggers"] if trigger["type"] in _ASKED_BY_CUSTOMER}
    silent = [node_id for node_id in starts & drawing.reachable if not speaks(drawing.nodes[node_id])]
    found = {*silent, *(node_id for node_id in drawing.reachable if _hears(drawing.nodes[node_id]))}
    waiting = deque(found)
    while waiting:
        for target in drawing.after(waiting.popleft()):
            if target not in found and not speaks(drawing.nodes[target]):
                found.add(target)
                waiting.append(target)
    return found


def _hears(node: DrawnNode) -> bool:
    """Whether the customer's words are the last thing said when the flow leaves the node."""
    return node.kind is not None and "message" in node.kind.waits and node.settings.get("say") is not True

"""How long the static checks take: a flow of 500 nodes looked at for the first time, and again after one edit."""

import time
from copy import deepcopy
from typing import Any

from flow_runtime import Checker, Surroundings
from node_library import load_library

NODES = 500
ROUNDS = 7


def flow(count: int, mark: int) -> dict[str, Any]:
    """A flow of so many nodes, no two alike; another one for each mark, so that nothing is remembered from the one before."""
    nodes: dict[str, Any] = {}
    edges: dict[str, Any] = {}
    for number in range(count):
        kind, settings, ports = _node(number, mark)
        nodes[f"n{number}"] = {"type": kind, "type_version": 1, "title": f"{mark} {number}", "settings": settings}
        for port in ports if number + 1 < count else ():
            edges[f"e{number}{port}"] = {"source": f"n{number}", "port": port, "target": f"n{number + 1}"}
    start = [{"id": "start", "type": "conversation_start", "node": "n0"}]
    variables = {"name": {"type": "text", "default": ""}}
    return {"schema_version": 2, "name": "Large", "variables": variables, "triggers": start, "nodes": nodes, "edges": edges}


def _node(number: int, mark: int) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    row = {"variable": "name", "operator": "is", "value": f"{mark} {number}"}
    kinds: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
        ("send_message", {"text": f"{mark}.{number}: {{{{ name | upper }}}}, {{{{ contact.name }}}}"}, ("next",)),
        ("ask_question", {"text": f"{mark}.{number}?", "save_as": f"answer{number}"}, ("next",)),
        ("branch", {"branches": [{"name": "a", "title": "A", "when": {"match": "all", "rows": [row]}}]}, ("a", "otherwise")),
        ("set_variables", {"assignments": [{"variable": f"v{number}", "value": f"{{{{ name ~ {number} ~ {mark} }}}}"}]}, ("next",)),
        ("http_request", {"url": f"https://shop.example/{mark}/{number}/{{{{ name }}}}"}, ("ok", "failed")),
    )
    return kinds[number % len(kinds)]


def check_times() -> tuple[float, float]:
    """(milliseconds of CPU for the first look, for the next after one edit): the best of some rounds."""
    library = load_library()
    first, again = [], []
    for mark in range(ROUNDS):
        checker = Checker(library)
        document = flow(NODES, mark)
        first.append(_timed(checker, document))
        edited = deepcopy(document)
        edited["nodes"]["n250"]["settings"]["text"] = f"Edited {mark}"
        again.append(_timed(checker, edited))
    return min(first), min(again)


def _timed(checker: Checker, document: dict[str, Any]) -> float:
    began = time.process_time()
    checker.problems(document, Surroundings({}))
    return (time.process_time() - began) * 1000

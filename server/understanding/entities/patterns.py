"""Text of a form that the author describes by an RE2 pattern: linear time whatever the pattern."""

from flow_runtime.conditions import compiled_pattern
from server.understanding.entities.hits import Hit


def find(text: str, pattern: str) -> list[Hit]:
    """Every place where the pattern is found; its first group where it has one. Raises NodeFailure for a pattern RE2 cannot run."""
    hits = []
    for found in compiled_pattern(pattern).finditer(text):
        group = 1 if found.re.groups and found.start(1) >= 0 else 0
        if found.end(group) > found.start(group):
            hits.append(Hit(found.start(group), found.end(group), found.group(group)))
    return hits

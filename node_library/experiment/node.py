"""Sends each contact the way that falls to them: by a hash of contact, node and version, so that nothing has to be stored.

A version's score is -ln(u) / weight with u in (0, 1] from the hash; the smallest wins (weighted rendezvous hashing, Thaler and Ravishankar
1998). A version that is added, or a share that is raised, takes contacts only for itself; all others stay where they were.
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Track
from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    node_id = turn.run_id.rsplit(":", 2)[1]
    who = turn.scope["contact"].get("id") or turn.scope["conversation"]["id"]
    variant = min(settings["variants"], key=lambda variant: _score(f"{who}:{node_id}:{variant['name']}", variant["weight"]))["name"]
    name = settings["save_as"]
    return Step(
        effects=(Track("experiment", {"experiment": settings["name"] or node_id, "variant": variant}),),
        set={name: variant} if name else {},
        go=variant,
    )


def _score(key: str, weight: float) -> float:
    drawn = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    return -math.log((drawn + 1) / 2**64) / weight

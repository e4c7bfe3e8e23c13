"""What of a call is not shown in a trace: whoever may read conversations need not know the keys that were used."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
_SECRET = re.compile(
    r"authorization|cookie|passw(?:or)?d|passphrase|secret|credential|api[-_]?key|private[-_]?key|(?:access|refresh|auth|id|api)[-_]?token|^token$",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(
    r"(?i)([?&](?:api[-_]?key|key|token|access[-_]?token|secret|password|sig|signature)=)[^&#\s]+|(?<=://)[^/@\s]+(?=@)"
)


def masked(value: Any) -> Any:
    """The same JSON value with a mask in place of what stands under the name of a secret, or in an address as one."""
    if isinstance(value, Mapping):
        pair = _named_pair(value)
        return {name: MASK if inner and (_SECRET.search(str(name)) or name == pair) else masked(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    return _IN_ADDRESS.sub(lambda found: f"{found[1] or ''}{MASK}", value) if isinstance(value, str) and "://" in value else value


def _named_pair(value: Mapping[str, Any]) -> str | None:
    """Headers are often a list of {"name", "value"}: then the value is what the name speaks of."""
    for name, inner in (("name", "value"), ("key", "value")):
        if isinstance(value.get(name), str) and _SECRET.search(value[name]) and inner in value:
            return inner
    return None

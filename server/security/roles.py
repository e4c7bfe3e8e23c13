"""What each role may do. A route names the permission it needs; nothing is allowed by default."""

from collections.abc import Mapping
from typing import Literal, get_args

Role = Literal["owner", "editor", "analyst"]
ROLES: tuple[Role, ...] = get_args(Role)

PERMISSIONS: frozenset[str] = frozenset(
    {
        "workspace:read",
        "workspace:write",
        "members:read",
        "members:write",
        "flows:read",
        "flows:write",
        "flows:publish",
        "channels:read",
        "channels:write",
        "conversations:read",
        "conversations:write",
        "analytics:read",
        "models:read",
        "models:write",
        "operations:read",
        "plugins:read",
        "plugins:write",
        "webhooks:read",
        "webhooks:write",
    }
)

ALLOWED: Mapping[Role, frozenset[str]] = {
    "owner": PERMISSIONS,
    "editor": PERMISSIONS - {"members:write", "workspace:write", "plugins:write", "webhooks:write"},
    "analyst": frozenset({"workspace:read", "flows:read", "conversations:read", "analytics:read"}),
}


def allows(role: Role, permission: str) -> bool:
    """Whether `role` may do what `permission` names."""
    return permission in ALLOWED[role]

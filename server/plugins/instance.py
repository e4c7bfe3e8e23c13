"""Who may install plugins: an owner of the instance's own workspace.

That is the workspace named by CHATLOOM_INSTANCE_WORKSPACE, or else the one that `chatloom run` made on the first start (the data folder
remembers it). Without either nobody may, and nothing is installed.
"""

from uuid import UUID

from server.kit.errors import Problem
from server.kit.settings import Settings
from server.security.first_owner import first_workspace
from server.security.identity import Identity


def instance_workspace(settings: Settings) -> UUID | None:
    """The tenant whose rows the installed plugins are; None while the instance has no workspace of its own."""
    return settings.instance_workspace or first_workspace(settings)


def may_install(settings: Settings, identity: Identity) -> bool:
    """Whether this member may install, upgrade and remove plugins for every workspace."""
    return identity.role == "owner" and identity.tenant_id == instance_workspace(settings)


def check_may_install(settings: Settings, identity: Identity) -> UUID:
    """The instance's workspace; Problem 403 for everybody but its owners."""
    if not may_install(settings, identity):
        raise Problem(
            403,
            "not_instance_owner",
            "Only an owner of the instance's own workspace installs plugins. Ask whoever runs this server "
            "(the setting CHATLOOM_INSTANCE_WORKSPACE names that workspace).",
        )
    return identity.tenant_id

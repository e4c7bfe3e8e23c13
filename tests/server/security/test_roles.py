"""What the three roles may do."""

from server.security.roles import ALLOWED, PERMISSIONS, allows


def test_an_owner_may_do_everything():
    assert ALLOWED["owner"] == PERMISSIONS


def test_an_editor_may_not_touch_members_and_workspace():
    assert PERMISSIONS - ALLOWED["editor"] == {"members:write", "workspace:write", "plugins:write", "webhooks:write"}


def test_an_analyst_reads_and_changes_nothing():
    assert all(permission.endswith(":read") for permission in ALLOWED["analyst"])
    assert not allows("analyst", "members:read")


def test_an_unknown_permission_is_nobodys():
    assert not allows("owner", "everything:write")

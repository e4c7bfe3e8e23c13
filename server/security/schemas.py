"""What the JSON routes of this room take and give."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

from server.security import tokens
from server.security.passwords import MAX_LENGTH
from server.security.roles import Role
from server.security.sessions import Renewed
from server.tenants.names import MAX_EMAIL, MAX_NAME

Email = Annotated[str, msgspec.Meta(max_length=MAX_EMAIL)]
Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
Password = Annotated[str, msgspec.Meta(max_length=MAX_LENGTH)]
Secret = Annotated[str, msgspec.Meta(max_length=100)]


class Registration(msgspec.Struct, forbid_unknown_fields=True):
    """A new account with a workspace."""

    organization: Name
    name: Name
    email: Email
    password: Password


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """What somebody signs in with."""

    email: Email
    password: Password


class Refresh(msgspec.Struct, forbid_unknown_fields=True):
    """The refresh token last received."""

    refresh_token: Secret


class PasswordChange(msgspec.Struct, forbid_unknown_fields=True):
    """`current_password` may be left out by an account that has none yet."""

    new_password: Password
    current_password: Password = ""


class Tokens(msgspec.Struct):
    """An access token for `expires_in` seconds and the token that gets the next one, once."""

    access_token: str
    refresh_token: str
    user_id: UUID
    organization_id: UUID
    role: Role
    token_type: str = "Bearer"
    expires_in: int = int(tokens.LIFETIME.total_seconds())

    @classmethod
    def of(cls, key: bytes, session: Renewed) -> "Tokens":
        """The answer for a session that was opened or goes on."""
        identity = session.identity
        return cls(tokens.issue(key, identity), session.refresh_token, identity.member_id, identity.tenant_id, identity.role)


class Session(msgspec.Struct):
    """One place where the member is signed in."""

    id: UUID
    address: str
    user_agent: str
    created_at: datetime
    expires_at: datetime
    current: bool


class SessionList(msgspec.Struct):
    """Sessions, the newest first."""

    data: list[Session]
    next: str | None = None


class WorkspaceName(msgspec.Struct, forbid_unknown_fields=True):
    """How a workspace is called."""

    name: Name


class Organization(msgspec.Struct):
    """The workspace of the request."""

    id: UUID
    name: str
    created_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> "Organization":
        """From a row of `tenants`."""
        return cls(row.tenant_id, row.name, row.created_at)


class Workspace(msgspec.Struct):
    """A workspace the account can enter."""

    id: UUID
    name: str
    role: Role
    current: bool


class WorkspaceList(msgspec.Struct):
    """Workspaces by name."""

    data: list[Workspace]
    next: str | None = None


class NewMember(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody to invite."""

    email: Email
    name: Name
    role: Role


class MemberChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What changes about a member; what is left out stays."""

    role: Role | None = None
    disabled: bool | None = None


class Member(msgspec.Struct):
    """A person in the workspace."""

    id: UUID
    email: str
    name: str
    role: Role
    disabled: bool
    has_password: bool
    created_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> "Member":
        """From a row of `members`."""
        return cls(row.id, row.email, row.name, row.role, row.disabled_at is not None, bool(row.password_hash), row.created_at)


class MemberPage(msgspec.Struct):
    """Members in the order they joined; `next` goes into `cursor` of the following request."""

    data: list[Member]
    next: str | None


class Invitation(msgspec.Struct):
    """A new member and the address that signs them in once; it is shown this one time."""

    member: Member
    sign_in_link: str

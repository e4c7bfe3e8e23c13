"""What the pages of this room send, and where somebody goes after signing in."""

import re
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.enums import RequestEncodingType
from litestar.params import Body

from server.kit import pages
from server.security import tokens
from server.security.cookies import cookies_for_session
from server.security.keys import keys_of
from server.security.sessions import Renewed

Form = Body(media_type=RequestEncodingType.URL_ENCODED)
_LOCAL_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


class _Form(msgspec.Struct, forbid_unknown_fields=True):
    csrf: str = msgspec.field(name="_csrf", default="")


class SignInForm(_Form):
    """E-mail address, password, and where to go then."""

    email: str = ""
    password: str = ""
    next: str = "/"


class SignUpForm(_Form):
    """A new account with a workspace."""

    organization: str = ""
    name: str = ""
    email: str = ""
    password: str = ""


class LinkForm(_Form):
    """The token of a sign-in link."""

    token: str = ""


class NameForm(_Form):
    """The name of a workspace."""

    name: str = ""


class PasswordForm(_Form):
    """The new password and, when there is one, the old."""

    password: str = ""
    current_password: str = ""


class MemberForm(_Form):
    """Somebody to invite."""

    name: str = ""
    email: str = ""
    role: str = "editor"


class MemberChangeForm(_Form):
    """Another role, or access: `disabled` is "true", "false" or left out."""

    role: str | None = None
    disabled: str | None = None


class EmptyForm(_Form):
    """A button."""


SignInData = Annotated[SignInForm, Form]
SignUpData = Annotated[SignUpForm, Form]
LinkData = Annotated[LinkForm, Form]
NameData = Annotated[NameForm, Form]
PasswordData = Annotated[PasswordForm, Form]
MemberData = Annotated[MemberForm, Form]
MemberChangeData = Annotated[MemberChangeForm, Form]
ButtonData = Annotated[EmptyForm, Form]


def local_path(path: str) -> str:
    """`path` when it stays on this server, the home page otherwise."""
    return path if _LOCAL_PATH.fullmatch(path) else "/"


def signed_in(request: Request[Any, Any, Any], session: Renewed, path: str = "/") -> Response[Any]:
    """Set the cookies of a session and go to a page."""
    state = request.app.state
    jar = cookies_for_session(request, state.settings)
    answer = pages.go_to(request, path)
    answer.cookies.extend(jar.signed_in(tokens.issue(keys_of(state).access, session.identity), session.refresh_token))
    return answer

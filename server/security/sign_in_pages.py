"""Pages for people who are not signed in, and the way out."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from redis.asyncio import Redis

from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.security import links
from server.security.cookies import cookies_for_session, cookies_of
from server.security.door import Door
from server.security.forms import ButtonData, LinkData, SignInData, SignUpData, local_path, signed_in
from server.security.identity import Identity
from server.security.register import register
from server.security.sessions import revoke_session
from server.security.sign_in import sign_in

AnyRequest = Request[Any, Any, Any]
_PAGE = {"public": True}
_FORM = {"public": True, "same_origin": "page"}


@get("/sign-in", opt=_PAGE, include_in_schema=False)
async def show_sign_in(request: AnyRequest, next: FromQuery[str] = "/") -> Response[str]:
    """The sign-in form."""
    return pages.render(request, "security/sign_in.html", email="", next=local_path(next), problem=None)


@post("/sign-in", opt=_FORM, include_in_schema=False)
async def submit_sign_in(data: SignInData, request: AnyRequest) -> Response[Any]:
    """Sign in and go where the person wanted to go."""
    path = local_path(data.next)
    try:
        cookies_for_session(request, request.app.state.settings)
        return signed_in(request, await sign_in(Door.of(request), data.email, data.password), path)
    except Problem as problem:
        return _again(request, "security/sign_in.html", problem, email=data.email, next=path)


@get("/sign-up", opt=_PAGE, include_in_schema=False)
async def show_sign_up(request: AnyRequest) -> Response[str]:
    """The form for a new account."""
    return pages.render(request, "security/sign_up.html", organization="", name="", email="", problem=None)


@post("/sign-up", opt=_FORM, include_in_schema=False)
async def submit_sign_up(data: SignUpData, request: AnyRequest) -> Response[Any]:
    """Make account and workspace, and enter it."""
    try:
        cookies_for_session(request, request.app.state.settings)
        session = await register(Door.of(request), organization=data.organization, name=data.name, email=data.email, password=data.password)
        return signed_in(request, session)
    except Problem as problem:
        return _again(request, "security/sign_up.html", problem, organization=data.organization, name=data.name, email=data.email)


@get("/sign-in/link", opt=_PAGE, include_in_schema=False)
async def show_link(request: AnyRequest, token: FromQuery[str] = "") -> Response[str]:
    """A button: programs that look at links in advance must not use them up."""
    return pages.render(request, "security/link.html", token=token, problem=None)


@post("/sign-in/link", opt=_FORM, include_in_schema=False)
async def use_link(data: LinkData, request: AnyRequest) -> Response[Any]:
    """Sign in by a link, once."""
    try:
        cookies_for_session(request, request.app.state.settings)
        door = Door.of(request)
        session = await links.redeem(door.db, data.token, door.client)
        if session is None:
            raise Problem(401, "link_used", "This link was used before or is too old. Ask for a new one.")
        return signed_in(request, session)
    except Problem as problem:
        return _again(request, "security/link.html", problem, token="")


@post("/sign-out", opt={"permission": "workspace:read"}, include_in_schema=False)
async def sign_out(
    data: ButtonData, request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database], redis: NamedDependency[Redis]
) -> Response[Any]:
    """End the session here."""
    await revoke_session(db, redis, identity.tenant_id, identity.member_id, identity.session_id)
    answer = pages.go_to(request, "/sign-in")
    jar = cookies_of(request, request.app.state.settings)
    answer.cookies.extend(jar.signed_out() if jar else [])
    return answer


def _again(request: AnyRequest, template: str, problem: Problem, **values: Any) -> Response[str]:
    return pages.render(request, template, status=problem.status, headers=problem.headers, problem=problem, **values)


handlers: list[Any] = [show_sign_in, submit_sign_in, show_sign_up, submit_sign_up, show_link, use_link, sign_out]

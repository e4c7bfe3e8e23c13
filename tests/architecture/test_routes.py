"""Every route of the application, taken from its route table: who may call it, and whose rows it answers about.

A new route is tested without being listed. A new path parameter has to be named in ROWS (the row it names) or WORDS (it names none).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from server.kit.db import Database
from server.kit.ids import uuid7
from server.security import tokens
from server.security.keys import keys_of
from server.security.roles import ROLES, Role, allows
from server.security.sessions import Client, open_session
from server.tenants import queries
from server.tenants.change_members import add_member
from tests.architecture.asgi_call import Answer, call
from tests.architecture.examples import body_for
from tests.architecture.rows import CANARY, TenantRows
from tests.conftest import Workspace

ROWS = {
    "flow_id": "flows.id",
    "version": "flow_versions.version",
    "conversation_id": "conversations.id",
    "channel_id": "channels.id",
    "contact_id": "contacts.id",
    "other_id": "contacts.id",
    "provider_id": "model_providers.id",
    "plugin_id": "plugins.id",
    "member_id": "members.id",
    "session_id": "sessions.id",
    "workspace_id": "tenants.tenant_id",
    "letter_id": "jobs.id",
    "webhook_id": "webhooks.id",
    "delivery_id": "webhook_deliveries.id",
}
PREFIXES = {"letter_id": "job:"}
WORDS = {
    "key": "faq",
    "event_type": "message.sent",
    "node": "n1",
    "trigger_id": "t1",
    "kind": "web",
    "number": "A-1",
    "name": "x.js",
    "path": "openapi.json",
    "file_path": "app.css",
    "token": "not-a-token",
    "upload_id": "01890a5d-ac96-774b-bcce-b302099a8057",
}
# What anybody may call without signing in; a route that becomes public by mistake is not on the list.
PUBLIC = re.compile(
    r"/sign-in(/link)?|/sign-up|/api/v1/auth/(register|login|refresh)|/health|/api/v2/chat/(health|message|uploads(/{upload_id})?|events/{token}(/{name})?)"
    r"|/files/{token}|/media/{token}"
    r"|/w/{channel_id}(/events|/messages|/identity)?|/widget/{name}|/hooks/{kind}/{channel_id}(/files/{token})?|/demo/api/.*|/schema(/.*)?|/static/{file_path}|/ui-kit(/bare)?"
)
JSON = {"accept": "application/json"}
PAGE = {"accept": "text/html"}
UNUSABLE = {404, 422}
# Routes that read a form by themselves get one that fits, so that they come as far as looking for the row.
FORM = {"content-type": "application/x-www-form-urlencoded"}
FILE = {"content-type": "multipart/form-data; boundary=x"}
CSV = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\ntext,intent\r\nhello,greet\r\n--x--\r\n'
BATCH = urlencode({"batch": '{"op_id":"o1","base_rev":0,"ops":[{"op":"start","node":"n1"}]}'}).encode()
EMPTY_FLOW = {
    "schema_version": 1,
    "name": "x",
    "description": "",
    "languages": {"default": "en", "others": []},
    "variables": {},
    "triggers": [],
    "nodes": {},
    "edges": {},
    "settings": {},
}
# What routes need in their query to come as far as looking for the row.
QUERIES = {
    "GET /flows/{flow_id}/nodes/{node}/translations": "language=de",
    "GET /flows/{flow_id}/translations": "language=de",
    "GET /flows/{flow_id}/triggers/new": "kind=keyword",
}
BODIES = {
    "PUT /api/v1/flows/{flow_id}/draft": (msgspec.json.encode(EMPTY_FLOW), {"content-type": "application/json"}),
    "POST /flows/{flow_id}/ops": (BATCH, FORM),
    "POST /flows/{flow_id}/about": (b"flow_name=x", FORM),
    "POST /flows/{flow_id}/intents/import": (CSV, FILE),
    "POST /flows/{flow_id}/texts": (CSV, FILE),
    "POST /flows/{flow_id}/intents/preview": (CSV, FILE),
}


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    path: str
    method: str
    handler: HTTPRouteHandler
    parameters: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def public(self) -> bool:
        return bool(self.handler.opt.get("public"))

    def body(self, ids: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
        """A body that fits, and its headers."""
        body, headers = BODIES.get(str(self)) or body_for(self.handler, ids)
        return body, {"if-match": '"1"', **headers}

    def filled(self, values: Mapping[str, Any]) -> str:
        """The path with its parameters, and the query it needs."""
        query = QUERIES.get(str(self))
        return re.sub(r"{(\w+)}", lambda found: str(values[found[1]]), self.path) + (f"?{query}" if query else "")


def routes(app: Litestar) -> list[Route]:
    """Everything the application answers to."""
    return sorted(_routes(app), key=str)


def _routes(app: Litestar) -> Iterator[Route]:
    for route in app.routes:
        assert isinstance(route, HTTPRoute), f"say here how {route.path} is tested"
        for handler in route.route_handlers:
            for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                yield Route(str(route.path_format), method, handler, tuple(route.path_parameters))


def protected(app: Litestar) -> list[Route]:
    """The routes for members."""
    return [route for route in routes(app) if not route.public]


def random_ids() -> dict[str, Any]:
    """Ids that name nothing."""
    return WORDS | {name: 999_999 if name == "version" else _named(name, uuid7()) for name in ROWS}


def _named(name: str, value: Any) -> Any:
    return f"{PREFIXES[name]}{value}" if name in PREFIXES else value


async def ids_of(rows: TenantRows) -> dict[str, Any]:
    """Ids of a tenant's own rows."""
    found = {name: _named(name, (await rows.row(place.partition(".")[0]))[place.partition(".")[2]]) for name, place in ROWS.items()}
    return WORDS | found


def test_every_parameter_is_known(app: Litestar):
    unknown = {name: str(route) for route in routes(app) for name in route.parameters if name not in ROWS and name not in WORDS}
    assert unknown == {}


def test_only_what_is_meant_for_everybody_is_public(app: Litestar):
    assert [str(route) for route in routes(app) if route.public and not PUBLIC.fullmatch(route.path)] == []


async def test_without_credentials_nobody_gets_in_and_no_body_is_read(app: Litestar):
    failures = []
    for route in protected(app):
        body, headers = route.body({})
        answer = await call(app, route.method, route.filled(random_ids()), JSON | headers, body or b"{}")
        if answer.status != 401 or answer.body_was_read or "www-authenticate" not in answer.headers:
            failures.append((str(route), answer.status, answer.body_was_read))
    assert not failures, "\n".join(map(str, failures))


async def test_a_page_leads_strangers_to_the_sign_in_page(app: Litestar):
    failures = []
    for route in protected(app):
        if route.method == "GET" and not route.path.startswith("/api/"):
            answer = await call(app, "GET", route.filled(random_ids()), PAGE)
            if answer.status != 303 or not answer.headers.get("location", "").startswith("/sign-in"):
                failures.append((str(route), answer.status, answer.headers.get("location")))
    assert not failures, "\n".join(map(str, failures))


async def test_a_false_token_opens_nothing(app: Litestar, owner: Workspace):
    false = {"authorization": owner.client.headers["authorization"][:-4] + "AAAA"}
    answers = [await call(app, route.method, route.filled(random_ids()), JSON | false, b"{}") for route in protected(app)]
    assert {(answer.status, answer.body_was_read) for answer in answers} == {(401, False)}


class People:
    """A member of each role in one workspace."""

    def __init__(self, app: Litestar, db: Database, tenant_id: UUID) -> None:
        self._app, self._db, self._tenant_id = app, db, tenant_id
        self._members: dict[Role, UUID] = {}

    async def bearer(self, role: Role) -> dict[str, str]:
        """Credentials of a new session, because a route may end the one it is called with."""
        async with self._db.tenant(self._tenant_id) as connection:
            if role not in self._members:
                email = f"{uuid7().hex}@example.com"
                self._members[role] = await add_member(connection, self._tenant_id, email=email, name=role, role=role)
            member = await queries.member(connection, self._tenant_id, self._members[role])
            assert member is not None
            session = await open_session(connection, member, Client("127.0.0.1", "test"))
        return {"authorization": f"Bearer {tokens.issue(keys_of(self._app.state).access, session.identity)}"}


@pytest.fixture
def people(app: Litestar, db: Database, owner: Workspace) -> People:
    """Members of the workspace most tests work in."""
    return People(app, db, owner.tenant_id)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_do_what_the_route_declares_and_nothing_else(app: Litestar, people: People, role: Role):
    failures = []
    for route in protected(app):
        body, headers = route.body({})
        answer = await call(app, route.method, route.filled(random_ids()), JSON | headers | await people.bearer(role), body)
        refused = answer.status == 403 and _code(answer) == "not_allowed"
        allowed = allows(role, route.handler.opt["permission"])
        if refused == allowed or (refused and answer.body_was_read) or answer.status in (0, 401) or answer.status >= 500:
            failures.append((str(route), route.handler.opt["permission"], answer.status, answer.body[:200]))
    assert not failures, "\n".join(map(str, failures))


def _code(answer: Answer) -> str:
    try:
        return str(msgspec.json.decode(answer.body)["type"]).removeprefix("urn:chatloom:")
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""


@pytest.fixture
async def foreign(app: Litestar, db: Database) -> TenantRows:
    """Another tenant with a row in every table."""
    rows = TenantRows(db)
    await rows.fill_every_table()
    return rows


@pytest.mark.parametrize("kind", [JSON, PAGE], ids=["programs", "browsers"])
async def test_rows_of_another_tenant_do_not_exist(app: Litestar, foreign: TenantRows, people: People, kind: dict[str, str]):
    """The answer is the one for an id that names nothing, nothing of the other tenant is told, nothing of it changes."""
    before = await foreign.snapshot()
    theirs = await ids_of(foreign)
    failures = []
    for route in protected(app):
        if not route.parameters or route.parameters[0] not in ROWS:
            continue
        answers = []
        for ids in (theirs, random_ids()):
            body, headers = route.body(ids)
            answers.append(await call(app, route.method, route.filled(ids), kind | headers | await people.bearer("owner"), body))
        asked, nothing = answers
        if asked.status != 404 or nothing.status != 404 or CANARY.encode() in asked.body:
            failures.append((str(route), asked.status, nothing.status, asked.body[:200]))
    assert not failures, "\n".join(map(str, failures))
    assert await foreign.snapshot() == before


async def test_a_row_of_another_tenant_cannot_be_reached_through_an_own_one(
    app: Litestar, db: Database, owner: Workspace, foreign: TenantRows, people: People
):
    flow = (await owner.client.post("/api/v1/flows", json={"name": "Mine"})).raise_for_status().json()
    before = await foreign.snapshot()
    theirs = await ids_of(foreign)
    failures = []
    for route in protected(app):
        named = [name for name in route.parameters if name in ROWS]
        if named[:1] == ["flow_id"] and len(named) > 1:
            ids = theirs | {"flow_id": flow["id"]}
            body, headers = route.body(ids)
            answer = await call(app, route.method, route.filled(ids), JSON | headers | await people.bearer("owner"), body)
            if answer.status not in UNUSABLE or CANARY.encode() in answer.body:
                failures.append((str(route), answer.status, answer.body[:200]))
    assert not failures, "\n".join(map(str, failures))
    assert await foreign.snapshot() == before


async def test_ids_of_another_tenant_in_a_body_link_nothing(app: Litestar, foreign: TenantRows, people: People):
    before = await foreign.snapshot()
    theirs = await ids_of(foreign)
    failures = []
    for route in protected(app):
        body, headers = route.body(theirs)
        if not any(str(value).encode() in body for value in theirs.values() if isinstance(value, UUID)):
            continue
        answer = await call(app, route.method, route.filled(random_ids()), JSON | headers | await people.bearer("owner"), body)
        if answer.status not in UNUSABLE or CANARY.encode() in answer.body:
            failures.append((str(route), answer.status, answer.body[:200]))
    assert not failures, "\n".join(map(str, failures))
    assert await foreign.snapshot() == before


@pytest.mark.parametrize("kind", [JSON, PAGE], ids=["programs", "browsers"])
async def test_no_list_shows_a_row_of_another_tenant(app: Litestar, foreign: TenantRows, people: People, kind: dict[str, str]):
    failures = []
    for route in protected(app):
        if route.method == "GET" and not any(name in ROWS for name in route.parameters):
            answer = await call(app, "GET", route.filled(WORDS), kind | await people.bearer("owner"))
            ids = [str(value).encode() for value in (await ids_of(foreign)).values() if isinstance(value, UUID)]
            if answer.status >= 400 or CANARY.encode() in answer.body or any(one in answer.body for one in ids):
                failures.append((str(route), answer.status, answer.body[:200]))
    assert not failures, "\n".join(map(str, failures))

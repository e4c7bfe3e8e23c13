"""HTML answers: the Jinja environment, hashed assets, the content security policy, and htmx's headers and partials."""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Request, Response
from litestar.response import Redirect
from markupsafe import Markup

from server.kit.errors import Problem

UI = Path(__file__).parents[2] / "ui"
DIST = UI / "static" / "dist"
STATIC_URL = "/static/dist/"
NOT_BUILT = "The front end is not built. Run: npm ci --ignore-scripts && node ui/build.mjs"
NAVIGATION = (
    {"title": "Home", "href": "/", "icon": "house"},
    {"title": "Flows", "href": "/flows", "icon": "workflow"},
    {"title": "Conversations", "href": "/conversations", "icon": "messages-square"},
    {"title": "Channels", "href": "/channels", "icon": "radio-tower"},
    {"title": "Analytics", "href": "/analytics", "icon": "chart-column"},
    {"title": "Settings", "href": "/settings", "icon": "settings"},
)
HTMX_CONFIG = {
    "morphIgnore": ["data-htmx-powered", "style", "tabindex"],
    "includeIndicatorCSS": False,
    "noSwap": [204, 304, "4xx", "5xx"],
    "history": "reload",
}

AnyRequest = Request[Any, Any, Any]


class Hx:
    """What htmx 4 says about a request in its headers."""

    def __init__(self, request: AnyRequest) -> None:
        self._headers = request.headers

    def __bool__(self) -> bool:
        return self._headers.get("hx-request") == "true"

    @property
    def source(self) -> str | None:
        """The id of the element that asked, as in `HX-Source: button#save`."""
        return self._id_in("hx-source")

    @property
    def target(self) -> str | None:
        """The id of the element the answer goes to."""
        return self._id_in("hx-target")

    @property
    def wants_full_page(self) -> bool:
        """Whether the answer replaces the whole body, as after following a boosted link."""
        return self._headers.get("hx-request-type") == "full"

    @property
    def current_path(self) -> str | None:
        """Path and query of the page the person is on."""
        url = self._headers.get("hx-current-url")
        if not url:
            return None
        parts = urlsplit(url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def _id_in(self, header: str) -> str | None:
        _, _, name = self._headers.get(header, "").partition("#")
        return unquote(name) or None


@dataclass(frozen=True, slots=True)
class Partial:
    """One piece of an answer that updates several places of a page: `swap` the `html` at the CSS selector `target`."""

    target: str
    html: str = ""
    swap: str = "outerMorph"


def render(
    request: AnyRequest, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response[str]:
    """A page, or a fragment for htmx, from `ui/templates/<template>`."""
    return _html(request, fragment(request, template, **values), status, headers)


def fragment(request: AnyRequest, template: str, **values: Any) -> Markup:
    """The HTML of a template, to put into a Partial."""
    return Markup(environment().get_template(template).render(page_context(request, values)))


def macros(request: AnyRequest, template: str, **values: Any) -> Any:
    """The macros of a template as functions: `macros(request, "editor/_node.html").node(card)`."""
    return environment().get_template(template).make_module(page_context(request, values))


def partials(
    request: AnyRequest, parts: Iterable[Partial], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[str]:
    """An answer to htmx that updates each part's target."""
    tag = Markup('<hx-partial hx-target="{}" hx-swap="{}">{}</hx-partial>\n')
    return _html(request, Markup("").join(tag.format(part.target, part.swap, Markup(part.html)) for part in parts), status, headers)


def trigger(**events: Any) -> dict[str, str]:
    """The header that fires events in the browser: `headers=trigger(toast={"text": "Saved", "variant": "success"})`."""
    return {"HX-Trigger": json.dumps({name.replace("_", ":"): detail for name, detail in events.items()})}


def toast(text: str, variant: str = "success") -> dict[str, str]:
    """The header that shows a short message in the corner: variants success, info, warning, error."""
    return trigger(toast={"text": text, "variant": variant})


def go_to(request: AnyRequest, path: str) -> Response[Any]:
    """Sends the browser to another page, also out of an htmx request."""
    return Response("", headers={"HX-Redirect": path}) if Hx(request) else Redirect(path, status_code=303)


def error_page(request: AnyRequest, problem: Problem) -> Response[Any]:
    """An error as a page, as a toast for htmx, or as the way to the sign-in page."""
    if problem.status == 401 and not request.url.path.startswith("/sign-in"):
        return _sign_in_first(request)
    request_id = request.scope["state"].get("request_id")
    if Hx(request):
        return Response(
            problem.body(request_id), status_code=problem.status, headers=problem.headers, media_type="application/problem+json"
        )
    return render(request, "error.html", status=problem.status, headers=problem.headers, problem=problem, request_id=request_id)


def asset(name: str) -> str:
    """The address of a built file: `asset("app.js")` is `/static/dist/app-1A2B3C4D.js`."""
    return f"{STATIC_URL}{_built('manifest.json')[name]}"


def draws_icons(source: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """Let a room draw icons that are not built: `source` gives the address of one of its own, None for all others."""
    _icon_sources.append(source)
    return source


_icon_sources: list[Callable[[str], str | None]] = []


def icon_address(name: str) -> str:
    """Where an icon is drawn: in the sprite of the editor page, in the one with all other icons, or where a room draws it."""
    for source in _icon_sources:
        if (address := source(name)) is not None:
            return address
    return f"{asset(_built('sprites.json').get(name, 'icons.svg'))}#{name}"


def preloads(name: str) -> list[str]:
    """Addresses of the modules that a built script imports at once."""
    return [STATIC_URL + file for file in _built("preload.json").get(name, ())]


def page_context(request: AnyRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """What every template may use, plus `values`."""
    state = request.scope["state"]
    path = request.url.path
    return {
        "identity": request.scope.get("user"),
        "csrf": state.get("csrf") or "",
        "workspaces": state.get("workspaces") or (),
        "csp_nonce": csp_nonce(request),
        "path": path,
        "navigation": [{**item, "current": _leads_to(item["href"], path)} for item in NAVIGATION],
        **values,
    }


def csp_nonce(request: AnyRequest) -> str:
    """The random word that this answer's own scripts and styles carry."""
    nonce: str = request.scope["state"].setdefault("csp_nonce", secrets.token_urlsafe(16))
    return nonce


def content_security_policy(nonce: str) -> str:
    """Nothing from elsewhere, nothing inline without the nonce, no framing."""
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


@cache
def environment() -> Environment:
    """The one Jinja environment: everything is escaped, an unknown name is an error."""
    env = Environment(
        loader=FileSystemLoader(UI / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    env.globals |= {"asset": asset, "preloads": preloads, "icon_address": icon_address, "htmx_config": json.dumps(HTMX_CONFIG)}
    env.filters |= {"number": _number, "iso": datetime.isoformat, "initials": _initials}
    return env


def _html(request: AnyRequest, html: str, status: int, headers: Mapping[str, str] | None) -> Response[str]:
    return Response(
        html,
        status_code=status,
        media_type=MediaType.HTML,
        headers={
            "Content-Security-Policy": content_security_policy(csp_nonce(request)),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
            **(headers or {}),
        },
    )


def _sign_in_first(request: AnyRequest) -> Response[Any]:
    hx = Hx(request)
    if hx:
        return Response("", status_code=401, headers={"HX-Redirect": f"/sign-in?next={quote(hx.current_path or '/')}"})
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Redirect(f"/sign-in?next={quote(wanted)}" if request.method == "GET" and wanted != "/" else "/sign-in", status_code=303)


_read: dict[str, tuple[int, dict[str, Any]]] = {}


def _built(name: str) -> dict[str, Any]:
    file = DIST / name
    try:
        changed = file.stat().st_mtime_ns
    except FileNotFoundError:
        raise RuntimeError(NOT_BUILT) from None
    if name not in _read or _read[name][0] != changed:
        _read[name] = (changed, json.loads(file.read_text()))
    return _read[name][1]


def _leads_to(href: str, path: str) -> bool:
    return path == href or (href != "/" and path.startswith(f"{href}/"))


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def _initials(name: str) -> str:
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"

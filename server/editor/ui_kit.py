"""The style guide: every building block of the pages on one page, for people who write templates and for the visual tests."""

from datetime import timedelta
from typing import Any

from litestar import Request, Response, get

from server.kit import clock
from server.kit.pages import render

_SAMPLE: dict[str, Any] = {
    "workspaces": [{"id": "1", "name": "Acme Support", "current": True}, {"id": "2", "name": "Northwind", "current": False}],
    "identity": {"name": "Ada Lovelace", "email": "ada@acme.test", "role": "owner"},
}


@get("/ui-kit", opt={"public": True})
async def ui_kit(request: Request[Any, Any, Any]) -> Response[str]:
    """Every macro of `_ui.html` with sample content."""
    moment = clock.now()
    return render(request, "ui_kit/page.html", **_SAMPLE, moment=moment, earlier=moment - timedelta(minutes=5))


@get("/ui-kit/bare", opt={"public": True})
async def ui_kit_bare(request: Request[Any, Any, Any]) -> Response[str]:
    """The frame of sign-in and error pages."""
    return render(request, "ui_kit/bare.html")


handlers = [ui_kit, ui_kit_bare]

"""A person at a browser: cookies, forms with the token of the page, same-origin headers."""

import re

import httpx
from litestar import Litestar

HOME = "http://localhost:8800"
PREFIX = "chatloom_8800_"
OF_BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin", "origin": HOME}


def browser(app: Litestar) -> httpx.AsyncClient:
    """Somebody with a fresh browser."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=HOME, headers=OF_BROWSER)


async def csrf_of(client: httpx.AsyncClient, path: str = "/settings/account") -> str:
    """The token in the forms of a page."""
    page = await client.get(path)
    found = re.search(r'name="_csrf" value="([^"]+)"', page.text)
    assert found, page.text
    return found.group(1)


async def submit(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """Send a form as the page would."""
    return await client.post(path, data={"_csrf": await csrf_of(client), **fields})


def cookie(client: httpx.AsyncClient, name: str) -> str:
    """Value of the `access` or `refresh` cookie."""
    return client.cookies[PREFIX + name]

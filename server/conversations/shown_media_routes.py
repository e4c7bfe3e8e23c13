"""The door of pictures that a channel does not show as they are: each is fetched, converted and given out."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from server.conversations.processing.pictures import NotAPicture, convert
from server.conversations.shown_media import ROUTE, MediaLinks
from server.kit.errors import not_found
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused
from server.kit.secrets import Vault
from server.kit.settings import Settings

MOST_BYTES = 10_000_000
MOST_WRITTEN = 5_000_000
FETCH_S = 10.0


@get(f"{ROUTE}/{{token:str}}", opt={"public": True}, include_in_schema=False)
async def show_converted(
    token: FromPath[str], vault: NamedDependency[Vault], http: NamedDependency[OutboundClient], settings: NamedDependency[Settings]
) -> Response[Any]:
    """A picture of the bot, converted; where that cannot be done, the way to the picture as it is."""
    found = MediaLinks(vault, settings.public_url).read(token)
    if found is None:
        raise not_found("picture")
    source, media_type = found
    try:
        fetched = await http.request("GET", source, timeout_s=FETCH_S, max_bytes=MOST_BYTES)
        picture = await convert(fetched.body, media_type, MOST_WRITTEN)
    except (OutboundRefused, OutboundFailed, NotAPicture):
        return Redirect(source)
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=86400"}
    return Response(picture.content, media_type=media_type, headers=headers)


handlers: list[Any] = [show_converted]

"""Pictures of the bot: X shows only what was uploaded to it before (docs.x.com/x-api/media/upload-media)."""

from base64 import b64encode
from typing import Literal

from server.channels.contract import Finding, NotFetched
from server.channels.payload import part_of, text_of
from server.channels.provider import ask, fetch_file
from server.channels.x.oauth import Signed
from server.kit.http import OutboundClient

MOST_BYTES = 5_000_000
TAKEN = frozenset(("image/jpeg", "image/png", "image/webp"))


async def upload(
    http: OutboundClient, picture_url: str, upload_url: str, category: Literal["dm_image", "tweet_image"], signed: Signed
) -> str | None:
    """X's id of the picture at the address; None when it cannot be got or X does not take it."""
    try:
        file = await fetch_file(http, picture_url)
    except NotFetched:
        return None
    if file.media_type not in TAKEN or len(file.content) > MOST_BYTES:
        return None
    given = {"media": b64encode(file.content).decode(), "media_category": category, "media_type": file.media_type}
    told = await ask(http, "POST", upload_url, given, signed.headers("POST", upload_url))
    return None if isinstance(told, Finding) else text_of(part_of(told.data, "data"), "id") or None

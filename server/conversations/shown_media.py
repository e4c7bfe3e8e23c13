"""Pictures of the bot that a channel does not show, as ones that it does: by an address of ours that gives the picture converted.

What a picture is, is told here from the end of its address alone: nothing is fetched while a message is sent.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from server.channels.about import About
from server.conversations.processing.pictures import WRITTEN
from server.kit.secrets import Vault

ROUTE = "/media"
_PROOF_BYTES = 16
_ENDINGS = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}


class MediaLinks:
    """Makes the addresses of converted pictures and reads them; nobody else can make one."""

    def __init__(self, vault: Vault, public_url: str) -> None:
        self._key = vault.derive("converted pictures")
        self._public_url = public_url

    def url(self, source: str, media_type: str) -> str:
        """The address of the picture at `source` as `media_type`."""
        said = f"{media_type} {source}".encode()
        token = base64.urlsafe_b64encode(self._proof(said) + said).decode().rstrip("=")
        return f"{self._public_url}{ROUTE}/{token}"

    def read(self, token: str) -> tuple[str, str] | None:
        """(source, media type) of an address; None for one that is not ours."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        proof, said = raw[:_PROOF_BYTES], raw[_PROOF_BYTES:]
        if not hmac.compare_digest(proof, self._proof(said)):
            return None
        media_type, _, source = said.decode().partition(" ")
        return source, media_type

    def _proof(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, hashlib.sha256)[:_PROOF_BYTES]


def acceptable(body: Mapping[str, Any], about: About | None, links: MediaLinks) -> Mapping[str, Any]:
    """The bot's message with the pictures of its media and cards as kinds that the channel shows."""
    if about is None or not about.pictures or not (body.get("media") or body.get("cards")):
        return body
    told = dict(body)
    if media := body.get("media"):
        told["media"] = [{**one, "url": _url(one["url"], about, links)} if one["kind"] == "image" else one for one in media]
    if cards := body.get("cards"):
        told["cards"] = [{**one, "image_url": _url(one["image_url"], about, links)} if one.get("image_url") else one for one in cards]
    return told


def _url(url: str, about: About, links: MediaLinks) -> str:
    try:
        kind = _ENDINGS.get(PurePosixPath(urlsplit(url).path).suffix.lower())
    except ValueError:
        return url
    wanted = next((media_type for media_type in about.pictures if media_type in WRITTEN), None)
    return url if kind is None or kind in about.pictures or wanted is None else links.url(url, wanted)

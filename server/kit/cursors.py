"""Where the next page of a list starts, as a word that a client hands back unread."""

import base64
import binascii
from typing import TypeVar

import msgspec

from server.kit.errors import Problem

Place = TypeVar("Place", bound=tuple[object, ...])


def write_cursor(*place: object) -> str:
    """The values of the last row that order the list (times, ids, numbers) as one word."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read_cursor(text: str, place: type[Place]) -> Place:
    """The values again, of the types that `place` names, such as tuple[datetime, UUID]. Raises Problem 422 when it is none of ours."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=place)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        words = "This page marker cannot be read. Start again at the first page."
        raise Problem(422, "bad_cursor", words, fields={"cursor": "damaged"}) from None

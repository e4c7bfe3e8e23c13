"""Which web pages may talk to a channel: an exact list of origins (scheme, host and port); an empty list means any page."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from server.kit.errors import Problem

_SHARED = {"Vary": "Origin"}


def admit(headers: Mapping[str, str], allowed: Sequence[str], public_url: str) -> dict[str, str]:
    """The CORS headers of the answer; Problem 403 when the page that asks is not on the channel's list."""
    origin = headers.get("origin")
    if not (_from_our_own_page(headers, public_url) or is_allowed(origin, allowed)):
        raise Problem(403, "origin_refused", "This page may not use this chat. Add its address to the channel's allowed origins.")
    return _SHARED | (
        {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After, X-Request-ID"} if origin else {}
    )


def preflight(headers: Mapping[str, str], allowed: Sequence[str], public_url: str) -> dict[str, str]:
    """The answer to a browser that asks before it sends."""
    return admit(headers, allowed, public_url) | {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID",
        "Access-Control-Max-Age": "7200",
    }


def is_allowed(origin: str | None, allowed: Sequence[str]) -> bool:
    """Whether `origin` is on the list; a page without an origin, or with the origin `null`, is on no list."""
    return not allowed or (origin is not None and origin.lower() in {one.rstrip("/").lower() for one in allowed})


def origin_problem(origin: str) -> str:
    """What is wrong with an entry of the list; empty when nothing is."""
    parts = urlsplit(origin.strip())
    try:
        exact = parts.scheme in ("http", "https") and parts.hostname is not None and parts.port != 0
    except ValueError:
        exact = False
    if not exact or parts.path.strip("/") or parts.query or parts.fragment or parts.username or "*" in origin or not origin.isascii():
        return f"{origin[:80]} is not the address of a site. Enter it exactly, such as https://shop.example.com, without a path."
    return ""


def frame_ancestors(allowed: Sequence[str]) -> str:
    """Who may show the hosted page in a frame, as a directive of the content security policy."""
    return " ".join(["frame-ancestors", *(["'self'", *map(_origin_of, allowed)] if allowed else "*")])


def _from_our_own_page(headers: Mapping[str, str], public_url: str) -> bool:
    """Browsers leave `Origin` away when a page reads from its own server."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    parts = urlsplit(origin.lower())
    own_host = parts.scheme in ("http", "https") and parts.netloc == headers.get("host", "").lower()
    return own_host or origin.lower() == _origin_of(public_url)


def _origin_of(address: str) -> str:
    parts = urlsplit(address.strip().lower())
    return f"{parts.scheme}://{parts.netloc}"

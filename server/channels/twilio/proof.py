"""`X-Twilio-Signature`: an HMAC over the address that Twilio was given and the form's sorted fields (twilio.com/docs/usage/security)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, urlsplit

from server.channels.contract import PREVIOUS, NotProven, Request, Secrets, valid

AUTH_TOKEN = "auth_token"
SHARED_KEY = "webhook_key"
HEADER = "x-twilio-signature"
ALGORITHM_HEADER = "x-twilio-webhooks-signature-settings"
BODY_HASH = "bodySHA256"
MOST_FIELDS = 300

Pairs = Sequence[tuple[str, str]]


def signature(secret: str, url: str, pairs: Pairs, algorithm: str = "sha1") -> str:
    """The value of the header for a form; of a name that comes twice each different value counts once."""
    signed = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.digest(secret.encode(), signed.encode(), algorithm)).decode()


def prove(request: Request, secrets: Secrets) -> None:
    """Raise NotProven or NotConfigured unless Twilio signed the request.

    A channel with a shared key takes SHA-256 with that key and nothing weaker, whatever the request says of itself.
    """
    shared = any(secrets.get(name) for name in (SHARED_KEY, SHARED_KEY + PREVIOUS))
    accepted = valid(secrets, SHARED_KEY if shared else AUTH_TOKEN)
    if request.doubled & {HEADER, ALGORITHM_HEADER, BODY_HASH}:
        raise NotProven("a header came twice")
    if _algorithm(request.headers.get(ALGORITHM_HEADER, "")) != ("HMAC_SHA256" if shared else "HMAC_SHA1"):
        raise NotProven("the algorithm is not the channel's")
    given = request.headers.get(HEADER, "").encode("latin-1", "replace")
    fields, algorithm = _signed_fields(request), "sha256" if shared else "sha1"
    if not any(_fits(given, signature(secret, url, fields, algorithm)) for secret in accepted for url in _addresses(request.url)):
        raise NotProven("the signature does not fit")


def form(request: Request) -> Pairs:
    """The fields of a form in their order; raises ValueError."""
    return parse_qsl(request.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)


def is_json(request: Request) -> bool:
    """Whether the body is JSON: its hash stands in the address then, and the address alone is signed."""
    return BODY_HASH in request.query and not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _signed_fields(request: Request) -> Pairs:
    if is_json(request):
        if not hmac.compare_digest(hashlib.sha256(request.body).hexdigest().encode(), request.query[BODY_HASH].encode()):
            raise NotProven("the body is not the one that was signed")
        return ()
    try:
        return form(request)
    except ValueError:
        raise NotProven("it is no form") from None


def _fits(given: bytes, expected: str) -> bool:
    return hmac.compare_digest(given, expected.encode())


def _algorithm(settings: str) -> str:
    named = (part.partition("=") for part in settings.split(","))
    return next((value.strip().upper() for name, _, value in named if name.strip() == "algorithm" and value.strip()), "HMAC_SHA1")


def _addresses(url: str) -> Iterable[str]:
    """Twilio signs the address with its port or without."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {url, parts._replace(netloc=host).geturl(), parts._replace(netloc=f"{host}:{port}").geturl()}

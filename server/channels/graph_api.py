"""Meta's Graph API, by which WhatsApp and Messenger speak: the proof of its requests, the check of an address, its calls and its errors."""

import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from server.channels.contract import Answer, Finding, NotProven, Request, Secrets, SendFailed, Settings, valid
from server.channels.provider import Told, ask
from server.kit.http import OutboundClient

GRAPH_URL = "https://graph.facebook.com/v26.0"
SECRET = "app_secret"
TOKEN = "access_token"
VERIFY = "verify_token"
HEADER = "x-hub-signature-256"

# developers.facebook.com/docs/graph-api/guides/error-handling: session, permissions
BLOCKS = frozenset((0, 3, 10, 190, *range(200, 300)))


def signature(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


def verify(request: Request, secrets: Secrets) -> None:
    """The signature over the raw body must fit. There is no time in it: what comes twice is known by its id. Raises NotProven."""
    accepted = valid(secrets, SECRET)
    given = request.headers.get(HEADER, "").encode("latin-1", "replace")
    if HEADER in request.doubled or not any(hmac.compare_digest(given, signature(one, request.body).encode()) for one in accepted):
        raise NotProven("the signature does not fit")


def handshake(request: Request, secrets: Secrets) -> Answer:
    """Meta checks the address: the token must be ours, the answer is the challenge."""
    accepted, query = valid(secrets, VERIFY), request.query
    given = query.get("hub.verify_token", "").encode()
    challenge = query.get("hub.challenge", "")
    fits = any(hmac.compare_digest(given, token.encode()) for token in accepted)
    if not fits or query.get("hub.mode") != "subscribe" or request.doubled or not re.fullmatch(r"[\w-]{1,64}", challenge, re.ASCII):
        return Answer(403, b"The verify token is not the channel's.", "text/plain")
    return Answer(200, challenge.encode(), "text/plain")


def graph_url(settings: Settings) -> str:
    """The address of the API with its version."""
    return str(settings.get("graph_url") or GRAPH_URL).rstrip("/")


def is_at_meta(url: str, settings: Settings, hosts: Sequence[str]) -> bool:
    """Whether an address is the API's own, or an encrypted one of `hosts`; a host that begins with a dot stands for all below it."""
    parts, own = urlsplit(url), urlsplit(graph_url(settings))
    host = parts.hostname or ""
    named = any(host.endswith(one) if one.startswith(".") else host == one for one in hosts)
    return (parts.scheme == "https" and named) or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)


def bearer(secrets: Secrets) -> dict[str, str]:
    """The header that carries the channel's token."""
    return {"Authorization": f"Bearer {secrets.get(TOKEN, '')}"}


def need_token(secrets: Secrets) -> dict[str, str]:
    """The same for sending; raises SendFailed without a token."""
    if not secrets.get(TOKEN):
        raise SendFailed("dead", "The channel has no access token. Enter it in the channel's settings, then send again.", blocks=True)
    return bearer(secrets)


def code_of(told: Told) -> int | None:
    """The error's code."""
    return _number(_error(told).get("code"))


def subcode_of(told: Told) -> int | None:
    """The error's subcode."""
    return _number(_error(told).get("error_subcode"))


def reason_of(told: Told) -> str:
    """What Meta says of an error, in a sentence."""
    error = _error(told)
    data = error.get("error_data")
    details = (data.get("details") if isinstance(data, dict) else None) or error.get("message") or f"answer {told.status}"
    return f"{str(details)[:300].rstrip('.')}."


def wait_of(told: Told) -> float | None:
    """The seconds until Meta takes calls again: `Retry-After`, or the minutes in the headers that tell how much of a limit is used."""
    if told.retry_after_s is not None:
        return told.retry_after_s
    try:
        usage = msgspec.json.decode(told.headers.get("x-business-use-case-usage", "{}"))
    except (msgspec.DecodeError, RecursionError):
        return None
    entries = [one for used in usage.values() if isinstance(used, list) for one in used] if isinstance(usage, dict) else []
    minutes = [one.get("estimated_time_to_regain_access") for one in entries if isinstance(one, dict)]
    return max((60.0 * wait for wait in minutes if isinstance(wait, int | float) and wait > 0), default=None)


async def app_secret_findings(http: OutboundClient, url: str, secrets: Secrets) -> Sequence[Finding]:
    """Whether app secret and token are of one app: Meta refuses a token that is proven with another app's secret. `url` has a query."""
    proof = hmac.digest(valid(secrets, SECRET)[0].encode(), secrets.get(TOKEN, "").encode(), "sha256").hex()
    told = await ask(http, "GET", f"{url}&appsecret_proof={proof}", None, bearer(secrets))
    if isinstance(told, Finding):
        return [told]
    if told.status != 200:
        reason = f"It is not that of the token's app, so nothing that Meta sends would be taken. Meta says: {reason_of(told)}"
        return [Finding("error", "App secret", reason)]
    return [Finding("ok", "App secret", "It is that of the token's app.")]


async def app_id_of(http: OutboundClient, settings: Settings, secrets: Secrets) -> str:
    """The app that the token belongs to; empty when Meta does not tell."""
    told = await ask(http, "GET", f"{graph_url(settings)}/app?fields=id", None, bearer(secrets))
    app_id = str(told.data.get("id") or "") if isinstance(told, Told) else ""
    return app_id if app_id.isdigit() else ""


async def token_findings(
    http: OutboundClient, settings: Settings, secrets: Secrets, scopes: Collection[str], at: datetime
) -> tuple[Sequence[Finding], Mapping[str, Sequence[str]]]:
    """What is wrong with the token: it lacks permissions, or ends. And for which objects it has each permission, where Meta tells.

    developers.facebook.com/docs/graph-api/reference/debug_token
    """
    app_id = await app_id_of(http, settings, secrets)
    url = f"{graph_url(settings)}/debug_token?{urlencode({'input_token': secrets.get(TOKEN, '')})}"
    told = await ask(http, "GET", url, None, _app_bearer(app_id, secrets)) if app_id else None
    about = told.data.get("data") if isinstance(told, Told) and told.status == 200 else None
    if not isinstance(about, dict):
        return [], {}
    found = []
    has = about.get("scopes")
    if missing := sorted(set(scopes) - set(has if isinstance(has, list) else scopes)):
        found.append(Finding("error", "Permissions", f"The token lacks {', '.join(missing)}. Generate it again with them."))
    ends = about.get("expires_at")
    if isinstance(ends, int) and ends > 0:
        when = datetime.fromtimestamp(min(ends, 32_503_680_000), UTC)
        sentence = f"It ends on {when:%Y-%m-%d at %H:%M} UTC; then the bot falls silent. Generate one that never ends."
        found.append(Finding("error" if when <= at else "warning", "End of the token", sentence))
    granular = about.get("granular_scopes")
    granted = [one for one in granular if isinstance(one, dict)] if isinstance(granular, list) else []
    return found, {str(one.get("scope")): [str(target) for target in one.get("target_ids") or ()] for one in granted}


async def webhook_findings(
    http: OutboundClient, settings: Settings, secrets: Secrets, hook_url: str, topic: str, fields: Collection[str]
) -> Sequence[Finding]:
    """Whether the app posts what concerns the `topic`, a kind of object, to our address; nothing where Meta does not tell."""
    app_id = await app_id_of(http, settings, secrets)
    told = await ask(http, "GET", f"{graph_url(settings)}/{app_id}/subscriptions", None, _app_bearer(app_id, secrets)) if app_id else None
    found = told.data.get("data") if isinstance(told, Told) and told.status == 200 else None
    if not isinstance(found, list):
        return []
    told_of = next((one for one in found if isinstance(one, dict) and one.get("object") == topic), None)
    if told_of is None or not told_of.get("active", True):
        return [
            Finding("error", "Webhook", f"Meta sends nothing to this server yet. Paste {hook_url} and the verify token on the app's page.")
        ]
    if (url := told_of.get("callback_url")) != hook_url:
        reason = f"The app's address is {url}, this channel's is {hook_url}. Unless something passes messages on, nothing arrives."
        return [Finding("warning", "Webhook", reason)]
    has = {one.get("name") for one in told_of.get("fields") or () if isinstance(one, dict)}
    if missing := sorted(set(fields) - has):
        return [Finding("error", "Webhook", f"Subscribe the app's webhook also to {', '.join(missing)}.")]
    return [Finding("ok", "Webhook", "Meta sends messages to this server.")]


def _app_bearer(app_id: str, secrets: Secrets) -> dict[str, str]:
    """The header that speaks for the app itself."""
    return {"Authorization": f"Bearer {app_id}|{valid(secrets, SECRET)[0]}"}


def _error(told: Told) -> Mapping[str, Any]:
    found = told.data.get("error")
    return found if isinstance(found, dict) else {}


def _number(found: Any) -> int | None:
    return found if isinstance(found, int) else None

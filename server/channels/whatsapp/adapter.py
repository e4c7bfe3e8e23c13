"""WhatsApp: requests signed with HMAC-SHA256 of the app's secret over the raw body; the bot speaks by the Graph API."""

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from server.channels.contract import (
    Adapter,
    Answer,
    File,
    Finding,
    NotFetched,
    NotProven,
    Outbound,
    Received,
    Request,
    Secrets,
    SendFailed,
    Settings,
    valid,
)
from server.channels.provider import Told, ask, fetch_file, post
from server.channels.whatsapp.messages import parts_of
from server.channels.whatsapp.webhooks import read
from server.kit.http import OutboundClient

GRAPH_URL = "https://graph.facebook.com/v26.0"
SECRET = "app_secret"
TOKEN = "access_token"
VERIFY = "verify_token"
HEADER = "x-hub-signature-256"
WINDOW_CLOSED = 131047

# developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
_AGAIN = frozenset((1, 2, 4, 80007, 130429, 131000, 131016, 131056, 131057, 133016))
_SLOW_DOWN = frozenset((368, 131031, 131048))
_BLOCKS = frozenset((0, 3, 10, 190, *range(200, 300)))


def signature(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


class WhatsAppAdapter(Adapter):
    """WhatsApp Cloud."""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """The signature over the raw body must fit. There is no time in it: what comes twice is known by its id."""
        accepted = valid(secrets, SECRET)
        given = request.headers.get(HEADER, "").encode("latin-1", "replace")
        if HEADER in request.doubled or not any(hmac.compare_digest(given, signature(one, request.body).encode()) for one in accepted):
            raise NotProven("the signature does not fit")

    def handshake(self, request: Request, settings: Settings, secrets: Secrets) -> Answer | None:
        """Meta checks the address: the token must be ours, the answer is the challenge."""
        accepted, query = valid(secrets, VERIFY), request.query
        given = query.get("hub.verify_token", "").encode()
        challenge = query.get("hub.challenge", "")
        fits = any(hmac.compare_digest(given, token.encode()) for token in accepted)
        if not fits or query.get("hub.mode") != "subscribe" or request.doubled or not re.fullmatch(r"[\w-]{1,64}", challenge, re.ASCII):
            return Answer(403, b"The verify token is not the channel's.", "text/plain")
        return Answer(200, challenge.encode(), "text/plain")

    def parse(self, request: Request, settings: Settings) -> Received:
        """Messages and receipts."""
        return read(request, settings)

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """Texts, buttons, lists, files, templates."""
        return parts_of(body)

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Send one message. Its id says that it was accepted; receipts say what became of it."""
        if not secrets.get(TOKEN):
            raise SendFailed("dead", "The channel has no access token. Enter it in the channel's settings, then send again.", blocks=True)
        by_phone = message.contact_id.isdigit()
        place = dict(message.place) or {"to" if by_phone else "recipient": message.contact_id}
        given = {"messaging_product": "whatsapp", "recipient_type": "individual", **place, **part, "biz_opaque_callback_data": message.key}
        told = await post(http, f"{_number_url(settings)}/messages", given, _bearer(secrets))
        accepted = told.data.get("messages")
        if 200 <= told.status < 300 and isinstance(accepted, list) and accepted and isinstance(accepted[0], dict):
            return str(accepted[0].get("id") or "") or None
        raise _failed(told)

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Whether token, number and app secret belong together: Meta refuses a token that is proven with another app's secret."""
        url = f"{_number_url(settings)}?fields=verified_name,display_phone_number,quality_rating"
        told = await ask(http, "GET", url, None, _bearer(secrets))
        if isinstance(told, Finding):
            return [told]
        if told.status != 200:
            what = "Access token" if _code(told) in _BLOCKS else "Phone number id"
            return [Finding("error", what, f"Meta says: {_reason(told)}")]
        who = f"{told.data.get('verified_name')}, {told.data.get('display_phone_number')}"
        found = [Finding("ok", "Access token and phone number id", f"They belong to {who}.")]
        if str(told.data.get("quality_rating", "")).upper() == "RED":
            found.append(Finding("warning", "Quality", "Customers block or report this number. Meta may slow it down."))
        proof = hmac.digest(valid(secrets, SECRET)[0].encode(), secrets.get(TOKEN, "").encode(), "sha256").hex()
        told = await ask(http, "GET", f"{url}&appsecret_proof={proof}", None, _bearer(secrets))
        if isinstance(told, Finding):
            return [*found, told]
        if told.status != 200:
            reason = f"It is not that of the token's app, so nothing that Meta sends would be taken. Meta says: {_reason(told)}"
            return [*found, Finding("error", "App secret", reason)]
        return [*found, Finding("ok", "App secret", "It is that of the token's app.")]

    async def fetch(self, http: OutboundClient, provider_ref: str, settings: Settings, secrets: Secrets) -> File:
        """A file by its media id; our token goes to Meta's hosts only."""
        if not secrets.get(TOKEN) or not re.fullmatch(r"[\w-]{1,100}", provider_ref, re.ASCII):
            raise NotFetched("There is no token, or no such file.")
        told = await ask(http, "GET", f"{_graph(settings)}/{provider_ref}", None, _bearer(secrets))
        if isinstance(told, Finding):
            raise NotFetched(told.message)
        url = str(told.data.get("url", ""))
        parts, own = urlsplit(url), urlsplit(_graph(settings))
        host = parts.hostname or ""
        ours = parts.scheme == "https" and (host == "lookaside.fbsbx.com" or host.endswith(".fbcdn.net"))
        if not ours and (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            raise NotFetched(_reason(told) if not url else "The file is not at Meta.")
        return await fetch_file(http, url, _bearer(secrets))


def _failed(told: Told) -> SendFailed:
    code, reason = _code(told), _reason(told)
    if code == WINDOW_CLOSED:
        return SendFailed("dead", "The customer wrote more than 24 hours ago: WhatsApp takes only an approved template now.")
    if code in _SLOW_DOWN:
        return SendFailed("retry", f"WhatsApp has limited this number: {reason}", blocks=True)
    if code in _BLOCKS:
        return SendFailed("retry", f"WhatsApp does not take the channel's token: {reason} Run the channel's live check.", blocks=True)
    if code in _AGAIN or told.status == 429 or told.status >= 500:
        return SendFailed("retry", f"WhatsApp asks to wait: {reason}", told.retry_after_s)
    return SendFailed("dead", f"WhatsApp does not take this message: {reason}")


def _error(told: Told) -> Mapping[str, Any]:
    found = told.data.get("error")
    return found if isinstance(found, dict) else {}


def _code(told: Told) -> int | None:
    code = _error(told).get("code")
    return code if isinstance(code, int) else None


def _reason(told: Told) -> str:
    error = _error(told)
    data = error.get("error_data")
    details = (data.get("details") if isinstance(data, dict) else None) or error.get("message") or f"answer {told.status}"
    return f"{str(details)[:300].rstrip('.')}."


def _number_url(settings: Settings) -> str:
    return f"{_graph(settings)}/{settings.get('phone_number_id', '')}"


def _graph(settings: Settings) -> str:
    return str(settings.get("graph_url") or GRAPH_URL).rstrip("/")


def _bearer(secrets: Secrets) -> dict[str, str]:
    return {"Authorization": f"Bearer {secrets.get(TOKEN, '')}"}


adapter = WhatsAppAdapter()

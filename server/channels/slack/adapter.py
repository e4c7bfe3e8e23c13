"""Slack: requests signed `v0=` with HMAC-SHA256 over time and raw body; the bot speaks by `chat.postMessage`."""

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from server.channels.contract import (
    Adapter,
    File,
    Finding,
    NotConfigured,
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
from server.channels.slack.blocks import messages_of
from server.channels.slack.events import read
from server.kit.http import OutboundClient

API_URL = "https://slack.com/api"
SECRET = "signing_secret"
TOKEN = "bot_token"
TOLERANCE_S = 300
FILE_HOSTS = ("files.slack.com", "slack-files.com")
SCOPES = {
    "chat:write": "it cannot answer at all",
    "im:history": "it does not get direct messages",
    "app_mentions:read": "it does not get mentions in channels",
    "files:read": "it cannot open files that people send",
}

_SIGNED = frozenset(("x-slack-signature", "x-slack-request-timestamp"))
_AGAIN = frozenset(("internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "team_added_to_org"))
_BLOCKS = frozenset(
    (
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "org_login_required",
        "no_permission",
    )
)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The value of `X-Slack-Signature`."""
    return "v0=" + hmac.digest(secret.encode(), b"v0:" + timestamp.encode("latin-1", "replace") + b":" + body, "sha256").hex()


class SlackAdapter(Adapter):
    """Slack."""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """The signature must fit, and the time must be now."""
        accepted = valid(secrets, SECRET)
        timestamp, given = request.headers.get("x-slack-request-timestamp", ""), request.headers.get("x-slack-signature", "")
        if request.doubled & _SIGNED or not re.fullmatch(r"\d{10}", timestamp, re.ASCII):
            raise NotProven("no time, or a header came twice")
        if abs(request.at.timestamp() - int(timestamp)) > TOLERANCE_S:
            raise NotProven("too old, or from the future")
        raw = given.encode("latin-1", "replace")
        if not any(hmac.compare_digest(raw, signature(secret, timestamp, request.body).encode()) for secret in accepted):
            raise NotProven("the signature does not fit")

    def parse(self, request: Request, settings: Settings) -> Received:
        """Events, presses of buttons, slash commands."""
        return read(request, settings)

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """Text, or Block Kit."""
        return messages_of(body)

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Post one message; its channel and time are its id."""
        place = message.place or {"channel": message.contact_id}
        told = await post(http, f"{_api(settings)}/chat.postMessage", {**place, **part, "unfurl_links": False}, _bearer(secrets))
        if told.status == 200 and told.data.get("ok"):
            return f"{told.data.get('channel')}:{told.data.get('ts')}"
        raise _failed(told)

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Who the token belongs to, and what it may do."""
        found = [_secret_finding(secrets)]
        if not secrets.get(TOKEN):
            return [*found, Finding("error", "Bot token", "It is missing. Copy it from the page OAuth & Permissions of your app.")]
        told = await ask(http, "POST", f"{_api(settings)}/auth.test", {}, _bearer(secrets))
        if isinstance(told, Finding):
            return [*found, told]
        if not told.data.get("ok"):
            reason = f"Slack says {_error(told)}. Install the app again and copy the new token."
            return [*found, Finding("error", "Bot token", reason)]
        who = told.data
        learned = {"team_id": str(who.get("team_id", "")), "bot_user_id": str(who.get("user_id", ""))}
        bot = await ask(http, "GET", f"{_api(settings)}/bots.info?bot={who.get('bot_id')}", None, _bearer(secrets))
        if not isinstance(bot, Finding) and bot.data.get("ok"):
            learned["app_id"] = str(bot.data["bot"].get("app_id", ""))
        found.append(Finding("ok", "Bot token", f"It belongs to {who.get('user')} in the workspace {who.get('team')}.", learned))
        if not (learned.get("app_id") or settings.get("app_id")):
            reason = "Slack does not tell it without the permission users:read. Copy it from the page Basic Information."
            found.append(Finding("error", "App id", reason))
        granted = {scope.strip() for scope in told.headers.get("x-oauth-scopes", "").split(",")}
        for scope, without in SCOPES.items() if granted != {""} else ():
            if scope not in granted:
                found.append(
                    Finding(
                        "error" if scope == "chat:write" else "warning",
                        f"Permission {scope}",
                        f"Without it {without}. Add it, then install the app again.",
                    )
                )
        return found

    async def fetch(self, http: OutboundClient, provider_ref: str, settings: Settings, secrets: Secrets) -> File:
        """A file that somebody shared; our token goes to Slack's hosts only."""
        parts, own = urlsplit(provider_ref), urlsplit(_api(settings))
        if not ((parts.scheme == "https" and parts.hostname in FILE_HOSTS) or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)):
            raise NotFetched("The file is not at Slack.")
        if not secrets.get(TOKEN):
            raise NotFetched("The channel has no bot token.")
        return await fetch_file(http, provider_ref, _bearer(secrets))


def _failed(told: Told) -> SendFailed:
    error = _error(told)
    if told.status == 429 or error in _AGAIN or told.status >= 500:
        return SendFailed("retry", f"Slack asks to wait: {error}.", told.retry_after_s)
    if error in _BLOCKS:
        return SendFailed("retry", f"Slack does not take the bot's token: {error}. Run the channel's live check.", blocks=True)
    return SendFailed("dead", f"Slack does not take this message: {error}.")


def _error(told: Told) -> str:
    return str(told.data.get("error") or f"answer {told.status}")[:200]


def _secret_finding(secrets: Secrets) -> Finding:
    try:
        valid(secrets, SECRET)
    except NotConfigured:
        return Finding("error", "Signing secret", "It is missing. Copy it from the page Basic Information of your app.")
    return Finding("ok", "Signing secret", "It is here. The first message from Slack will show whether it is the right one.")


def _api(settings: Settings) -> str:
    return str(settings.get("api_url") or API_URL).rstrip("/")


def _bearer(secrets: Secrets) -> dict[str, str]:
    token = secrets.get(TOKEN)
    if not token:
        raise SendFailed("dead", "The channel has no bot token. Enter it in the channel's settings, then send again.", blocks=True)
    return {"Authorization": f"Bearer {token}"}


adapter = SlackAdapter()

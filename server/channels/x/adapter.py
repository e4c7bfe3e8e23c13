"""X: requests signed with HMAC-SHA256 of the app's secrets over the raw body; the bot speaks by X API v2 in the account's name."""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from server.channels.contract import (
    PREVIOUS,
    Adapter,
    Answer,
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
from server.channels.payload import part_of, text_of
from server.channels.provider import ask, fetch_file, post
from server.channels.x.events import read
from server.channels.x.marks import READ, TYPING, mark_url, show
from server.channels.x.messages import direct_parts, post_parts, with_link
from server.channels.x.oauth import Keys, Signed
from server.channels.x.pictures import upload
from server.channels.x.refusals import reason_of, refusal
from server.channels.x.subscribing import subscribe
from server.kit import clock
from server.kit.http import OutboundClient

API_URL = "https://api.x.com"
SIGNATURES = {"x-twitter-webhooks-signature": "consumer_secret", "x-twitter-webhooks-signature-oauth2": "client_secret"}
"""The headers in which X signs, and the secret of each."""
TOKENS = ("consumer_secret", "access_token", "access_token_secret")
FILE_HOSTS = ("ton.twitter.com", "video.twimg.com", "pbs.twimg.com")

# The challenge is signed with the key of the bodies: what could be part of a body is not signed.
_CHALLENGE = re.compile(r"[A-Za-z0-9_+/=.-]{1,128}", re.ASCII)


def signature(secret: str, told: bytes) -> str:
    """The value of the signature's header, and of the answer to a challenge."""
    return "sha256=" + b64encode(hmac.digest(secret.encode(), told, "sha256")).decode()


class XAdapter(Adapter):
    """X."""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """Every signature that can be checked must fit, and there must be one. No time is signed: what comes twice is known by its id."""
        known = {header: valid(secrets, name) for header, name in SIGNATURES.items() if _has(secrets, name)}
        if not known:
            raise NotConfigured("it has no consumer secret yet")
        given = {header: request.headers[header] for header in known if header in request.headers}
        if not given or request.doubled & SIGNATURES.keys():
            raise NotProven("there is no signature, or one came twice")
        for header, value in given.items():
            raw = value.encode("latin-1", "replace")
            if not any(hmac.compare_digest(raw, signature(secret, request.body).encode()) for secret in known[header]):
                raise NotProven("a signature does not fit")

    def handshake(self, request: Request, settings: Settings, secrets: Secrets) -> Answer | None:
        """X checks the address every day: the answer is its token, signed. Newer apps have a client secret, older ones the other."""
        token = request.query.get("crc_token", "")
        if request.doubled or not _CHALLENGE.fullmatch(token):
            return Answer(400, b"The crc_token is missing, or is none of X's.", "text/plain")
        secret = valid(secrets, "client_secret" if _has(secrets, "client_secret") else "consumer_secret")[0]
        return Answer(200, msgspec.json.encode({"response_token": signature(secret, token.encode())}))

    def parse(self, request: Request, settings: Settings) -> Received:
        """Direct messages, mentions and receipts."""
        return read(request, settings)

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """As direct messages."""
        return direct_parts(body)

    def parts(self, message: Outbound, settings: Settings) -> Sequence[Mapping[str, Any]]:
        """As direct messages, or as posts under the one that mentioned the account."""
        return post_parts(message.body) if message.place.get("post_id") else direct_parts(message.body)

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Send one direct message or post; its id."""
        if not (settings.get("consumer_key") and all(secrets.get(name) for name in TOKENS)):
            raise SendFailed(
                "dead", "The channel lacks keys or tokens. Enter them in the channel's settings, then send again.", blocks=True
            )
        post_id = message.place.get("post_id")
        given: dict[str, Any] = {"text": part["text"]} if part["text"] else {}
        if picture := part.get("picture"):
            signed, url = _signed(settings, secrets), f"{_api(settings)}/2/media/upload"
            media_id = await upload(http, picture["url"], url, "tweet_image" if post_id else "dm_image", signed)
            if media_id is None:
                given["text"] = with_link(part)
            else:
                given |= {"media": {"media_ids": [media_id]}} if post_id else {"attachments": [{"media_id": media_id}]}
        if post_id:
            url = f"{_api(settings)}/2/tweets"
            given["reply"] = {"in_reply_to_tweet_id": post_id}
        else:
            url = f"{_api(settings)}/2/dm_conversations/with/{quote(message.contact_id, safe='')}/messages"
        told = await post(http, url, given, _signed(settings, secrets).headers("POST", url))
        data = part_of(told.data, "data")
        if 200 <= told.status < 300 and (provider_id := text_of(data, "dm_event_id") or text_of(data, "id")):
            return provider_id
        raise refusal(told, clock.now())

    async def mark_read(
        self, http: OutboundClient, contact_id: str, place: Mapping[str, Any], settings: Settings, secrets: Secrets
    ) -> None:
        """The tick below a direct message."""
        if not place.get("message_id"):
            raise SendFailed("dead", "Only direct messages have read marks.")
        form = {"last_read_event_id": str(place["message_id"]), "recipient_id": contact_id}
        url = mark_url(_api(settings), READ)
        await show(http, url, form, _signed(settings, secrets).headers("POST", url, form))

    async def show_typing(
        self, http: OutboundClient, contact_id: str, place: Mapping[str, Any], settings: Settings, secrets: Secrets
    ) -> None:
        """Three dots in the direct messages."""
        if not place.get("message_id"):
            raise SendFailed("dead", "Only direct messages show that somebody writes.")
        form = {"recipient_id": contact_id}
        url = mark_url(_api(settings), TYPING)
        await show(http, url, form, _signed(settings, secrets).headers("POST", url, form))

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Who the access token belongs to."""
        url = f"{_api(settings)}/2/users/me"
        told = await ask(http, "GET", url, None, _signed(settings, secrets).headers("GET", url))
        if isinstance(told, Finding):
            return [told]
        who = part_of(told.data, "data")
        if told.status != 200 or not text_of(who, "id"):
            what, then = (
                ("Keys and tokens", "Copy all four again.") if told.status == 401 else ("Plan", "Look at your app's plan and project.")
            )
            return [Finding("error", what, f"X says: {reason_of(told)} {then}")]
        learned = {"user_id": text_of(who, "id"), "username": text_of(who, "username")}
        found = [Finding("ok", "Keys and tokens", f"They belong to @{learned['username']}.", learned)]
        may = told.headers.get("x-access-level", "")
        if may and "directmessages" not in may:
            reason = (
                f"The access token may only {may}. Allow direct messages in the app's user authentication settings, then make a new token."
            )
            found.append(Finding("error", "Access token", reason))
        return found

    async def connect(self, http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Tell X our address and what to send there."""
        return await subscribe(http, _api(settings), hook_url, settings, secrets.get("bearer_token", ""), _signed(settings, secrets))

    async def fetch(self, http: OutboundClient, provider_ref: str, settings: Settings, secrets: Secrets) -> File:
        """A file of a direct message; our signature goes to X's hosts only."""
        parts, own = urlsplit(provider_ref), urlsplit(_api(settings))
        if not ((parts.scheme == "https" and parts.hostname in FILE_HOSTS) or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)):
            raise NotFetched("The file is not at X.")
        return await fetch_file(http, provider_ref, _signed(settings, secrets).headers("GET", provider_ref))


def _signed(settings: Settings, secrets: Secrets) -> Signed:
    return Signed(Keys(str(settings.get("consumer_key", "")), *(secrets.get(name, "") for name in TOKENS)))


def _has(secrets: Secrets, name: str) -> bool:
    return bool(secrets.get(name) or secrets.get(name + PREVIOUS))


def _api(settings: Settings) -> str:
    return str(settings.get("api_url") or API_URL).rstrip("/")


adapter = XAdapter()

"""WhatsApp: requests signed with HMAC-SHA256 of the app's secret over the raw body; the bot speaks by the Graph API."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from server.channels import graph_api
from server.channels.contract import (
    Adapter,
    Answer,
    File,
    Finding,
    NotFetched,
    Outbound,
    Received,
    Request,
    Secrets,
    SendFailed,
    Settings,
)
from server.channels.graph_api import BLOCKS, bearer, code_of, graph_url, need_token, reason_of
from server.channels.provider import Told, ask, fetch_file, post, upload
from server.channels.whatsapp.messages import parts_of
from server.channels.whatsapp.webhooks import HEARD, read
from server.kit import clock
from server.kit.http import OutboundClient

WINDOW_CLOSED = 131047
TOPIC, FIELDS = "whatsapp_business_account", ("messages",)
MANAGES = "whatsapp_business_management"
SCOPES = ("whatsapp_business_messaging", MANAGES)
MOST_ACCOUNTS = 10
FILE_HOSTS = ("lookaside.fbsbx.com", ".fbcdn.net")

# developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
_AGAIN = frozenset((1, 2, 4, 80007, 130429, 131000, 131016, 131056, 131057, 133016))
_SLOW_DOWN = frozenset((368, 131031, 131048))
_NO_MEDIA = frozenset((131052, 131053))
_FILES = ("image", "audio", "video", "document")


class WhatsAppAdapter(Adapter):
    """WhatsApp Cloud."""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """Meta's signature must fit."""
        graph_api.verify(request, secrets)

    def handshake(self, request: Request, settings: Settings, secrets: Secrets) -> Answer | None:
        """Meta checks the address."""
        return graph_api.handshake(request, secrets)

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
        token = need_token(secrets)
        given = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **_place(message),
            "biz_opaque_callback_data": message.key,
        }
        kind = part["type"]
        media = part.get(kind) if kind in _FILES else None
        if media and not str(media["link"]).startswith("https://"):
            part = await _uploaded(http, part, settings, token)
        told = await post(http, f"{_number_url(settings)}/messages", {**given, **part}, token)
        if media and "link" in part[kind] and code_of(told) in _NO_MEDIA:  # Meta cannot get it, perhaps we can
            part = await _uploaded(http, part, settings, token)
            told = await post(http, f"{_number_url(settings)}/messages", {**given, **part}, token)
        accepted = told.data.get("messages")
        if 200 <= told.status < 300 and isinstance(accepted, list) and accepted and isinstance(accepted[0], dict):
            return str(accepted[0].get("id") or "") or None
        raise _failed(told)

    async def mark_read(
        self, http: OutboundClient, contact_id: str, place: Mapping[str, Any], settings: Settings, secrets: Secrets
    ) -> None:
        """Two blue ticks."""
        await _note_heard(http, place, settings, secrets)

    async def show_typing(
        self, http: OutboundClient, contact_id: str, place: Mapping[str, Any], settings: Settings, secrets: Secrets
    ) -> None:
        """For 25 seconds at most; what is answered is marked as read with it, so nothing where that is not wanted."""
        if settings.get("read_marks") == "no":
            raise SendFailed("dead", "WhatsApp shows that somebody writes only together with read marks.")
        await _note_heard(http, place, settings, secrets, typing_indicator={"type": "text"})

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Whether token, number and app secret belong together."""
        url = f"{_number_url(settings)}?fields=verified_name,display_phone_number,quality_rating"
        told = await ask(http, "GET", url, None, bearer(secrets))
        if isinstance(told, Finding):
            return [told]
        if told.status != 200:
            what = "Access token" if code_of(told) in BLOCKS else "Phone number id"
            return [Finding("error", what, f"Meta says: {reason_of(told)}")]
        who = f"{told.data.get('verified_name')}, {told.data.get('display_phone_number')}"
        found = [Finding("ok", "Access token and phone number id", f"They belong to {who}.")]
        if str(told.data.get("quality_rating", "")).upper() == "RED":
            found.append(Finding("warning", "Quality", "Customers block or report this number. Meta may slow it down."))
        return [*found, *await graph_api.app_secret_findings(http, url, secrets)]

    async def connect(self, http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Subscribe the number's account to the app, and look whether Meta posts to our address; a person has to tell it that."""
        found, granted = await graph_api.token_findings(http, settings, secrets, SCOPES, clock.now())
        account = await _account_of(http, granted.get(MANAGES, ()), settings, secrets)
        if account:
            told = await ask(http, "POST", f"{graph_url(settings)}/{account}/subscribed_apps", {}, bearer(secrets))
            if isinstance(told, Finding) or told.status != 200:
                reason = told.message if isinstance(told, Finding) else f"Meta says: {reason_of(told)}"
                found = [*found, Finding("error", "WhatsApp account", f"It could not be subscribed to the app. {reason}")]
        return [*found, *await graph_api.webhook_findings(http, settings, secrets, hook_url, TOPIC, FIELDS)]

    async def fetch(self, http: OutboundClient, provider_ref: str, settings: Settings, secrets: Secrets) -> File:
        """A file by its media id; our token goes to Meta's hosts only."""
        if not secrets.get(graph_api.TOKEN) or not re.fullmatch(r"[\w-]{1,100}", provider_ref, re.ASCII):
            raise NotFetched("There is no token, or no such file.")
        told = await ask(http, "GET", f"{graph_url(settings)}/{provider_ref}", None, bearer(secrets))
        if isinstance(told, Finding):
            raise NotFetched(told.message)
        url = str(told.data.get("url", ""))
        if not graph_api.is_at_meta(url, settings, FILE_HOSTS):
            raise NotFetched(reason_of(told) if not url else "The file is not at Meta.")
        return await fetch_file(http, url, bearer(secrets))


def _place(message: Outbound) -> dict[str, Any]:
    place = {name: value for name, value in message.place.items() if name != HEARD}
    return place or {"to" if message.contact_id.isdigit() else "recipient": message.contact_id}


async def _account_of(http: OutboundClient, accounts: Sequence[str], settings: Settings, secrets: Secrets) -> str:
    """The WhatsApp account among these that has the channel's number; empty when none is known to."""
    for account in [one for one in accounts if one.isdigit()][:MOST_ACCOUNTS]:
        told = await ask(http, "GET", f"{graph_url(settings)}/{account}/phone_numbers?fields=id&limit=100", None, bearer(secrets))
        numbers = told.data.get("data") if isinstance(told, Told) and told.status == 200 else None
        has = {one.get("id") for one in numbers if isinstance(one, dict)} if isinstance(numbers, list) else set()
        if settings.get("phone_number_id") in has:
            return account
    return ""


async def _note_heard(http: OutboundClient, place: Mapping[str, Any], settings: Settings, secrets: Secrets, **more: Any) -> None:
    if not place.get(HEARD):
        raise SendFailed("dead", "Nobody knows which message was heard.")
    given = {"messaging_product": "whatsapp", "status": "read", "message_id": place[HEARD], **more}
    told = await post(http, f"{_number_url(settings)}/messages", given, need_token(secrets))
    if told.status != 200:
        raise _failed(told)


async def _uploaded(http: OutboundClient, part: Mapping[str, Any], settings: Settings, token: Mapping[str, str]) -> Mapping[str, Any]:
    """The same part with its file given to Meta by us instead of by its address."""
    kind = part["type"]
    link = str(part[kind]["link"])
    try:
        file = await fetch_file(http, link)
    except NotFetched as reason:
        raise SendFailed("dead", f"Neither Meta nor this server can get the file {link}: {reason}") from None
    name = str(part[kind].get("filename") or PurePosixPath(urlsplit(link).path).name or kind)
    fields = {"messaging_product": "whatsapp", "type": file.media_type}
    told = await upload(http, f"{_number_url(settings)}/media", fields, name, file, token)
    if told.status != 200 or not told.data.get("id"):
        raise _failed(told)
    media = {name: value for name, value in part[kind].items() if name != "link"}
    return {**part, kind: {"id": str(told.data["id"]), **media}}


def _failed(told: Told) -> SendFailed:
    code, reason = code_of(told), reason_of(told)
    if code == WINDOW_CLOSED:
        return SendFailed("dead", "The customer wrote more than 24 hours ago: WhatsApp takes only an approved template now.")
    if code in _SLOW_DOWN:
        return SendFailed("retry", f"WhatsApp has limited this number: {reason}", blocks=True)
    if code in BLOCKS:
        return SendFailed("retry", f"WhatsApp does not take the channel's token: {reason} Run the channel's live check.", blocks=True)
    if code in _AGAIN or told.status == 429 or told.status >= 500:
        return SendFailed("retry", f"WhatsApp asks to wait: {reason}", graph_api.wait_of(told))
    return SendFailed("dead", f"WhatsApp does not take this message: {reason}")


def _number_url(settings: Settings) -> str:
    return f"{graph_url(settings)}/{settings.get('phone_number_id', '')}"


adapter = WhatsAppAdapter()

"""Messenger: requests signed with HMAC-SHA256 of the app's secret over the raw body; the page speaks by the Send API."""

from collections.abc import Mapping, Sequence
from typing import Any

from server.channels import graph_api
from server.channels.contract import Adapter, Answer, File, Finding, NotFetched, Outbound, Received, Request, Secrets, SendFailed, Settings
from server.channels.graph_api import BLOCKS, bearer, code_of, graph_url, need_token, reason_of, subcode_of
from server.channels.messenger.menu import profile_of
from server.channels.messenger.messages import parts_of
from server.channels.messenger.webhooks import read
from server.channels.provider import Told, ask, fetch_file, post
from server.kit import clock
from server.kit.http import OutboundClient

TOPIC = "page"
SCOPES = ("pages_messaging", "pages_manage_metadata")
FILE_HOSTS = (".fbcdn.net", ".fbsbx.com")
FIELDS = ("messages", "messaging_postbacks", "message_deliveries", "message_reads")

# developers.facebook.com/docs/messenger-platform/error-codes
_AGAIN = frozenset((1, 2, 4, 32, 341, 613, 1200, 80006))
_WINDOW_CLOSED = (10, 2018278)
_GONE = frozenset((2018001, 2018108, 1545041))
_USER_GONE = 551
_RESTRICTED = (10, 1893063)


class MessengerAdapter(Adapter):
    """Messenger, for one page."""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """Meta's signature must fit."""
        graph_api.verify(request, secrets)

    def handshake(self, request: Request, settings: Settings, secrets: Secrets) -> Answer | None:
        """Meta checks the address."""
        return graph_api.handshake(request, secrets)

    def parse(self, request: Request, settings: Settings) -> Received:
        """Messages, presses of buttons, receipts."""
        return read(request, settings)

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """Texts with quick replies, button and generic templates, files."""
        return parts_of(body)

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Send one message as an answer; our key of it comes back with its echo."""
        said = {"messaging_type": "RESPONSE", "message": {**part, "metadata": message.key}}
        told = await _send(http, message.contact_id, said, settings, secrets)
        return str(told.data["message_id"]) if told.data.get("message_id") else None

    async def mark_read(
        self, http: OutboundClient, contact_id: str, place: Mapping[str, Any], settings: Settings, secrets: Secrets
    ) -> None:
        """Everything of the customer counts as seen."""
        await _send(http, contact_id, {"sender_action": "mark_seen"}, settings, secrets)

    async def show_typing(
        self, http: OutboundClient, contact_id: str, place: Mapping[str, Any], settings: Settings, secrets: Secrets
    ) -> None:
        """For 20 seconds at most, or until the answer comes."""
        await _send(http, contact_id, {"sender_action": "typing_on"}, settings, secrets)

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Whether the token is the page's own, and of the secret's app."""
        told = await ask(http, "GET", f"{graph_url(settings)}/me?fields=id,name", None, bearer(secrets))
        if isinstance(told, Finding):
            return [told]
        if told.status != 200:
            return [Finding("error", "Page access token", f"Meta says: {reason_of(told)} Generate the page's token again.")]
        name, page_id = told.data.get("name"), str(told.data.get("id", ""))
        if page_id != settings.get("page_id"):
            reason = f"The token belongs to {name}, {page_id}. It must be that of the page itself, not of a person or of another page."
            return [Finding("error", "Page id", reason)]
        url = f"{graph_url(settings)}/me?fields=id"
        found = [Finding("ok", "Page and its token", f"They are those of {name}.")]
        return [*found, *await graph_api.app_secret_findings(http, url, secrets)]

    async def connect(self, http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Subscribe the page to the app, set the menu, and look where the app posts; a person has to tell it that."""
        page = _page_url(settings)
        wanted = f"{page}/subscribed_apps?subscribed_fields={','.join(FIELDS)}"
        told = await ask(http, "POST", wanted, {}, bearer(secrets))
        if isinstance(told, Finding):
            return [told]
        if told.status != 200:
            return [Finding("error", "Subscription of the page", f"Meta says: {reason_of(told)} The token needs pages_messaging.")]
        found = [Finding("ok", "Subscription of the page", "The app is told what customers write to the page.")]
        profile = profile_of(str(settings.get("menu", "")))
        if "persistent_menu" not in profile:
            await ask(http, "DELETE", f"{page}/messenger_profile", {"fields": ["persistent_menu"]}, bearer(secrets))
        told = await ask(http, "POST", f"{page}/messenger_profile", profile, bearer(secrets))
        if isinstance(told, Finding) or told.status != 200:
            reason = told.message if isinstance(told, Finding) else f"Meta says: {reason_of(told)}"
            found.append(Finding("warning", "Menu", f"It could not be set. {reason}"))
        limits, _ = await graph_api.token_findings(http, settings, secrets, SCOPES, clock.now())
        return [*found, *limits, *await graph_api.webhook_findings(http, settings, secrets, hook_url, TOPIC, FIELDS)]

    async def fetch(self, http: OutboundClient, provider_ref: str, settings: Settings, secrets: Secrets) -> File:
        """A file at one of Meta's addresses, which need no token."""
        if not graph_api.is_at_meta(provider_ref, settings, FILE_HOSTS):
            raise NotFetched("The file is not at Meta.")
        return await fetch_file(http, provider_ref)


async def _send(http: OutboundClient, to: str, said: Mapping[str, Any], settings: Settings, secrets: Secrets) -> Told:
    told = await post(http, f"{_page_url(settings)}/messages", {"recipient": {"id": to}, **said}, need_token(secrets))
    if told.status == 200 and told.data.get("recipient_id"):
        return told
    raise _failed(told)


def _failed(told: Told) -> SendFailed:
    code, subcode, reason = code_of(told), subcode_of(told), reason_of(told)
    if (code, subcode) == _WINDOW_CLOSED:
        return SendFailed("dead", "The customer wrote more than 24 hours ago: Messenger takes nothing until they write again.")
    if (code, subcode) == _RESTRICTED:
        return SendFailed("retry", f"Meta has restricted this page: {reason} See its Page quality.", blocks=True)
    if code == _USER_GONE or subcode in _GONE:
        return SendFailed("dead", f"The customer cannot be written to any more: {reason}")
    if code in BLOCKS:
        return SendFailed("retry", f"Messenger does not take the page's token: {reason} Run the channel's live check.", blocks=True)
    if code in _AGAIN or told.status == 429 or told.status >= 500:
        return SendFailed("retry", f"Messenger asks to wait: {reason}", graph_api.wait_of(told))
    return SendFailed("dead", f"Messenger does not take this message: {reason}")


def _page_url(settings: Settings) -> str:
    return f"{graph_url(settings)}/{settings.get('page_id', '')}"


adapter = MessengerAdapter()

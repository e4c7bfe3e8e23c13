"""WhatsApp by Twilio's Messages API; buttons and lists are resources of its Content API."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from server.channels.contract import Finding, Outbound, Secrets, SendFailed, Settings
from server.channels.provider import Told, ask
from server.channels.twilio.account import account_credentials, content_url
from server.channels.twilio.base import TwilioAdapter
from server.channels.twilio.webhooks import WHATSAPP
from server.channels.twilio_whatsapp.messages import CONTENT, parts_of
from server.kit.http import OutboundClient

MOST_KNOWN = 2_000


class TwilioWhatsAppAdapter(TwilioAdapter):
    """WhatsApp."""

    prefix = WHATSAPP

    def __init__(self) -> None:
        self._known: OrderedDict[str, str] = OrderedDict()
        """The ids of Content resources that were made, by what is in them."""

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """Texts, buttons, lists, files, templates."""
        return parts_of(body)

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Send one message; buttons and lists become a Content resource first, or words when Twilio does not make one."""
        if CONTENT not in part:
            return await super().send_part(http, part, message, settings, secrets)
        sid = await self._content_sid(http, part[CONTENT], settings, secrets)
        sent = {"Body": part["Body"]} if sid is None else {"ContentSid": sid}
        return await super().send_part(http, sent, message, settings, secrets)

    async def _content_sid(self, http: OutboundClient, types: Mapping[str, Any], settings: Settings, secrets: Secrets) -> str | None:
        """The id of a Content resource with these types; None when Twilio refuses it. Raises SendFailed to try later."""
        key = hashlib.sha256(msgspec.json.encode([settings.get("account_sid"), types])).hexdigest()
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known
        given = {"friendly_name": f"chatloom_{key[:32]}", "language": "en", "variables": {}, "types": types}
        told: Told | Finding = await ask(http, "POST", f"{content_url(settings)}/v1/Content", given, account_credentials(settings, secrets))
        if isinstance(told, Finding):
            raise SendFailed("retry", told.message)
        if told.status == 429 or told.status >= 500:
            raise SendFailed("retry", f"Twilio asks to wait: answer {told.status}.", told.retry_after_s)
        sid = str(told.data.get("sid") or "")
        if told.status not in (200, 201) or not sid:
            return None
        self._known[key] = sid
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return sid


adapter = TwilioWhatsAppAdapter()

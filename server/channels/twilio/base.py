"""A channel by Twilio: proves and reads its webhooks, sends by the Messages API, looks at the account."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from server.channels.contract import (
    Adapter,
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
from server.channels.provider import MOST_FILE_BYTES, Told, post_form
from server.channels.twilio.account import account_credentials, account_url, api_url, credentials, look_at_account, tell_address
from server.channels.twilio.proof import AUTH_TOKEN, prove
from server.channels.twilio.webhooks import read, reason_of
from server.kit.http import OutboundAnswer, OutboundClient, OutboundFailed, OutboundRefused

# twilio.com/docs/api/errors
_AGAIN = frozenset((20429, 14107, 21611, 30001, 63017, 63018, 63031))
_BLOCKS = frozenset((20003, 20005, 20404, 21212, 21603, 21606, 21659, 21660, 21661, 21704, 30002, 63007, 63038))


class TwilioAdapter(Adapter):
    """What the kinds of channels by Twilio have in common. `prefix` stands before each number."""

    prefix = ""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """The signature over the address and the form must fit."""
        prove(request, secrets)

    def parse(self, request: Request, settings: Settings) -> Received:
        """Messages and receipts."""
        return read(request, settings, self.prefix)

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Send one message. Its id says that it was accepted; receipts say what became of it."""
        if not secrets.get(AUTH_TOKEN):
            raise SendFailed("dead", "The channel has no auth token. Enter it in the channel's settings, then send again.", blocks=True)
        told = await post_form(
            http, f"{account_url(settings)}/Messages.json", self.fields(part, message, settings), credentials(settings, secrets)
        )
        if told.status == 201:
            return str(told.data.get("sid") or "") or None
        raise _failed(told)

    def fields(self, part: Mapping[str, Any], message: Outbound, settings: Settings) -> list[tuple[str, str]]:
        """The fields of the call that sends a part."""
        sender = str(settings.get("sender", ""))
        ours = str(message.place.get("From") or f"{self.prefix}{sender.removeprefix(self.prefix)}")
        by = ("MessagingServiceSid", sender) if sender.startswith("MG") else ("From", ours)
        callback = str(settings.get("status_callback") or "")
        fixed = [by, ("To", f"{self.prefix}{message.contact_id}"), *([("StatusCallback", callback)] if callback else [])]
        given = [(name, one) for name, value in part.items() for one in (value if isinstance(value, list) else [value])]
        return [*fixed, *given]

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Whether account, token, key and sender belong together."""
        return [finding async for finding in look_at_account(http, settings, secrets, self.prefix)]

    async def connect(self, http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Tell Twilio where messages and receipts go."""
        return [await tell_address(http, hook_url, settings, secrets, self.prefix)]

    async def fetch(self, http: OutboundClient, provider_ref: str, settings: Settings, secrets: Secrets) -> File:
        """A file by its path; where Twilio leads on to, our credentials do not go along."""
        url, headers = f"{api_url(settings)}{provider_ref}", account_credentials(settings, secrets)
        try:
            answer = await _get(http, url, headers)
            if answer.status in (301, 302, 303, 307, 308):
                answer = await _get(http, urljoin(url, answer.headers.get("location", "")), {})
        except (OutboundRefused, OutboundFailed) as error:
            raise NotFetched(str(error)) from None
        if answer.status != 200:
            raise NotFetched(f"Twilio answered {answer.status}.")
        return File(answer.headers.get("content-type", "application/octet-stream").split(";")[0].strip(), answer.body)


async def _get(http: OutboundClient, url: str, headers: Mapping[str, str]) -> OutboundAnswer:
    return await http.request("GET", url, headers=headers, timeout_s=30.0, max_bytes=MOST_FILE_BYTES)


def _failed(told: Told) -> SendFailed:
    code, reason = told.data.get("code"), f"{str(told.data.get('message') or f'answer {told.status}')[:300].rstrip('.')}."
    if code in _BLOCKS or told.status in (401, 403):
        return SendFailed("retry", f"Twilio does not take messages of this channel: {reason} Run its live check.", blocks=True)
    if code in _AGAIN or told.status == 429 or told.status >= 500:
        return SendFailed("retry", f"Twilio asks to wait: {reason}", told.retry_after_s)
    return SendFailed("dead", reason_of(str(code)) or f"Twilio does not take this message: {reason}")

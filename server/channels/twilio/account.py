"""The live check of channels by Twilio: whose token it is, what the sender can do, where its messages go."""

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from server.channels.contract import Finding, Secrets, Settings
from server.channels.provider import Told, ask, ask_form
from server.channels.twilio.proof import AUTH_TOKEN
from server.kit.http import OutboundClient

API_URL = "https://api.twilio.com"
MESSAGING_URL = "https://messaging.twilio.com"
CONTENT_URL = "https://content.twilio.com"
KEY = "api_key_secret"
SERVICE = "MG"

_PASTE = "In Twilio's console paste the address of this channel into the field for incoming messages"


def api_url(settings: Settings) -> str:
    """Where the account's resources are."""
    return str(settings.get("api_url") or API_URL).rstrip("/")


def account_url(settings: Settings) -> str:
    """Where the account is."""
    return f"{api_url(settings)}/2010-04-01/Accounts/{settings.get('account_sid', '')}"


def credentials(settings: Settings, secrets: Secrets) -> dict[str, str]:
    """Those of the API key if there is one, otherwise the account's."""
    if settings.get("api_key_sid") and secrets.get(KEY):
        return _basic(str(settings["api_key_sid"]), secrets[KEY])
    return account_credentials(settings, secrets)


def account_credentials(settings: Settings, secrets: Secrets) -> dict[str, str]:
    """The account's id and token."""
    return _basic(str(settings.get("account_sid", "")), secrets.get(AUTH_TOKEN, ""))


async def look_at_account(http: OutboundClient, settings: Settings, secrets: Secrets, prefix: str) -> AsyncIterator[Finding]:
    """Whether account, token, key and sender belong together; stops at the first error."""
    told = await ask(http, "GET", f"{account_url(settings)}.json", None, account_credentials(settings, secrets))
    if isinstance(told, Finding):
        yield told
        return
    if told.status != 200:
        yield Finding("error", "Auth token", f"It is not that of the account: {_reason(told)} Copy both from Twilio's console again.")
        return
    if told.data.get("status") != "active":
        yield Finding("error", "Account", f"Twilio says that it is {told.data.get('status')}. Ask Twilio's support.")
        return
    yield Finding("ok", "Account and auth token", f"They belong to {told.data.get('friendly_name')}.")
    if told.data.get("type") == "Trial":
        yield Finding("warning", "Trial account", "It reaches only numbers that you have verified in Twilio's console.")
    told = await ask(http, "GET", f"{account_url(settings)}.json", None, credentials(settings, secrets))
    if isinstance(told, Finding) or told.status not in (200, 403):  # a restricted key may send and not look
        yield told if isinstance(told, Finding) else Finding("error", "API key", f"Twilio does not take it: {_reason(told)}")
        return
    yield _sender_finding(await _sender(http, settings, secrets, prefix), settings, prefix)


async def tell_address(http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets, prefix: str) -> Finding:
    """Have Twilio send this sender's messages to us, and receipts of what we send."""
    known, login = {"status_callback": hook_url}, account_credentials(settings, secrets)
    sender = await _sender(http, settings, secrets, prefix)
    if isinstance(sender, Finding):
        return Finding("warning", "Webhook", f"{_PASTE}: {hook_url}", known)
    sid = str(sender.get("sid", ""))
    told: Told | Finding
    if sid.startswith(SERVICE):
        fields = [("InboundRequestUrl", hook_url), ("InboundMethod", "POST"), ("UseInboundWebhookOnNumber", "false")]
        told = await ask_form(http, f"{_messaging_url(settings)}/v1/Services/{sid}", fields, login)
    elif prefix:
        given = {"webhook": {"callback_url": hook_url, "callback_method": "POST", "status_callback_url": hook_url}}
        told = await ask(http, "POST", f"{_messaging_url(settings)}/v2/Channels/Senders/{sid}", given, login)
    else:
        fields = [("SmsUrl", hook_url), ("SmsMethod", "POST")]
        told = await ask_form(http, f"{account_url(settings)}/IncomingPhoneNumbers/{sid}.json", fields, login)
    if isinstance(told, Finding):
        return told
    if not 200 <= told.status < 300:
        return Finding("error", "Webhook", f"Twilio does not take this server's address: {_reason(told)}")
    return Finding("ok", "Webhook", "Twilio sends messages and receipts to this server.", known)


async def _sender(http: OutboundClient, settings: Settings, secrets: Secrets, prefix: str) -> Mapping[str, Any] | Finding:
    """What Twilio knows of the sender; a finding when it knows none, or does not say."""
    sender, login = str(settings.get("sender", "")).removeprefix(prefix), account_credentials(settings, secrets)
    if sender.startswith(SERVICE):
        told = await ask(http, "GET", f"{_messaging_url(settings)}/v1/Services/{sender}", None, login)
        found = [] if isinstance(told, Finding) or told.status != 200 else [told.data]
    elif prefix:
        told = await ask(http, "GET", f"{_messaging_url(settings)}/v2/Channels/Senders?Channel=whatsapp&PageSize=100", None, login)
        listed = [] if isinstance(told, Finding) else told.data.get("senders") or []
        found = [one for one in listed if isinstance(one, dict) and one.get("sender_id") == f"{prefix}{sender}"]
    else:
        told = await ask(http, "GET", f"{account_url(settings)}/IncomingPhoneNumbers.json?PhoneNumber={quote(sender)}", None, login)
        listed = [] if isinstance(told, Finding) else told.data.get("incoming_phone_numbers") or []
        found = [one for one in listed if isinstance(one, dict) and one.get("phone_number") == sender]
    if isinstance(told, Finding):
        return told
    return found[0] if found else Finding("error", "Sender", f"The account has no sender {sender}. {_reason(told)}".strip())


def _sender_finding(found: Mapping[str, Any] | Finding, settings: Settings, prefix: str) -> Finding:
    sender = str(settings.get("sender", ""))
    if isinstance(found, Finding):
        if found.title == "Sender" and (prefix or not sender.startswith(("+", SERVICE))):  # a sandbox or a short code is not listed
            return Finding(
                "warning", "Sender", f"Twilio does not list {sender} among the account's senders. Is it the sandbox, or a short code?"
            )
        return found
    if prefix and str(found.get("status", "ONLINE")).upper() != "ONLINE":
        return Finding("error", "Sender", f"Twilio says that it is {found.get('status')}, not online.")
    can = found.get("capabilities")
    if not prefix and isinstance(can, dict) and not can.get("sms"):
        return Finding("error", "Sender", f"The number {sender} cannot send texts. Choose one that can.")
    if not prefix and settings.get("mms") == "on" and isinstance(can, dict) and not can.get("mms"):
        return Finding("warning", "Pictures", f"The number {sender} cannot send MMS. Switch pictures off: they go as links then.")
    return Finding("ok", "Sender", f"{sender} is the account's.")


def content_url(settings: Settings) -> str:
    """Where Content resources are; beside a proxy's API there is only the proxy."""
    own = api_url(settings)
    return CONTENT_URL if own == API_URL else own


def _messaging_url(settings: Settings) -> str:
    own = api_url(settings)
    return MESSAGING_URL if own == API_URL else own


def _reason(told: Told) -> str:
    said = told.data.get("message")
    return f"{str(said)[:300].rstrip('.')}." if said else "" if told.status == 200 else f"It answered {told.status}."


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
